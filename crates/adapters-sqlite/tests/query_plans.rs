//! Query plans of every statement that the store runs, with 1,000 users of 1,000 todos each: none reads
//! another user's rows.

#![allow(clippy::expect_used, reason = "a test that can't set itself up should panic")]

use std::path::Path;
use std::sync::{Arc, Mutex};

use adapters_sqlite::{OpenOptions, SqliteStore, migrate};
use diesel::connection::{
    Instrumentation, InstrumentationEvent, SimpleConnection, set_default_instrumentation,
};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use domain::account::{AccountStore, ProfileChange};
use domain::health::Probe;
use domain::identity::IdentityStore;
use domain::mail::Outbox;
use domain::one_time::{MagicLinkLogin, OneTimeStore, Purpose};
use domain::session::{Device, EndReason, Ending, SessionStore, TokenHash};
use domain::todo::query::{Filter, ListQuery, Order, Search, SortBy};
use domain::todo::{Base, TodoNumber, TodoStore};
use domain::user::PasswordHash;
use domain::{Stamp, TodoId, UserId};
use domain_testkit::RecordingBus;
use domain_testkit::build::{
    T0, at, batch, create, delete, display_name, email, email_token, external, identity, new_email, new_name,
    new_session, new_user, replacement, retitle, successor, todo_id,
};
use uuid::Uuid;

const USERS: u32 = 1000;
const TODOS: u32 = 1000;

/// Creates users with the ids 1 to [`USERS`], each with todos 1 to [`TODOS`]. Every tenth todo is a tombstone.
fn fill(path: &Path) {
    migrate(path).expect("migrates");
    let mut conn = SqliteConnection::establish(path.to_str().expect("UTF-8")).expect("connects");
    let live = TODOS - TODOS / 10;
    conn.batch_execute(&format!(
        "PRAGMA synchronous = OFF;
         BEGIN;
         WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < {USERS})
         INSERT INTO users (id, email, email_key, password_hash, email_verified, is_active,
             created_at, updated_at, sync_clock, sync_horizon, live_todos)
         SELECT unhex(printf('%032x', i)), i || '@Example.com', i || '@example.com', 'hash', 0, 1,
             0, 0, {TODOS}, 0, {live} FROM n;
         WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {USERS} * {TODOS})
         INSERT INTO todos (user_id, id, number, created_at, updated_at, deleted_at, version, title_version,
             description_version, completed_version, deleted_version, client_id, title, title_folded)
         SELECT unhex(printf('%032x', i / {TODOS} + 1)), unhex(printf('%032x', i % {TODOS} + 1)), i + 1,
             i % {TODOS} + 1, i % {TODOS} + 1, iif(i % 10 = 0, 1, NULL), 1, 1,
             1, 1, 1, 'phone', 'Buy milk ' || i, 'buy milk ' || i FROM n;
         UPDATE todo_numbers SET next = {USERS} * {TODOS} + 1;
         COMMIT;"
    ))
    .expect("fills the database");
}

/// Every statement that a connection of this process ran.
static RAN: Mutex<Vec<String>> = Mutex::new(Vec::new());

#[expect(clippy::unnecessary_wraps, reason = "the signature that diesel asks for")]
fn record() -> Option<Box<dyn Instrumentation>> {
    Some(Box::new(|event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let query = query.to_string();
            let statement = query.split(" -- binds:").next().unwrap_or_default().to_owned();
            RAN.lock().expect("no panic").push(statement);
        }
    }))
}

/// Takes the statements on data since the last call.
fn ran() -> Vec<String> {
    let mut ran = std::mem::take(&mut *RAN.lock().expect("no panic"));
    ran.retain(|sql| ["SELECT", "INSERT", "UPDATE", "DELETE"].iter().any(|verb| sql.starts_with(verb)));
    ran
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// Stands in for the store's function, so that statements which call it can be explained.
    fn contains_words(title: Text, description: Nullable<Text>, words: Text) -> Bool;
}

