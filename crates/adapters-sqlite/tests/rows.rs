//! Contents of rows that no port returns.

#![allow(clippy::expect_used, reason = "a test that can't set itself up should panic")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use adapters_sqlite::{OpenOptions, SqliteStore, migrate, revert_last};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use domain::account::{AccountStore, EmailChange, ProfileChange};
use domain::identity::{IdentityStore, SealedTokens};
use domain::mail::{Outbox, Template};
use domain::one_time::{EmailToken, OneTimeStore, Purpose};
use domain::session::{EndReason, Revoked, SessionStore};
use domain::todo::TodoStore;
use domain::{SessionId, UserId};
use domain_testkit::RecordingBus;
use domain_testkit::build::{
    T0, at, batch, create, delete, display_name, email, email_token, ending, identity, mail, new_email,
    new_session, new_user, notice, one_time, todo_id,
};
use tempfile::TempDir;
use uuid::Uuid;

fn migrated() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("todos.db");
    migrate(&path).expect("migrates");
    (folder, path)
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(OpenOptions::new(path, Arc::new(RecordingBus::new()))).expect("opens")
}

fn raw(path: &Path) -> SqliteConnection {
    let mut conn = SqliteConnection::establish(path.to_str().expect("UTF-8")).expect("connects");
    conn.batch_execute("PRAGMA busy_timeout = 5000").expect("is set");
    conn
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// For each table, the number of rows in which a column contains the user's id or address.
fn traces(path: &Path, user: UserId, address: &str) -> BTreeMap<String, i64> {
    let mut conn = raw(path);
    let names = |conn: &mut SqliteConnection, sql: String| -> Vec<String> {
        let names: Vec<Name> = diesel::sql_query(sql).load(conn).expect("reads the schema");
        names.into_iter().map(|name| name.name).collect()
    };
    let tables = names(&mut conn, "SELECT name FROM sqlite_schema WHERE type = 'table'".to_owned());
    let mut found = BTreeMap::new();
    for table in tables {
        let columns = names(&mut conn, format!("SELECT name FROM pragma_table_info('{table}')"));
        let holds: Vec<_> = columns.iter().map(|column| format!("\"{column}\" IN (?1, ?2)")).collect();
        let sql = format!("SELECT count(*) AS count FROM {table} WHERE {}", holds.join(" OR "));
        let count: Count = diesel::sql_query(sql)
            .bind::<Binary, _>(user.0.as_bytes().as_slice())
            .bind::<Text, _>(address)
            .get_result(&mut conn)
            .expect("counts");
        if count.count > 0 {
            found.insert(table, count.count);
        }
    }
    found
}

#[tokio::test]
async fn a_deleted_user_leaves_only_a_revocation() {
    let (_folder, path) = migrated();
    let store = open(&path);
    let new = new_user();
    let (user, address) = (new.id, new.email.clone());
    store.register(new, Some(new_session(at(90))), T0).await.expect("registers");
    let [gone, kept] = [todo_id(), todo_id()];
    let changes = [create(gone, "gone"), create(kept, "kept"), delete(gone)];
    store.commit(user, batch(changes), T0).await.expect("commits");
    store.send(email_token(Purpose::ResetPassword, Some(user), &address), T0).await.expect("sends");
    let queued = mail(Some(user), &address, Template::PasswordChanged);
    let token = one_time(Purpose::OAuthHandOff, Some(user), &address);
    store.send(EmailToken { token, mail: Some(queued) }, T0).await.expect("sends");
    for (provider, verified) in [("google", Some(&address)), ("github", None)] {
        store
            .link(user, None, identity(provider, "1", verified), notice(Template::ProviderLinked), T0)
            .await
            .expect("links");
    }
    let second = new_session(at(90));
    let logout = ending(EndReason::Logout, at(1));
    store.open(user, second.clone(), 20, logout).await.expect("opens").expect("it opens");
    store.end(user, second.id, logout).await.expect("ends");

    let before = traces(&path, user, address.as_str());
    let tables = [
        "external_identities",
        "mail_outbox",
        "one_time_tokens",
        "refresh_tokens",
        "revoked_tokens",
        "sessions",
        "todos",
        "users",
    ];
    assert_eq!(before.keys().map(String::as_str).collect::<Vec<_>>(), tables, "{before:?}");
    store
        .delete(user, None, notice(Template::AccountDeleted), ending(EndReason::AccountDeleted, at(5)))
        .await
        .expect("deletes")
        .expect("existed");
    let after = traces(&path, user, address.as_str());
    assert_eq!(after, BTreeMap::from([("revoked_tokens".to_owned(), 1)]));
}

#[tokio::test]
async fn the_mail_that_led_to_an_account_is_deleted_with_it() {
    let (_folder, path) = migrated();
    let store = open(&path);
    let (user, address) = (UserId(todo_id().0), new_user().email);
    let link = email_token(Purpose::MagicLink, None, &address);
    store.send(link.clone(), T0).await.expect("sends");
    let session = new_session(at(90));
    let over = ending(EndReason::DeviceRevoked, T0);
    store.use_magic_link(&link.token.hash, Some(user), session, 20, over).await.expect("logs in");
    let owned = traces(&path, user, address.as_str());
    assert!(owned.contains_key("mail_outbox") && owned.contains_key("one_time_tokens"), "{owned:?}");
    store
        .delete(user, None, notice(Template::AccountDeleted), ending(EndReason::AccountDeleted, at(5)))
        .await
        .expect("deletes")
        .expect("existed");
    let after = traces(&path, user, address.as_str());
    let left = [("mail_outbox", 1), ("revoked_tokens", 1)].map(|(table, rows)| (table.to_owned(), rows));
    assert_eq!(after, BTreeMap::from(left), "the notice of the deletion, which belongs to no account");
}

#[derive(QueryableByName, Debug, PartialEq)]
struct Sealed {
    #[diesel(sql_type = Nullable<Text>)]
    key_id: Option<String>,
    #[diesel(sql_type = Nullable<Binary>)]
    access_token: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Binary>)]
    refresh_token: Option<Vec<u8>>,
}

