//! Row-level security of background workers: each reaches only its tables, even without `WHERE` clauses.

use adapters_postgres::RowSecurity;
use domain::mail::Template;
use domain::one_time::Purpose;
use domain::session::EndReason;
use domain::{TodoId, UserId};
use domain_testkit::Harness;
use domain_testkit::build::{
    T0, at, batch, create, delete, email, email_token, ending, identity, new_session, notice, todo_id,
};
use postgres_testbed::{Database, Role};
use tokio_postgres::error::SqlState;

use crate::support::{client, fresh, url_of};

/// Two users, each with a live todo, a tombstone, an ended session, an identity, a token, a queued mail and
/// a sent one. A further token and a further mail have no user.
async fn furnished(row_security: RowSecurity) -> (Harness, Database, Vec<(UserId, TodoId)>) {
    let (h, database) = fresh("workers", row_security).await;
    let mut users = Vec::new();
    for _ in 0..2 {
        let user = h.user().await;
        let address = h.stored(user).await.email.expect("an address");
        let [live, gone] = [todo_id(), todo_id()];
        h.apply(user, [create(live, "milk"), create(gone, "eggs"), delete(gone)]).await;
        let session = new_session(at(1_000));
        let opening = ending(EndReason::DeviceRevoked, T0);
        h.sessions.open(user, session.clone(), 5, opening).await.expect("an answer").expect("it opens");
        h.sessions.end(user, session.id, ending(EndReason::Logout, at(1))).await.expect("an answer");
        h.identities
            .link(
                user,
                None,
                identity("google", &user.to_string(), None),
                notice(Template::ProviderLinked),
                T0,
            )
            .await
            .expect("an answer");
        h.one_time
            .send(email_token(Purpose::VerifyEmail, Some(user), &address), T0)
            .await
            .expect("an answer");
        for mail in h.outbox.claim(T0, at(1), 10).await.expect("an answer") {
            h.outbox.sent(mail.mail.id, at(1)).await.expect("an answer");
        }
        h.one_time
            .send(email_token(Purpose::ResetPassword, Some(user), &address), T0)
            .await
            .expect("an answer");
        h.outbox.claim(T0, at(60), 10).await.expect("an answer");
        users.push((user, live));
    }
    let stranger = email_token(Purpose::MagicLink, None, &email("stranger@example.com"));
    h.one_time.send(stranger, T0).await.expect("an answer");
    (h, database, users)
}

/// The number of rows that the role sees in each table as this worker.
fn counts(database: &Database, role: Role, work: &str) -> String {
    let tables = [
        "users",
        "todos",
        "sessions",
        "refresh_tokens",
        "revoked_tokens",
        "external_identities",
        "one_time_tokens",
        "mail_outbox",
    ];
    let counts = tables.map(|table| format!("(select count(*) from {table})")).join(", ");
    let sql = format!("begin; set local todo.work = '{work}'; select {counts}; commit;");
    database.sql(role, &sql).expect("the tables may be read")
}

/// Runs the statement as the worker.
fn at_work(database: &Database, work: &str, statement: &str) -> Result<String, String> {
    let sql = format!("begin; set local todo.work = '{work}'; {statement}; commit;");
    database.sql(Role::App, &sql)
}