/// The intended scans: of one-row tables, and of all disabled accounts.
const INTENDED_SCANS: [&str; 4] = [
    "SCAN CONSTANT ROW",
    "SCAN database_epoch",
    "SCAN todo_numbers",
    "SCAN users USING INDEX users_disabled",
];

/// Explains statements.
struct Planner(SqliteConnection);

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

impl Planner {
    fn plan(&mut self, sql: &str) -> Vec<String> {
        let explain = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}"));
        let steps: Vec<Step> = explain.load(&mut self.0).unwrap_or_else(|e| panic!("{e}: {sql}"));
        steps.into_iter().map(|step| step.detail).collect()
    }

    /// Fails if a statement since the last call scans a table of users' rows, or reads todos without naming a user.
    fn check_all(&mut self, what: &str) -> Vec<(String, Vec<String>)> {
        let statements = ran();
        assert!(!statements.is_empty(), "{what} runs a statement");
        statements
            .into_iter()
            .map(|sql| {
                let plan = self.plan(&sql);
                let scan = plan
                    .iter()
                    .find(|step| step.contains("SCAN") && !INTENDED_SCANS.contains(&step.as_str()));
                assert_eq!(scan, None, "{what} reads rows of others: {sql}\n{plan:#?}");
                assert!(!sql.contains("`todos`") || sql.contains("`user_id`"), "{what} names no user: {sql}");
                (sql, plan)
            })
            .collect()
    }

    /// As [`Self::check_all`], and one of the statements has exactly this plan.
    fn expect(&mut self, what: &str, expected: &[&str]) {
        let found = self.check_all(what);
        assert!(
            found.iter().any(|(_, plan)| plan == expected),
            "{what} has the plan {expected:#?}: {found:#?}"
        );
    }
}

#[tokio::test]
async fn no_statement_reads_rows_of_other_users() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("todos.db");
    fill(&path);
    let mut conn = SqliteConnection::establish(path.to_str().expect("UTF-8")).expect("connects");
    contains_words_utils::register_impl(&mut conn, |_: String, _: Option<String>, _: String| false)
        .expect("registers");
    let mut planner = Planner(conn);
    set_default_instrumentation(record).expect("no lock is poisoned");
    let store = SqliteStore::open(OpenOptions::new(&path, Arc::new(RecordingBus::new()))).expect("opens");
    ran();

    reads(&store, &mut planner).await;
    lists(&store, &mut planner).await;
    commits(&store, &mut planner).await;
    accounts(&store, &mut planner).await;
    sessions(&store, &mut planner).await;
    one_time(&store, &mut planner).await;
    outbox(&store, &mut planner).await;
    identities(&store, &mut planner).await;
    housekeeping(&store, &mut planner).await;
    deletion(&store, &mut planner).await;
    store.probe().await.expect("answers");
    planner.check_all("the probe");
}

fn over(at: Stamp) -> Ending {
    domain_testkit::build::ending(EndReason::Logout, at)
}

const ANN: UserId = UserId(Uuid::from_u128(500));
const MILK: TodoId = TodoId(Uuid::from_u128(700));

async fn reads(store: &SqliteStore, planner: &mut Planner) {
    assert!(store.get(ANN, MILK).await.expect("reads").is_some());
    planner.expect("get", &["SEARCH todos USING PRIMARY KEY (user_id=? AND id=?)"]);
    let number = TodoNumber(i64::from(499 * TODOS + 700));
    let found = store.get_by_number(ANN, number).await.expect("reads").expect("is there");
    assert_eq!(found.id(), MILK);
    planner.expect("get by number", &["SEARCH todos USING INDEX todos_number (number=?)"]);
    let changes = store.changes(ANN, Stamp::from_micros(500), 100).await.expect("reads").expect("the user");
    assert_eq!((changes.todos.len(), changes.has_more), (100, true));
    planner.expect("changes", &["SEARCH todos USING INDEX todos_changes (user_id=? AND updated_at>?)"]);
    store.clock(ANN).await.expect("reads");
    planner.expect("clock", &["SEARCH users USING PRIMARY KEY (id=?)"]);
    assert!(store.belongs_to_another_user(ANN, MILK).await.expect("reads"));
    planner.expect(
        "is another's",
        &["SCAN CONSTANT ROW", "SCALAR SUBQUERY 1", "SEARCH todos USING INDEX todos_by_id (id=?)"],
    );
}

