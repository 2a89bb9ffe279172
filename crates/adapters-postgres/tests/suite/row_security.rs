//! Row-level security: a statement that lacks its `WHERE` clause affects no other user's rows.

use adapters_postgres::{ConnectError, Options, PostgresStore, RowSecurity, set_row_security};
use domain::UserId;
use domain::mail::Template;
use domain::one_time::Purpose;
use domain::session::EndReason;
use domain_testkit::Harness;
use domain_testkit::build::{T0, at, create, email_token, ending, identity, new_session, notice, todo_id};
use postgres_testbed::{Database, Role};

use crate::support::{connect, fresh, harness_of, options, store_at};

const TABLES: [&str; 8] = [
    "users",
    "todos",
    "sessions",
    "refresh_tokens",
    "revoked_tokens",
    "external_identities",
    "one_time_tokens",
    "mail_outbox",
];

/// Creates a user with a row in each table.
async fn user_with_rows(h: &Harness) -> UserId {
    let user = h.user().await;
    let address = h.stored(user).await.email.expect("an address");
    h.one_time.send(email_token(Purpose::VerifyEmail, Some(user), &address), T0).await.expect("an answer");
    h.identities
        .link(user, None, identity("google", &user.to_string(), None), notice(Template::ProviderLinked), T0)
        .await
        .expect("an answer");
    h.applied(user, create(todo_id(), "milk")).await;
    let logout = ending(EndReason::Logout, at(1));
    for _ in 0..2 {
        h.sessions.open(user, new_session(at(1_000)), 1, logout).await.expect("an answer").expect("it opens");
    }
    user
}

async fn two_users(row_security: RowSecurity) -> (Harness, Database, UserId, UserId) {
    let (h, database) = fresh("row_security", row_security).await;
    let (ann, bob) = (user_with_rows(&h).await, user_with_rows(&h).await);
    (h, database, ann, bob)
}

/// Runs the statements in a transaction whose scope is the user.
fn as_user(database: &Database, user: UserId, statements: &str) -> Result<String, String> {
    let sql = format!("begin; set local todo.users = '{{{user}}}'; {statements}; commit;");
    database.sql(Role::App, &sql)
}

