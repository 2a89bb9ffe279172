//! The guarantees of every store, one async function each.
//!
//! An adapter runs them all by `domain_testkit::store_contract!(harness);`, where `harness` is an
//! `async fn() -> domain_testkit::Harness` of its test that makes a fresh store. The crate that
//! uses the macro needs `tokio` with `macros` and `rt-multi-thread` among its dev-dependencies.

pub mod accounts;
pub mod administration;
pub mod batches;
pub mod byte_quota;
pub mod cursors;
pub mod deletion;
pub mod deletion_races;
pub mod devices;
pub mod dropped;
pub mod email_tokens;
pub mod ended_sessions;
pub mod events;
pub mod histories;
pub mod housekeeping;
pub mod isolation;
pub mod issuers;
pub mod linking;
pub mod listing;
pub mod magic_links;
pub mod ordering;
pub mod outbox;
pub mod passwords;
pub mod profiles;
pub mod providers;
pub mod quota;
pub mod records;
pub mod repeats;
pub mod revocations;
pub mod rollback;
pub mod rotation;
pub mod search;
pub mod sessions;
pub mod sweeps;
pub mod takeover;
pub mod tokens;
pub mod tombstones;
pub mod values;

/// Names every contract as a test of the store that `async fn harness() -> Harness` makes, in a
/// module per theme.
#[macro_export]
macro_rules! store_contract {
    ($harness:ident) => {
        $crate::store_contract!(@theme $harness ordering:
            stamps_follow_the_clock_and_never_go_back
            each_applied_change_of_a_batch_has_its_own_stamp
            concurrent_writers_of_one_user_get_unique_rising_stamps
            a_poller_misses_nothing_while_others_write
            exactly_one_of_concurrent_edits_of_one_version_is_accepted
            a_read_sees_every_commit_answered_before_it
            a_read_is_one_snapshot
        );
        $crate::store_contract!(@theme $harness batches:
            a_thousand_changes_are_one_commit
            a_second_change_of_an_id_applies_on_top_of_the_first
            one_batch_may_create_delete_and_restore_a_todo
            an_empty_batch_changes_nothing
            concurrent_batches_are_decided_one_after_the_other
            numbers_are_unique_and_permanent
            outcomes_are_in_the_order_of_the_changes
        );
        $crate::store_contract!(@theme $harness repeats:
            a_batch_sent_again_changes_nothing
            exactly_one_of_concurrent_equal_creations_creates
            an_id_in_use_is_not_created_again
            the_strategy_of_the_batch_decides_stale_changes
            a_repeated_request_may_add_changes_of_the_same_todos
            a_merge_applies_the_fields_that_are_not_in_conflict
        );
        $crate::store_contract!(@theme $harness isolation:
            two_users_may_choose_the_same_id
            concurrent_writes_of_the_same_ids_by_different_users_do_not_interfere
            another_users_todo_can_be_neither_seen_nor_changed
            only_the_existence_of_another_users_todo_is_revealed
            each_user_has_a_separate_clock
            an_unknown_user_has_nothing
            another_users_sessions_can_not_be_ended
        );
        $crate::store_contract!(@theme $harness rollback:
            a_batch_of_an_unknown_user_leaves_nothing
            refused_batches_do_not_affect_concurrent_ones
        );
        $crate::store_contract!(@theme $harness dropped:
            a_dropped_commit_is_written_completely_or_not_at_all
            a_dropped_registration_is_written_completely_or_not_at_all
            a_dropped_rotation_can_be_repeated
            a_dropped_password_change_is_written_completely_or_not_at_all
            a_dropped_reset_is_written_completely_or_not_at_all
            a_dropped_deletion_is_written_completely_or_not_at_all
            a_dropped_profile_change_is_written_completely_or_not_at_all
        );
        $crate::store_contract!(@theme $harness values:
            every_read_gives_what_the_commit_answered
            a_row_beyond_the_current_limits_can_be_used
            texts_come_back_as_typed
            the_longest_texts_fit
            a_long_title_that_does_not_compress_fits
            the_first_and_the_last_instant_fit
            any_instant_is_a_valid_cursor
            any_uuid_is_a_valid_id
        );
        $crate::store_contract!(@theme $harness cursors:
            changes_come_in_pages_without_gap_or_repeat
            a_page_of_changes_ends_with_two_mebibytes_of_text
            a_cursor_finds_exactly_the_later_changes
            a_stale_cursor_writes_nothing
            a_device_that_sends_from_the_clock_is_up_to_date
            an_initial_sync_passes_the_horizon
            every_read_reports_the_same_position
            tombstones_are_left_out_unless_asked_for
        );
        $crate::store_contract!(@theme $harness quota:
            the_live_count_follows_every_change
            a_restoring_edit_counts_against_the_quota
            at_the_quota_creations_and_restorations_are_rejected
            a_change_after_a_rejected_one_of_the_same_todo_is_rejected_with_it
            concurrent_creations_stay_within_the_quota
        );
        $crate::store_contract!(@theme $harness events:
            each_accepted_change_is_published_once
            a_restoring_edit_is_published_as_restored
            the_batches_of_a_user_follow_on_one_another
            the_clocks_of_several_users_are_read_together
            the_events_of_each_user_are_in_order
            a_published_todo_can_be_read
        );
        $crate::store_contract!(@theme $harness search:
            wildcards_are_searched_literally
            every_word_has_to_occur
            case_does_not_matter
            any_character_can_be_searched
            an_edited_todo_is_found_by_its_new_words_only
            a_search_respects_the_filter
        );
        $crate::store_contract!(@theme $harness listing:
            every_combination_of_filter_and_order_is_correct
            titles_are_ordered_as_people_order_them
            ties_are_broken_by_id
            active_todos_come_last_by_completion_time
            page_edges_are_exact
            since_finds_later_changes_and_deletions
            a_long_list_comes_in_parts_without_gap_or_repeat
        );
        $crate::store_contract!(@theme $harness administration:
            users_are_listed_in_pages
            an_account_is_disabled_and_enabled
            an_address_is_marked_as_verified
        );
        $crate::store_contract!(@theme $harness accounts:
            a_registered_user_is_found
            a_registration_may_open_a_session
            an_invitation_registers_its_address_once
            exactly_one_of_concurrent_registrations_uses_an_invitation
            an_address_is_taken_regardless_of_case
            non_ascii_letters_are_not_case_folded
            exactly_one_of_concurrent_registrations_succeeds
            a_rehash_replaces_only_the_expected_hash
            the_probe_of_a_working_store_succeeds
        );
        $crate::store_contract!(@theme $harness passwords:
            a_new_password_ends_every_other_session
            a_new_password_and_its_notice_are_written_together
            a_password_other_than_the_expected_one_is_not_replaced
            exactly_one_of_concurrent_password_changes_succeeds
            a_new_password_also_ends_expired_sessions
            a_session_is_not_opened_with_a_replaced_password
            no_session_opened_with_the_old_password_survives_its_change
        );
        $crate::store_contract!(@theme $harness sessions:
            an_opened_session_is_found_by_its_token
            a_session_of_an_unknown_user_is_not_opened
            beyond_the_cap_the_oldest_session_ends
            ended_and_expired_sessions_do_not_count
            a_refreshed_session_counts_until_its_new_expiry
            concurrent_logins_respect_the_cap
            a_session_ends_once
            all_sessions_except_the_kept_one_end
            ending_all_sessions_voids_logins_that_wait_to_be_exchanged
            an_expired_session_can_be_ended
            any_device_details_are_accepted
        );
        $crate::store_contract!(@theme $harness revocations:
            a_user_keeps_a_bounded_number_of_ended_sessions
            revocations_are_listed_after_a_position
            a_reader_of_revocations_misses_none
        );
        $crate::store_contract!(@theme $harness rotation:
            a_rotation_replaces_the_token
            an_unknown_token_is_reported_as_unknown
            two_hundred_concurrent_rotations_leave_one_live_token
            a_repeat_within_the_grace_period_gets_the_same_successor
            a_lost_response_can_be_fetched_much_later_once
            a_thief_in_lock_step_ends_the_session
            replaced_tokens_are_forgotten_after_a_while
            reuse_after_the_grace_period_ends_the_session
            an_expired_token_is_refused
            a_token_of_an_ended_session_is_refused
            a_logout_wins_over_a_concurrent_refresh
        );
        $crate::store_contract!(@theme $harness tokens:
            a_token_is_consumed_once
            exactly_one_of_fifty_concurrent_uses_succeeds
            a_token_is_valid_until_it_expires
            a_newer_token_invalidates_the_older_ones
            exactly_one_of_concurrently_sent_tokens_stays_valid
            a_token_without_a_user_invalidates_nothing
            a_token_without_a_mail_queues_none
            nothing_is_stored_for_an_unknown_user
        );
        $crate::store_contract!(@theme $harness email_tokens:
            a_registration_stores_its_verification
            a_refused_registration_queues_no_mail
            an_address_is_verified_once
            a_former_address_is_not_verified
            a_reset_ends_every_session
            exactly_one_of_fifty_concurrent_resets_succeeds
            a_reset_sent_to_a_former_address_is_invalid
            every_mail_is_queued_with_its_own_token
        );
        $crate::store_contract!(@theme $harness magic_links:
            a_first_link_creates_the_account
            an_invalid_link_creates_nothing
            a_first_link_creates_nothing_without_a_new_user
            two_concurrent_first_links_create_one_account
            exactly_one_of_fifty_concurrent_uses_of_a_link_logs_in
            an_unverified_registrant_is_locked_out
            a_verified_account_keeps_its_password_and_sessions
            a_link_does_not_log_in_to_a_disabled_account
            a_login_by_link_respects_the_cap
        );
        $crate::store_contract!(@theme $harness ended_sessions:
            an_ended_session_changes_nothing_that_needs_a_proof
            a_live_session_changes_its_own_account_only
            a_write_that_races_with_the_end_of_its_session_comes_first_or_not_at_all
        );
        $crate::store_contract!(@theme $harness takeover:
            an_identity_linked_during_a_takeover_does_not_survive_it
            a_magic_link_ends_all_earlier_access
            a_takeover_removes_the_name
            a_reset_ends_all_earlier_access
            a_reset_unlinks_identities_on_request
            a_reset_or_a_change_of_address_proves_nothing_for_a_day
            the_owners_identity_resolves_to_the_account
            identities_of_a_verified_account_are_kept
            a_new_password_invalidates_tokens_that_bypass_it
        );
        $crate::store_contract!(@theme $harness profiles:
            a_name_is_set_changed_and_cleared
            a_new_address_is_unverified_and_both_addresses_get_a_mail
            a_name_and_an_address_change_together
            an_address_of_another_account_is_refused
            a_refused_address_leaves_the_name_as_it_was
            of_concurrent_changes_to_one_address_exactly_one_succeeds
            the_own_address_may_change_its_case
            a_profile_of_an_unknown_user_is_not_changed
        );
        $crate::store_contract!(@theme $harness outbox:
            a_mail_is_claimed_as_it_was_queued
            each_mail_is_claimed_by_one_worker
            a_mail_is_due_again_when_its_lease_expires
            a_sent_mail_is_never_due_again
            a_failed_mail_is_due_again_at_the_given_time
            an_abandoned_mail_is_never_due_again
            the_mail_due_longest_is_claimed_first
            a_link_is_claimed_before_the_notices_of_the_last_hour
            reports_on_an_unknown_mail_are_ignored
        );
        $crate::store_contract!(@theme $harness issuers:
            the_first_token_of_a_subject_creates_a_user
            another_subject_or_issuer_is_another_user
            ten_concurrent_first_requests_create_one_user
            an_external_subject_never_joins_an_account_by_address
            an_external_subject_claims_no_address
        );
        $crate::store_contract!(@theme $harness providers:
            a_new_identity_creates_a_user
            a_new_identity_is_linked_by_its_verified_address
            an_unverified_address_needs_a_link
            a_disabled_account_is_not_resolved
            concurrent_logins_with_a_new_identity_create_one_user
            a_concurrent_registration_and_provider_login_share_no_address
            an_unknown_identity_creates_nothing_without_a_new_user
        );
        $crate::store_contract!(@theme $harness linking:
            an_identity_belongs_to_one_user
            a_link_never_replaces_another_identity
            the_owner_is_told_of_links_and_unlinks
            a_login_by_an_identity_is_as_good_as_its_link
            the_last_login_method_is_not_unlinked
            only_login_methods_that_are_offered_count
            two_concurrent_unlinks_leave_one_login_method
            providers_are_sorted
        );
        $crate::store_contract!(@theme $harness devices:
            a_token_is_found_with_its_session_user_and_successor
            live_sessions_are_listed_by_last_use
            touching_a_session_updates_its_last_use
            disabled_accounts_are_listed_with_the_revocations
            a_disabled_account_neither_opens_nor_refreshes_sessions
        );
        $crate::store_contract!(@theme $harness deletion:
            a_deleted_account_leaves_nothing
            a_full_account_is_deleted_at_once_and_its_todos_in_steps
            tokens_and_mails_of_a_deleted_account_go_in_steps
            the_owner_is_told_of_the_deletion
        );
        $crate::store_contract!(@theme $harness records:
            the_records_are_complete
        );
        $crate::store_contract!(@theme $harness deletion_races:
            exactly_one_of_concurrent_deletions_succeeds
            a_deletion_concurrent_with_other_writes_leaves_nothing
        );
        $crate::store_contract!(@theme $harness housekeeping:
            an_expired_login_is_swept_after_a_week
            a_session_outlives_its_access_tokens
            a_revocation_is_swept_an_hour_after_its_tokens_end
            a_swept_revocation_takes_the_replaced_tokens_along
            a_one_time_token_is_swept_when_it_expires
            a_used_one_time_token_is_swept_at_once
            mails_are_swept_a_week_after_they_were_sent_or_abandoned
            a_sweep_removes_at_most_the_limit_of_each_kind
        );
        $crate::store_contract!(@theme $harness sweeps:
            old_tombstones_are_swept_and_move_the_horizon
            a_swept_id_can_be_reused_and_its_number_can_not
            a_restoration_during_a_sweep_succeeds_or_finds_nothing
        );
        $crate::store_contract!(@theme $harness histories:
            a_cursor_ahead_of_the_clock_begins_an_epoch_of_the_user
            concurrent_cursors_ahead_of_the_clock_begin_one_epoch
            an_exchange_without_changes_notices_a_restore
            an_announced_epoch_refuses_only_what_was_lost
            only_a_change_enters_a_new_epoch
            an_unknown_epoch_is_never_continued
            a_user_begins_in_the_epoch_of_the_registration
        );
        $crate::store_contract!(@theme $harness tombstones:
            a_commit_beyond_the_limit_removes_the_oldest_tombstones
            a_tombstone_that_the_batch_changes_is_not_removed
            an_id_removed_beyond_the_limit_can_be_used_again
            tombstones_stay_within_the_limit
            concurrent_deletions_stay_within_the_limit
            a_healed_deletion_is_a_tombstone_that_counts
            a_shrunk_tombstone_keeps_version_stamp_and_number
            tombstones_shrink_in_batches_and_are_swept
            a_restoration_during_a_shrinking_succeeds_or_finds_no_text
        );
        $crate::store_contract!(@theme $harness byte_quota:
            at_the_byte_quota_only_growth_is_rejected
            concurrent_creations_stay_within_the_byte_quota
        );
    };
    (@theme $harness:ident $theme:ident: $($name:ident)*) => {
        mod $theme {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    let contract = $crate::contract::$theme::$name;
                    $crate::run_contract(stringify!($name), super::$harness().await, contract).await;
                }
            )*
        }
    };
}