async fn lists(store: &SqliteStore, planner: &mut Planner) {
    let page = store.list(ANN, &ListQuery::default()).await.expect("reads").expect("the user");
    assert_eq!((page.todos.len(), page.total), (50, u64::from(TODOS - TODOS / 10)));
    planner.expect("the newest", &["SEARCH todos USING INDEX todos_live (user_id=?)"]);
    let search = Search::parse("MILK 499705");
    let query = ListQuery { search: search.clone(), ..ListQuery::default() };
    let page = store.list(ANN, &query).await.expect("reads").expect("the user");
    assert_eq!((page.todos.len(), page.total), (1, 1));
    planner.expect("a search", &["SEARCH todos USING INDEX todos_live (user_id=?)"]);
    for filter in [Filter::All, Filter::Active, Filter::Completed] {
        for sort in [SortBy::CreatedAt, SortBy::CompletedAt, SortBy::Title] {
            for order in [Order::Ascending, Order::Descending] {
                for since in [None, Stamp::from_micros(500)] {
                    for include_deleted in [false, true] {
                        for search in [Search::default(), search.clone()] {
                            let page = ListQuery::default();
                            let query =
                                ListQuery { filter, sort, order, since, include_deleted, search, ..page };
                            store.list(ANN, &query).await.expect("reads").expect("the user");
                            planner.check_all(&format!("{query:?}"));
                        }
                    }
                }
            }
        }
    }
}

async fn commits(store: &SqliteStore, planner: &mut Planner) {
    store.commit(ANN, batch([retitle(MILK, Base::Current, "Bread")]), T0).await.expect("commits");
    planner.expect("a change", &["SEARCH todos USING PRIMARY KEY (user_id=? AND id=?)"]);
    let changes = [create(todo_id(), "tea"), delete(MILK), retitle(todo_id(), Base::Current, "gone")];
    store.commit(ANN, batch(changes), T0).await.expect("commits");
    planner.expect("a batch", &["SEARCH todos USING PRIMARY KEY (user_id=? AND id=?)"]);
}

async fn accounts(store: &SqliteStore, planner: &mut Planner) {
    store.register(new_user(), Some(new_session(at(9000))), T0).await.expect("registers");
    planner.check_all("register");
    let found = store.by_email(&email("500@EXAMPLE.com")).await.expect("reads").expect("is there");
    assert_eq!(found.id, ANN);
    planner.expect("by email", &["SEARCH users USING INDEX sqlite_autoindex_users_2 (email_key=?)"]);
    store.by_id(ANN).await.expect("reads");
    planner.expect("by id", &["SEARCH users USING PRIMARY KEY (id=?)"]);
    store.change_profile(ANN, new_name(Some(display_name("Ann"))), T0).await.expect("writes");
    planner.check_all("change_profile");
    let (old, new) = (PasswordHash("hash".to_owned()), PasswordHash("other".to_owned()));
    store.rehash(ANN, &old, old.clone()).await.expect("writes");
    planner.check_all("rehash");
    store.set_password(ANN, &old, replacement(new, over(T0)), None).await.expect("writes");
    planner.check_all("set_password");
}