#[tokio::test]
async fn a_providers_tokens_are_stored_sealed_and_replaced_at_each_login() {
    let (_folder, path) = migrated();
    let store = open(&path);
    let first = identity("google", "1", None);
    let mut second = first.clone();
    second.tokens =
        SealedTokens { key_id: Some("next".to_owned()), access: Some(vec![0, 255]), refresh: None };
    for given in [first, second] {
        let SealedTokens { key_id, access, refresh } = given.tokens.clone();
        store
            .resolve(given, Some(UserId(todo_id().0)), notice(Template::ProviderLinked), T0)
            .await
            .expect("resolves");
        let stored: Sealed =
            diesel::sql_query("SELECT key_id, access_token, refresh_token FROM external_identities")
                .get_result(&mut raw(&path))
                .expect("one row");
        assert_eq!(stored, Sealed { key_id, access_token: access, refresh_token: refresh });
    }
}

#[derive(QueryableByName)]
struct LastError {
    #[diesel(sql_type = Nullable<Text>)]
    last_error: Option<String>,
}

#[tokio::test]
async fn the_last_error_of_a_mail_is_kept_until_it_is_sent() {
    let (_folder, path) = migrated();
    let store = open(&path);
    let sent = email_token(Purpose::MagicLink, None, &new_user().email);
    let mail = sent.mail.as_ref().expect("it has a mail").id;
    store.send(sent, T0).await.expect("sends");
    let last_error = || {
        let row: LastError = diesel::sql_query("SELECT last_error FROM mail_outbox")
            .get_result(&mut raw(&path))
            .expect("one row");
        row.last_error
    };
    assert_eq!(last_error(), None);
    store.failed(mail, "451 try later", at(9)).await.expect("writes");
    assert_eq!(last_error().as_deref(), Some("451 try later"));
    store.sent(mail, at(9)).await.expect("writes");
    assert_eq!(last_error(), None);
}

#[tokio::test]
async fn revocations_survive_the_migration_that_rebuilds_their_table() {
    let (_folder, path) = migrated();
    while revert_last(&path, true).expect("reverts").expect("it is there").name
        != "2026-01-01-000002_accounts"
    {}
    let session = Uuid::from_u128(7);
    diesel::sql_query(format!(
        "INSERT INTO revoked_tokens (session_id, user_id, reason, revoked_at, expires_at)
         VALUES (?, zeroblob(16), 'logout', {now}, {now} + 1)",
        now = T0.as_micros()
    ))
    .bind::<Binary, _>(session.as_bytes().as_slice())
    .execute(&mut raw(&path))
    .expect("inserts");
    migrate(&path).expect("migrates");
    let kept = open(&path).revocations(None, T0).await.expect("reads").revocations;
    assert_eq!(
        kept.iter().map(|revocation| revocation.what).collect::<Vec<_>>(),
        [Revoked::Session(SessionId(session))]
    );
}

#[tokio::test]
async fn a_profile_change_that_fails_half_way_writes_nothing() {
    let (_folder, path) = migrated();
    let store = open(&path);
    let new = new_user();
    let (user, address) = (new.id, new.email.clone());
    store.register(new, None, T0).await.expect("registers");
    let queued = mail(Some(user), &address, Template::PasswordChanged);
    let token = one_time(Purpose::OAuthHandOff, Some(user), &address);
    store.send(EmailToken { token, mail: Some(queued.clone()) }, T0).await.expect("sends");
    let before = store.by_id(user).await.expect("reads");
    // The notice is written last; the database refuses a second mail with its id.
    let email = EmailChange { notice: Some(queued), ..new_email(user, &email("new@example.com")) };
    let verification = email.verification.token.hash;
    let change = ProfileChange { display_name: Some(Some(display_name("Ann"))), email: Some(email) };
    store.change_profile(user, change, at(1)).await.expect_err("fails");
    assert_eq!(store.by_id(user).await.expect("reads"), before);
    assert_eq!(store.verify_email(&verification, at(2)).await.expect("reads"), None);
    assert_eq!(store.queued().await.expect("counts"), 1);
}

#[tokio::test]
async fn rows_of_users_are_not_parsed_by_the_rules_for_input() {
    let (_folder, path) = migrated();
    let store = open(&path);
    let new = new_user();
    let user = new.id;
    let session = new_session(at(90));
    store.register(new, Some(session), T0).await.expect("registers");
    // Input of one line may not contain a tab.
    let odd = "a\tb".to_owned();
    let stored = format!(
        "UPDATE users SET email = 'ann@host', email_key = 'ann@host', display_name = '{odd}';
         UPDATE sessions SET client_id = '{odd}'"
    );
    raw(&path).batch_execute(&stored).expect("updates");
    let found = store.by_id(user).await.expect("reads").expect("exists");
    assert_eq!(found.email.map(|email| email.to_string()).as_deref(), Some("ann@host"));
    assert_eq!(found.display_name.map(|name| name.to_string()), Some(odd.clone()));
    let sessions = store.live(user, at(1)).await.expect("reads");
    assert_eq!(sessions[0].device.client_id.as_ref().map(AsRef::as_ref), Some(odd.as_str()));
}
