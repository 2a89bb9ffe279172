//! Plans of the statements that find rows by a key other than the user, and of the background workers.

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use domain::one_time::Purpose;
use domain::session::{Cutoffs, FeedPosition, TokenHash};
use domain::user::Email;
use domain::{Stamp, UserId};
use postgres_testbed::Database;
use uuid::Uuid;

use super::assert_plan;
use crate::outbox;
use crate::row_security::{RowScope, RowSecurity, Worker};
use crate::sessions::{facts, live, revocation_feed, sweep};
use crate::tables::external_identities::owner_statement;
use crate::tables::one_time_tokens::{consume_statement, find_valid_statement};
use crate::tables::sessions::remove_ended_statement;
use crate::tables::users::id_by_address;
use crate::test_support::{connection, migrated};

const USER: UserId = UserId(Uuid::from_u128(500));

async fn many_of_each() -> Database {
    let (database, mut owner) = migrated("plans_accounts").await;
    owner
        .batch_execute(
            "create function of(n integer) returns uuid language sql immutable as
                $$ select lpad(to_hex(n), 32, '0')::uuid $$;
             insert into users (id, email, email_key, email_verified, is_active, created_at, updated_at, sync_clock, sync_horizon,
                    live_todos)
             select of(u), u || '@example.com', u || '@example.com', true, u % 500 > 0, now(), now(), now(), 'epoch', 0
               from generate_series(1, 5000) u;
             insert into sessions (id, user_id, created_at, last_used_at, expires_at, access_until, trusted_from)
             select of(s), of(s / 10 + 1), now(), now(), now() + s * interval '1 s', now(), now() from generate_series(1, 40000) s;
             insert into sessions (id, user_id, created_at, last_used_at, expires_at, access_until, trusted_from, revoked_at,
                    revoke_reason)
             select of(s), of(500), now() - s * interval '1 s', now(), now() + s * interval '1 s', now(), now(), now(), 'logout'
               from generate_series(40001, 60000) s;
             insert into refresh_tokens (id, session_id, user_id, generation, token_hash, issued_at, expires_at, replaced_at,
                    replaced_by)
             select of(t), of(t / 2 + 1), of((t / 2 + 1) / 10 + 1), t % 2, sha256(of(t)::text::bytea), now(),
                    now() + t * interval '1 s', case when t % 2 = 0 then now() end, case when t % 2 = 0 then of(t + 1) end
               from generate_series(1, 79000) t;
             alter table revoked_tokens disable trigger number_revocation;
             insert into revoked_tokens (session_id, user_id, reason, revoked_at, expires_at, ordinal)
             select of(r), of(r / 10 + 1), 'logout', now() + r * interval '1 s', now() + r * interval '1 s', r
               from generate_series(1, 40000) r;
             insert into external_identities (provider, subject, user_id, created_at)
             select 'provider' || i % 3, 'subject' || i, of(i / 10 + 1), now() from generate_series(1, 40000) i;
             insert into one_time_tokens (id, kind, token_hash, user_id, payload, expires_at)
             select of(o), 'verify_email', sha256(of(o)::text::bytea), of(o / 10 + 1), '', now() + o * interval '1 s'
               from generate_series(1, 40000) o;
             insert into mail_outbox (id, user_id, \"to\", template, token_id, next_attempt_at, sent_at, given_up_at)
             select of(m), of(m / 10 + 1), 'ann@example.com', 'verify_email', of(m),
                    case when m % 100 = 0 then now() + m * interval '1 s' end,
                    case when m % 100 > 1 then now() + m * interval '1 s' end,
                    case when m % 100 = 1 then now() + m * interval '1 s' end
               from generate_series(1, 40000) m;
             drop function of(integer);
             analyze",
        )
        .await
        .expect("filled");
    database
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_of_accounts_and_workers_uses_an_index() {
    let database = many_of_each().await;
    for row_security in [RowSecurity::Writes, RowSecurity::All] {
        crate::set_row_security(&database.owner_url(), row_security).await.expect("set");
        let mut conn = connection(&database).await;
        by_keys(&mut conn).await;
        by_workers(&mut conn).await;
    }
}

async fn by_keys(conn: &mut AsyncPgConnection) {
    let (hash, now) = (TokenHash([7; 32]), Stamp::EPOCH);
    RowScope::User(USER).set(conn).await.expect("set");
    RowScope::token(&hash).set(conn).await.expect("set");
    let by_hash = &["refresh_tokens_token_hash_key", "refresh_tokens_pkey", "sessions_pkey", "users_pkey"];
    assert_plan(conn, "facts", facts::statement(USER, &hash), by_hash).await;
    assert_plan(conn, "live", live::statement(USER, now), &["sessions_open"]).await;
    let remove_ended = remove_ended_statement(USER);
    assert_plan(conn, "remove ended", remove_ended, &["sessions_of_user"]).await;

    let by_hash = &["one_time_tokens_token_hash_key"];
    let find_valid = find_valid_statement(Purpose::VerifyEmail, &hash, now);
    assert_plan(conn, "find_valid", find_valid, by_hash).await;
    let consume = consume_statement(Purpose::VerifyEmail, &hash, now);
    assert_plan(conn, "consume", consume, by_hash).await;

    let email = Email::parse("500@example.com").expect("an address");
    RowScope::address(&email).set(conn).await.expect("set");
    assert_plan(conn, "address", id_by_address(&email), &["users_email_key_unique"]).await;

    RowScope::identity("provider1", "subject1").set(conn).await.expect("set");
    let owner = owner_statement("provider1", "subject1");
    assert_plan(conn, "identity", owner, &["external_identities_pkey"]).await;
}

async fn by_workers(conn: &mut AsyncPgConnection) {
    let now = Stamp::EPOCH;
    assert_plan(
        conn,
        "revocation feed",
        revocation_feed::statement(Some(FeedPosition(i64::MAX)), now),
        &["revoked_tokens_by_ordinal"],
    )
    .await;

    RowScope::Worker(Worker::Outbox).set(conn).await.expect("set");
    assert_plan(conn, "claim", outbox::claim(now, now, 10), &["mail_outbox_due", "mail_outbox_pkey"]).await;
    assert_plan(conn, "queued", outbox::queued(), &["mail_outbox_due"]).await;

    RowScope::Worker(Worker::Sweep).set(conn).await.expect("set");
    let marks: [&[&str]; 8] = [
        &["refresh_tokens_by_end", "refresh_tokens_pkey"],
        &["sessions_by_end", "refresh_tokens_of_session", "sessions_pkey"],
        &["one_time_tokens_by_end", "one_time_tokens_pkey"],
        &["one_time_tokens_used", "one_time_tokens_pkey"],
        &["mail_outbox_sent", "mail_outbox_pkey"],
        &["mail_outbox_given_up", "mail_outbox_pkey"],
        &["revoked_tokens_by_end", "refresh_tokens_of_session", "refresh_tokens_pkey"],
        &["revoked_tokens_by_end", "refresh_tokens_of_session", "revoked_tokens_pkey"],
    ];
    for (statement, marks) in sweep::statements(&Cutoffs::at(now), 100).into_iter().zip(marks) {
        assert_plan(conn, "sweep", statement, marks).await;
    }
}