async fn sessions(store: &SqliteStore, planner: &mut Planner) {
    let (first, second) = (new_session(at(9000)), new_session(at(9000)));
    store.open(ANN, first.clone(), 1, over(T0)).await.expect("opens").expect("it opens");
    store.open(ANN, second.clone(), 1, over(T0)).await.expect("opens").expect("it opens");
    planner.check_all("open");
    assert!(store.find(&first.hash).await.expect("reads").is_some());
    planner.expect(
        "find",
        &["SEARCH refresh_tokens USING INDEX sqlite_autoindex_refresh_tokens_2 (token_hash=?)"],
    );
    for seconds in [0, 1, 1000] {
        let next = successor(at(9000));
        store.rotate(&second.hash, next, &Device::default(), over(at(seconds))).await.expect("rotates");
        planner.check_all("rotate");
    }
    store
        .rotate(&TokenHash([7; 32]), successor(at(9000)), &Device::default(), over(T0))
        .await
        .expect("answers");
    store.end(ANN, second.id, over(T0)).await.expect("writes");
    store.end_all(ANN, None, over(T0)).await.expect("writes");
    planner.check_all("end");
    assert!(!store.revocations(Some(T0), T0).await.expect("reads").revocations.is_empty());
    planner
        .expect("revocations", &["SEARCH revoked_tokens USING INDEX revoked_tokens_by_time (revoked_at>?)"]);
    store.live(ANN, T0).await.expect("reads");
    planner.expect(
        "live sessions",
        &["SEARCH sessions USING INDEX sessions_of_user (user_id=?)", "USE TEMP B-TREE FOR ORDER BY"],
    );
}

async fn one_time(store: &SqliteStore, planner: &mut Planner) {
    let address = email("500@example.com");
    let [verify, reset, link] = [Purpose::VerifyEmail, Purpose::ResetPassword, Purpose::MagicLink]
        .map(|purpose| email_token(purpose, Some(ANN), &address));
    let unknown = email_token(Purpose::MagicLink, None, &email("unknown@example.com"));
    for sent in [&verify, &reset, &unknown] {
        store.send(sent.clone(), T0).await.expect("writes");
    }
    planner.expect(
        "send",
        &["SEARCH one_time_tokens USING INDEX one_time_tokens_of_user (user_id=? AND kind=?)"],
    );
    let by_hash = ["SEARCH one_time_tokens USING INDEX sqlite_autoindex_one_time_tokens_2 (token_hash=?)"];
    store.resettable(&reset.token.hash, T0).await.expect("reads").expect("is good");
    planner.expect("resettable", &by_hash);
    store.verify_email(&verify.token.hash, T0).await.expect("writes").expect("is good");
    planner.expect("verify_email", &by_hash);
    let new = replacement(PasswordHash("reset".to_owned()), over(T0));
    store.reset_password(&reset.token.hash, new.clone()).await.expect("writes").expect("is good");
    planner.expect("reset_password", &by_hash);
    let squatted = email("503@example.com");
    let taking_over = email_token(Purpose::ResetPassword, Some(UserId(Uuid::from_u128(503))), &squatted);
    store.send(taking_over.clone(), T0).await.expect("writes");
    store.reset_password(&taking_over.token.hash, new).await.expect("writes").expect("is good");
    planner.expect(
        "a reset of an unverified address",
        &["SEARCH external_identities USING PRIMARY KEY (user_id=?)"],
    );
    store.send(link.clone(), T0).await.expect("writes");
    for link in [link, unknown] {
        let new_user = UserId(todo_id().0);
        let session = new_session(at(9000));
        let outcome = store.use_magic_link(&link.token.hash, new_user, session, 1, over(T0)).await;
        assert!(matches!(outcome.expect("writes"), MagicLinkLogin::Done(..)));
        planner.expect("use_magic_link", &by_hash);
    }
    let email = Some(new_email(ANN, &email("ann@example.com")));
    store.change_profile(ANN, ProfileChange { display_name: None, email }, T0).await.expect("writes");
    planner.check_all("change_profile");
}