/// For each table, the number of the user's rows and of all rows, as the owner sees them.
fn counts(database: &Database, user: UserId) -> Vec<(i64, i64)> {
    let count = |table: &str| {
        let id = if table == "users" { "id" } else { "user_id" };
        let sql = format!("select count(*) filter (where {id} = '{user}'), count(*) from {table}");
        let row = database.sql(Role::Owner, &sql).expect("the owner may read");
        let (own, all) = row.split_once('|').expect("two columns");
        (own.parse().expect("a number"), all.parse().expect("a number"))
    };
    TABLES.iter().map(|table| count(table)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_without_where_changes_only_rows_in_scope() {
    for mode in [RowSecurity::Writes, RowSecurity::All] {
        let (_h, database, ann, bob) = two_users(mode).await;
        let without_where = "update users set display_name = 'x'; update todos set client_id = 'x'; \
                      update sessions set client_id = 'x'; update refresh_tokens set generation = 77; \
                      update revoked_tokens set reason = 'x'; update external_identities set email = 'x'; \
                      update one_time_tokens set payload = 'x'; update mail_outbox set last_error = 'x'";
        as_user(&database, ann, without_where).expect("the statements are allowed");
        let changed = |user: UserId| {
            let sql = format!(
                "select (select count(*) from users where id = '{user}' and display_name = 'x'),
                        (select count(*) from todos where user_id = '{user}' and client_id = 'x'),
                        (select count(*) from sessions where user_id = '{user}' and client_id = 'x'),
                        (select count(*) from refresh_tokens where user_id = '{user}' and generation = 77),
                        (select count(*) from revoked_tokens where user_id = '{user}' and reason = 'x'),
                        (select count(*) from external_identities where user_id = '{user}' and email = 'x'),
                        (select count(*) from one_time_tokens where user_id = '{user}' and payload = 'x'),
                        (select count(*) from mail_outbox where user_id = '{user}' and last_error = 'x')"
            );
            database.sql(Role::Owner, &sql).expect("the owner may read")
        };
        assert_eq!(changed(ann), "1|1|2|2|1|1|1|1", "{mode:?}");
        assert_eq!(changed(bob), "0|0|0|0|0|0|0|0", "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_without_where_deletes_only_rows_in_scope() {
    let (_h, database, ann, bob) = two_users(RowSecurity::Writes).await;
    let before = counts(&database, bob);
    assert!(before.iter().all(|(own, all)| 2 * own == *all), "two users with as many rows: {before:?}");
    let without_where = "delete from todos; delete from refresh_tokens; delete from sessions; delete from revoked_tokens; \
                  delete from external_identities; delete from one_time_tokens; delete from mail_outbox; delete from users";
    as_user(&database, ann, without_where).expect("the statements are allowed");
    assert!(counts(&database, ann).iter().all(|(own, _)| *own == 0));
    let after = counts(&database, bob);
    assert!(after.iter().all(|(own, all)| own == all), "only Bob's rows are left: {after:?}");
    assert!(before.iter().zip(&after).all(|(before, after)| before.0 == after.0), "{before:?} {after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_without_a_scope_changes_nothing() {
    let (_h, database, ann, _) = two_users(RowSecurity::Writes).await;
    let before = counts(&database, ann);
    let without_where = TABLES.map(|table| format!("delete from {table};")).concat();
    // A setting that was local to an earlier transaction is empty now, and not unset.
    let sql = format!("begin; set local todo.users = '{{{ann}}}'; commit; {without_where}");
    database.sql(Role::App, &sql).expect("the statements are allowed");
    database.sql(Role::App, &without_where).expect("the statements are allowed");
    assert_eq!(counts(&database, ann), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_cannot_be_written_for_another_user() {
    let (_h, database, ann, bob) = two_users(RowSecurity::Writes).await;
    for statement in [
        format!("update todos set user_id = '{bob}'"),
        format!(
            "insert into revoked_tokens (session_id, user_id, reason, revoked_at, expires_at) \
                 values (gen_random_uuid(), '{bob}', 'logout', now(), now())"
        ),
        format!("update external_identities set user_id = '{bob}'"),
        format!("update one_time_tokens set user_id = '{bob}'"),
        format!("update mail_outbox set user_id = '{bob}'"),
        "update mail_outbox set user_id = null".to_owned(),
    ] {
        let refused = as_user(&database, ann, &statement).expect_err("the policy refuses");
        assert!(refused.contains("row-level security"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_without_where_sees_only_rows_in_scope_if_reads_are_restricted() {
    let (_h, database, ann, _) = two_users(RowSecurity::All).await;
    let without_where = "select (select count(*) from users), (select count(*) from todos), (select count(*) from sessions), \
                  (select count(*) from refresh_tokens), (select count(*) from external_identities), \
                  (select count(*) from one_time_tokens), (select count(*) from mail_outbox)";
    let seen = as_user(&database, ann, without_where).expect("the statement is allowed");
    assert_eq!(seen, "1|1|2|2|1|1|1");
    assert_eq!(database.sql(Role::App, without_where).as_deref(), Ok("0|0|0|0|0|0|0"), "no scope, no row");
    let looked_for = format!("begin; set local todo.key = 'nobody@example.com'; {without_where}; commit;");
    assert_eq!(database.sql(Role::App, &looked_for).as_deref(), Ok("0|0|0|0|0|0|0"));
    // A session can't open the reads.
    let opened = format!("set todo.reads = 'open'; {without_where}");
    assert_eq!(database.sql(Role::App, &opened).as_deref(), Ok("0|0|0|0|0|0|0"));
    set_row_security(&database.owner_url(), RowSecurity::Writes).await.expect("set");
    let open = as_user(&database, ann, without_where).expect("the statement is allowed");
    assert_eq!(open, "2|2|4|4|2|2|2", "open reads rely on their WHERE clause alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_shows_only_the_row_with_that_key() {
    let (_h, database, ann, _) = two_users(RowSecurity::All).await;
    let own = |what: &str, table: &str, id: &str| {
        let sql = format!("select {what} from {table} where {id} = '{ann}' limit 1");
        database.sql(Role::Owner, &sql).expect("the owner may read")
    };
    let email = own("email_key", "users", "id");
    let hash = own("encode(token_hash, 'hex')", "refresh_tokens", "user_id");
    let subject = own("provider || E'\\n' || subject", "external_identities", "user_id");
    let sent = own("encode(token_hash, 'hex')", "one_time_tokens", "user_id");
    let mail = own("token_id", "mail_outbox", "user_id");
    let without_where = "select (select count(*) from users), (select count(*) from refresh_tokens), \
                  (select count(*) from external_identities), (select count(*) from one_time_tokens), \
                  (select count(*) from mail_outbox), (select count(*) from todos) + (select count(*) from sessions)";
    for (key, seen) in [
        (email, "1|0|0|0|0|0"),
        (hash, "0|1|0|0|0|0"),
        (subject, "0|0|1|0|0|0"),
        (sent, "0|0|0|1|0|0"),
        (mail, "0|0|0|0|1|0"),
    ] {
        let sql = format!("begin; set local todo.key = '{key}'; {without_where}; commit;");
        assert_eq!(database.sql(Role::App, &sql).as_deref(), Ok(seen));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_reports_that_row_security_does_not_restrict_the_owner() {
    let (_h, database) = fresh("owner", RowSecurity::Writes).await;
    let (store, _bus) = store_at(database.owner_url()).await;
    assert!(!store.row_security_active().await.expect("an answer"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_reads_without_a_scope_needs_a_schema_that_does_not_restrict_reads() {
    let (h, database) = fresh("restricted", RowSecurity::Writes).await;
    let user = h.user().await;
    assert_eq!(h.clock(user).await, T0);
    let owner = database.owner_url();
    set_row_security(&owner, RowSecurity::All).await.expect("set");
    // The session has a plan of before, without the policy.
    assert_eq!(h.todos.position(user).await.expect("an answer"), None);
    let unready = h.probe.probe().await.expect_err("not ready").to_string();
    assert!(unready.contains("migrate row-security writes"), "{unready}");
    let bus = std::sync::Arc::new(domain_testkit::RecordingBus::new());
    let refused = PostgresStore::connect(options(database.app_url(), &bus)).await.err();
    assert!(matches!(refused, Some(ConnectError::ReadsRestricted)), "{refused:?}");
    let refused = PostgresStore::connect(options(owner.clone(), &bus)).await.err();
    assert!(refused.is_none(), "the policies do not restrict the owner: {refused:?}");

    set_row_security(&owner, RowSecurity::Writes).await.expect("set");
    h.probe.probe().await.expect("ready");
    assert_eq!(h.clock(user).await, T0);
    let all = Options { row_security: RowSecurity::All, ..options(database.app_url(), &bus) };
    let all = connect(all).await;
    assert_eq!(harness_of(&all, bus, &database, ()).clock(user).await, T0);
}
