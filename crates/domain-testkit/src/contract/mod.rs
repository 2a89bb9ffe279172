//! The guarantees of every store, one async function each.
//!
//! An adapter runs them all by `domain_testkit::store_contract!(harness);`, where `harness` is an
//! `async fn() -> domain_testkit::Harness` of its test that makes a fresh store. The crate that
//! uses the macro needs `tokio` with `macros` and `rt-multi-thread` among its dev-dependencies.

pub mod accounts;
pub mod batches;
pub mod cursors;
pub mod deletion;
pub mod devices;
pub mod dropped;
pub mod email_tokens;
pub mod events;
pub mod housekeeping;
pub mod isolation;
pub mod issuers;
pub mod listing;
pub mod magic_links;
pub mod ordering;
pub mod outbox;
pub mod passwords;
pub mod profiles;
pub mod providers;
pub mod quota;
pub mod repeats;
pub mod rollback;
pub mod rotation;
pub mod search;
pub mod sessions;
pub mod takeover;
pub mod tokens;
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
            a_failed_all_or_nothing_batch_writes_nothing
            a_successful_all_or_nothing_batch_writes_everything
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
            a_cursor_finds_exactly_the_later_changes
            a_stale_cursor_writes_nothing
            an_initial_sync_passes_the_horizon
            every_read_reports_the_same_position
        );
        $crate::store_contract!(@theme $harness quota:
            the_live_count_follows_every_change
            a_restoring_edit_counts_against_the_quota
            at_the_quota_creations_and_restorations_are_rejected
            an_all_or_nothing_batch_over_the_quota_writes_nothing
            concurrent_creations_stay_within_the_quota
        );
        $crate::store_contract!(@theme $harness events:
            each_accepted_change_is_published_once
            a_restoring_edit_is_published_as_restored
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
            titles_are_ordered_by_folded_code_point
            ties_are_broken_by_id
            active_todos_come_last_by_completion_time
            page_edges_are_exact
            since_finds_later_changes_and_deletions
        );
        $crate::store_contract!(@theme $harness accounts:
            a_registered_user_is_found
            a_registration_may_open_a_session
            an_address_is_taken_whatever_its_case
            letters_beyond_ascii_are_never_folded
            of_registrations_at_once_one_succeeds
            a_rehash_replaces_only_the_hash_it_knew
            the_probe_finds_a_store_that_works
        );
        $crate::store_contract!(@theme $harness passwords:
            a_new_password_ends_every_other_session
            a_new_password_and_its_notice_are_written_together
            a_password_changed_meanwhile_is_not_replaced
            of_password_changes_at_once_one_is_made
            an_expired_session_is_ended_by_a_new_password
            a_session_is_not_opened_on_a_password_that_was_changed
            no_session_opened_on_the_old_password_outlives_its_change
        );
        $crate::store_contract!(@theme $harness sessions:
            an_opened_session_is_found_by_its_token
            a_session_of_an_unknown_user_is_not_opened
            beyond_the_cap_the_oldest_session_ends
            ended_and_expired_sessions_do_not_count
            a_refreshed_session_counts_until_its_new_expiry
            logins_at_once_keep_to_the_cap
            a_session_ends_once
            all_sessions_end_but_the_one_to_keep
            an_expired_session_can_be_ended
            revocations_are_given_from_an_instant_on
            any_device_may_open_a_session
        );
        $crate::store_contract!(@theme $harness rotation:
            a_rotation_replaces_the_token
            an_unknown_token_is_unknown
            two_hundred_rotations_at_once_leave_one_live_token
            within_the_grace_a_repeat_gets_the_same_successor
            a_lost_answer_can_be_fetched_long_after
            reuse_after_the_grace_ends_the_session
            an_expired_token_is_refused
            a_token_of_an_ended_session_is_refused
            a_logout_wins_against_a_refresh_at_once
        );
        $crate::store_contract!(@theme $harness tokens:
            a_token_is_consumed_once
            of_fifty_presenters_at_once_one_succeeds
            a_token_is_good_until_its_end
            a_newer_token_voids_the_older
            of_tokens_sent_at_once_one_is_good
            a_token_of_nobody_voids_nothing
            a_decoy_leaves_no_mail
            nothing_is_stored_for_a_user_who_is_gone
        );
        $crate::store_contract!(@theme $harness email_tokens:
            a_registration_writes_its_verification
            a_refused_registration_writes_no_mail
            an_address_is_verified_once
            an_address_given_up_is_not_verified
            a_reset_ends_every_session
            of_fifty_resets_at_once_one_is_made
            a_reset_sent_to_an_address_given_up_is_void
            a_token_and_its_mail_are_written_together
        );
        $crate::store_contract!(@theme $harness magic_links:
            a_first_link_makes_the_account
            a_link_that_is_not_good_makes_nothing
            two_first_links_at_once_make_one_account
            of_fifty_with_one_link_one_logs_in
            whoever_registered_an_address_unverified_is_locked_out
            a_verified_account_keeps_its_password_and_sessions
            a_link_to_a_disabled_account_logs_nobody_in
            a_link_keeps_to_the_cap
        );
        $crate::store_contract!(@theme $harness takeover:
            a_session_that_has_ended_links_changes_and_deletes_nothing
            a_link_at_once_with_a_takeover_leaves_no_way_in
            a_link_leaves_no_way_in_from_before
            a_reset_leaves_no_way_in_from_before
            an_identity_of_the_owner_finds_the_account_again
            identities_of_a_verified_account_stay
            a_new_password_voids_what_would_get_past_it
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
            a_mail_comes_out_as_it_was_written
            each_mail_goes_to_one_worker
            a_lease_that_ran_out_gives_the_mail_to_another
            a_mail_that_was_sent_is_never_due_again
            a_refused_mail_is_due_again_when_said
            a_mail_given_up_is_never_due_again
            the_mail_due_for_longest_comes_first
            an_unknown_mail_is_nobodys
        );
        $crate::store_contract!(@theme $harness issuers:
            a_subject_becomes_a_user_at_first_sight
            another_subject_or_issuer_is_another_user
            ten_first_requests_at_once_make_one_user
            an_address_never_joins_an_external_subject
            an_external_subject_takes_no_address_away
        );
        $crate::store_contract!(@theme $harness providers:
            a_new_identity_makes_a_user
            a_verified_address_gets_the_identity
            an_unverified_address_needs_a_link
            a_disabled_account_is_not_resolved
            resolutions_at_once_make_one_user
            a_registration_and_a_resolution_at_once_share_no_address
            an_identity_belongs_to_one_user
            a_link_replaces_the_one_at_the_same_provider
            the_last_way_in_is_not_taken
            two_unlinks_at_once_leave_a_way_in
            providers_are_sorted
        );
        $crate::store_contract!(@theme $harness devices:
            a_token_is_found_with_what_belongs_to_it
            live_sessions_come_the_last_used_first
            a_touched_session_was_last_used_there
            disabled_accounts_are_told_with_the_revocations
            a_disabled_account_neither_opens_nor_refreshes_sessions
        );
        $crate::store_contract!(@theme $harness deletion:
            a_deleted_account_leaves_nothing
            of_deletions_at_once_one_is_made
            a_deletion_at_once_with_other_writes_leaves_nothing
            the_records_are_complete
        );
        $crate::store_contract!(@theme $harness housekeeping:
            what_is_past_its_end_is_swept
            mails_are_swept_a_week_after_they_were_sent_or_given_up
            sweeps_come_in_batches
            old_tombstones_are_swept_and_move_the_horizon
            a_swept_id_can_be_reused_and_its_number_can_not
            a_restoration_during_a_sweep_succeeds_or_finds_nothing
        );
    };
    (@theme $harness:ident $theme:ident: $($name:ident)*) => {
        mod $theme {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    let contract = $crate::contract::$theme::$name(super::$harness().await);
                    $crate::in_time(stringify!($name), contract).await;
                }
            )*
        }
    };
}