async fn outbox(store: &SqliteStore, planner: &mut Planner) {
    let claimed = store.claim(T0, at(60), 10).await.expect("writes");
    planner.expect("claim", &["SEARCH mail_outbox USING INDEX mail_outbox_due (next_attempt_at<?)"]);
    store.sent(claimed[0].mail.id, at(1)).await.expect("writes");
    store.failed(claimed[1].mail.id, "451 later", at(90)).await.expect("writes");
    planner.expect("what became of a mail", &["SEARCH mail_outbox USING PRIMARY KEY (id=?)"]);
    store.queued().await.expect("reads");
    planner
        .expect("queued", &["SEARCH mail_outbox USING COVERING INDEX mail_outbox_due (next_attempt_at>?)"]);
}

async fn identities(store: &SqliteStore, planner: &mut Planner) {
    let by_subject = [
        "SEARCH external_identities USING INDEX sqlite_autoindex_external_identities_2 (provider=? AND subject=?)",
    ];
    let token = external("issuer", "1", Some(&email("501@example.com")));
    let user = store.find_or_create_external(&token, UserId(todo_id().0), T0).await.expect("writes");
    planner.expect("find_or_create_external", &by_subject);
    for subject in ["1", "2"] {
        let google = identity("google", subject, Some(&email("502@example.com")));
        store.resolve(google.clone(), UserId(todo_id().0), T0).await.expect("writes");
        planner.expect("resolve", &by_subject);
        store.link(user, None, google, T0).await.expect("writes");
        planner.expect("link", &["SEARCH external_identities USING PRIMARY KEY (user_id=? AND provider=?)"]);
    }
    store.unlink(user, "google").await.expect("writes");
    planner.expect("unlink", &["SEARCH external_identities USING PRIMARY KEY (user_id=? AND provider=?)"]);
    store.providers(user).await.expect("reads");
    planner.expect("providers", &["SEARCH external_identities USING PRIMARY KEY (user_id=?)"]);
}

async fn housekeeping(store: &SqliteStore, planner: &mut Planner) {
    store.sweep(at(10_000_000), 10).await.expect("writes");
    let swept = planner.check_all("sweep");
    for step in [
        "SEARCH sessions USING COVERING INDEX sessions_by_end (expires_at<?)",
        "SEARCH refresh_tokens USING COVERING INDEX refresh_tokens_by_end (expires_at<?)",
        "SEARCH one_time_tokens USING COVERING INDEX one_time_tokens_by_end (expires_at<?)",
        "SEARCH revoked_tokens USING COVERING INDEX revoked_tokens_by_end (expires_at<?)",
        "SEARCH mail_outbox USING COVERING INDEX mail_outbox_sent (sent_at<?)",
        "SEARCH mail_outbox USING COVERING INDEX mail_outbox_given_up (given_up_at<?)",
    ] {
        assert!(swept.iter().any(|(_, plan)| plan.iter().any(|found| found == step)), "{step}: {swept:#?}");
    }
    assert_eq!(store.sweep_tombstones(T0, 10).await.expect("writes"), 10);
    planner.expect("sweep_tombstones", &["SEARCH todos USING INDEX todos_tombstones (deleted_at<?)"]);
}

async fn deletion(store: &SqliteStore, planner: &mut Planner) {
    store.records(ANN).await.expect("reads").expect("the user exists");
    planner.expect("records", &["SEARCH mail_outbox USING INDEX mail_outbox_of_user (user_id=?)"]);
    store.delete(ANN, None, over(T0)).await.expect("writes").expect("the user existed");
    planner.expect(
        "delete",
        &[
            "SEARCH users USING PRIMARY KEY (id=?)",
            "SEARCH mail_outbox USING INDEX mail_outbox_of_user (user_id=?)",
            "SEARCH one_time_tokens USING INDEX one_time_tokens_of_user (user_id=?)",
            "SEARCH external_identities USING PRIMARY KEY (user_id=?)",
            "SEARCH refresh_tokens USING INDEX refresh_tokens_of_user (user_id=?)",
            "SEARCH sessions USING INDEX sessions_of_user (user_id=?)",
            "SEARCH todos USING PRIMARY KEY (user_id=?)",
        ],
    );
}