const MODES: [RowSecurity; 2] = [RowSecurity::Writes, RowSecurity::All];

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_without_where_deletes_only_rows_that_may_be_swept() {
    for mode in MODES {
        let (h, database, _) = furnished(mode).await;
        let claimed = h.outbox.claim(T0, at(60), 1).await.expect("an answer");
        h.outbox.abandoned(claimed[0].mail.id, "550 no such user", at(2)).await.expect("an answer");
        assert_eq!(counts(&database, Role::Owner, ""), "2|4|2|2|2|2|5|5", "{mode:?}");
        let without_where = "delete from users; delete from todos; delete from external_identities; delete from mail_outbox; \
                      delete from one_time_tokens; delete from refresh_tokens; delete from sessions; delete from revoked_tokens";
        at_work(&database, "sweep", without_where).expect("the statements are allowed");
        assert_eq!(counts(&database, Role::Owner, ""), "2|4|0|0|0|2|0|2", "{mode:?}: mails that wait stay");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_cannot_update_rows() {
    for mode in MODES {
        let (_h, database, _) = furnished(mode).await;
        for (table, column) in [
            ("sessions", "client_id = 'x'"),
            ("refresh_tokens", "generation = 7"),
            ("revoked_tokens", "reason = 'x'"),
            ("one_time_tokens", "payload = 'x'"),
            ("mail_outbox", "last_error = 'x'"),
        ] {
            let update = format!("update {table} set {column}");
            let refused = at_work(&database, "sweep", &update).expect_err("the policy refuses");
            assert!(refused.contains("row-level security"), "{mode:?} {table}: {refused}");
        }
        for (table, column) in
            [("users", "display_name"), ("todos", "client_id"), ("external_identities", "email")]
        {
            let update = format!(
                "with changed as (update {table} set {column} = 'x' returning 1) select count(*) from changed"
            );
            let changed = at_work(&database, "sweep", &update);
            assert_eq!(changed.as_deref(), Ok("0"), "{mode:?} {table}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outbox_worker_reaches_only_mails() {
    for mode in MODES {
        let (_h, database, _) = furnished(mode).await;
        for (statement, rows) in [
            ("update mail_outbox set attempts = 7", "5"),
            ("delete from mail_outbox", "0"),
            ("update one_time_tokens set payload = 'x'", "0"),
            ("delete from sessions", "0"),
            ("delete from one_time_tokens", "0"),
            ("update users set display_name = 'x'", "0"),
        ] {
            let counted = format!("with done as ({statement} returning 1) select count(*) from done");
            let done = at_work(&database, "outbox", &counted);
            assert_eq!(done.as_deref(), Ok(rows), "{mode:?} {statement}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_restricted_reads_each_worker_sees_only_its_tables() {
    let (_h, database, _) = furnished(RowSecurity::All).await;
    let seen = |work: &str| counts(&database, Role::App, work);
    assert_eq!(seen("sweep"), "0|2|2|2|2|0|5|5", "of todos the tombstones");
    assert_eq!(seen("outbox"), "0|0|0|0|2|0|0|5");
    assert_eq!(seen(""), "0|0|0|0|2|0|0|0", "revocations are everybody's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_deletes_tombstones_in_the_scope_of_their_users() {
    for mode in MODES {
        let (h, database, users) = furnished(mode).await;
        assert_eq!(h.todos.sweep_tombstones(at(60), 1).await.expect("an answer"), 1, "{mode:?}");
        assert_eq!(h.todos.sweep_tombstones(at(60), 10).await.expect("an answer"), 1, "{mode:?}");
        assert_eq!(database.sql(Role::Owner, "select count(*) from todos").as_deref(), Ok("2"));
        for (user, live) in users {
            assert!(h.todo(user, live).await.is_some());
            h.assert_live(user, 1).await;
            let position = h.changes(user, None, 10).await.position;
            assert_eq!(position.horizon, position.clock, "the tombstone was the last change");
            let outcomes = h.decide(user, batch([create(todo_id(), "more")]), at(2)).await;
            assert_eq!(outcomes.len(), 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_servers_role_may_call_the_owners_functions() {
    let (_h, database, users) = furnished(RowSecurity::All).await;
    let (ann, todo) = users[0];
    let (bob, _) = users[1];
    let ask = |user: UserId| format!("select todo_is_anothers(user_id => '{user}', todo_id => '{}')", todo.0);
    assert_eq!(database.sql(Role::App, &ask(bob)).as_deref(), Ok("t"));
    assert_eq!(database.sql(Role::App, &ask(ann)).as_deref(), Ok("f"));
    let root = client(&url_of(&database, "postgres")).await;
    let role = format!("{}_stranger", database.name());
    root.batch_execute(&format!("create role {role} login")).await.expect("created");
    let stranger = client(&url_of(&database, &role)).await;
    for question in [ask(bob), "select todo_disabled_users()".to_owned()] {
        let refused = stranger.batch_execute(&question).await.expect_err("refused");
        assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{question}: {refused}");
    }
    // What a temporary table of the same name holds is not what the owner's function sees.
    let shadowed =
        format!("create temp table todos (id uuid, user_id uuid, deleted_at timestamptz); {}", ask(bob));
    assert_eq!(database.sql(Role::App, &shadowed).as_deref(), Ok("t"));
}
