//! A database of the schema before histories: its rows after the upgrade, and after the way back.

#![allow(clippy::expect_used, reason = "a test that can't set itself up should panic")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use adapters_sqlite::{OpenOptions, SqliteStore, migrate, revert_last};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use domain::account::AccountStore;
use domain::sync::{Digest, Epoch};
use domain::todo::query::{ListQuery, Search};
use domain::todo::{Base, Changes, Todo, TodoStore};
use domain::user::Email;
use domain::{TodoId, UserId};
use domain_testkit::RecordingBus;
use domain_testkit::build::{T0, at, batch, create, delete, retitle, todo_id};
use tempfile::TempDir;
use uuid::Uuid;

const ANN: UserId = UserId(Uuid::from_u128(1));
const BOB: UserId = UserId(Uuid::from_u128(2));

/// Ann has two live todos and a tombstone, Bob has none.
const ROWS: &str = "
    UPDATE database_epoch SET epoch = 'before';
    INSERT INTO users (id, email_verified, is_active, created_at, updated_at, sync_clock, sync_horizon, live_todos) VALUES
        (unhex('00000000000000000000000000000001'), 0, 1, 0, 0, 3000, 7, 2),
        (unhex('00000000000000000000000000000002'), 0, 1, 0, 0, 5, 0, 0);
    INSERT INTO todos (user_id, id, number, created_at, updated_at, deleted_at, version, title_version, description_version,
        completed_version, deleted_version, title, title_folded, description, description_folded) VALUES
        (unhex('00000000000000000000000000000001'), unhex('0000000000000000000000000000000a'), 1, 1, 1000, NULL, 3, 3, 1, 1, 1,
         'Käse', 'käse', 'süß', 'süß'),
        (unhex('00000000000000000000000000000001'), unhex('0000000000000000000000000000000b'), 2, 2, 2000, NULL, 1, 1, 1, 1, 1,
         'milk', 'milk', NULL, NULL),
        (unhex('00000000000000000000000000000001'), unhex('0000000000000000000000000000000c'), 3, 3, 3000, 3000, 2, 1, 1, 1, 2,
         'tea', 'tea', NULL, NULL);
    UPDATE todo_numbers SET next = 4";

fn earlier_schema() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("todos.db");
    migrate(&path).expect("migrates");
    revert(&path);
    raw(&path).batch_execute(ROWS).expect("inserts");
    (folder, path)
}

/// Reverts the migration that adds histories, and later ones.
fn revert(path: &Path) {
    let reverted = || revert_last(path, true).expect("reverts").expect("it is there").name;
    while reverted() != "2026-01-01-000004_histories" {}
}

fn raw(path: &Path) -> SqliteConnection {
    let mut conn = SqliteConnection::establish(path.to_str().expect("UTF-8")).expect("connects");
    conn.batch_execute("PRAGMA busy_timeout = 5000").expect("is set");
    conn
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(OpenOptions::new(path, Arc::new(RecordingBus::new()))).expect("opens")
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

fn lines(path: &Path, sql: &str) -> Vec<String> {
    let rows: Vec<Line> = diesel::sql_query(sql).load(&mut raw(path)).expect("reads");
    rows.into_iter().map(|row| row.line).collect()
}

/// Live todos, tombstones and bytes of each user.
fn totals(path: &Path) -> Vec<String> {
    lines(
        path,
        "SELECT live_todos || ' ' || tombstones || ' ' || stored_bytes AS line FROM users ORDER BY id",
    )
}

async fn everything(store: &SqliteStore, user: UserId) -> Changes {
    store.changes(user, None, true, 100).await.expect("reads").expect("the user exists")
}

#[tokio::test]
async fn old_rows_have_digests_and_totals_right_after_the_upgrade() {
    let (_folder, path) = earlier_schema();
    migrate(&path).expect("migrates");
    assert_eq!(totals(&path), ["2 1 17", "0 0 0"], "bytes, not characters");

    let store = open(&path);
    let found = everything(&store, ANN).await;
    assert_eq!(
        found.todos.iter().map(|todo| todo.title().as_str()).collect::<Vec<_>>(),
        ["Käse", "milk", "tea"]
    );
    assert_eq!(found.todos.iter().map(Todo::version).collect::<Vec<_>>(), [3, 1, 2]);
    assert!(found.todos[2].deleted());
    let digest: Digest = found.todos.iter().map(Todo::digest).sum();
    assert_ne!(digest, Digest::EMPTY);
    assert_eq!(found.position.digest, digest);
    assert_eq!(found.position.epoch(), Epoch("before".into()), "devices go on");
    assert_eq!(everything(&store, BOB).await.position.digest, Digest::EMPTY);

    let [kaese, tea] = [0xa, 0xc].map(|id| TodoId(Uuid::from_u128(id)));
    let changes =
        [retitle(kaese, Base::Current, "Brot"), delete(TodoId(Uuid::from_u128(0xb))), create(todo_id(), "é")];
    store.commit(ANN, batch(changes), at(9)).await.expect("commits");
    let found = everything(&store, ANN).await;
    assert_eq!(found.position.digest, found.todos.iter().map(Todo::digest).sum::<Digest>());
    assert_eq!(totals(&path)[0], "2 2 18");
    assert_eq!(store.get(ANN, tea).await.expect("reads").map(|todo| todo.number().0), Some(3));
}

/// Search and addresses compare composed texts and A-labels; the rows of before do so after the upgrade.
#[tokio::test]
async fn old_texts_and_addresses_are_found_in_either_form_after_the_upgrade() {
    let (_folder, path) = earlier_schema();
    raw(&path)
        .batch_execute(
            "UPDATE todos SET title = 'Mu\u{308}sli', title_folded = 'mu\u{308}sli' WHERE number = 2;
             UPDATE users SET email = 'Ann@Bücher.example', email_key = 'ann@bücher.example'
              WHERE id = unhex('00000000000000000000000000000001');
             INSERT INTO users (id, email, email_key, email_verified, is_active, created_at, updated_at, sync_clock, sync_horizon, live_todos)
             VALUES (unhex('00000000000000000000000000000003'), 'bob@äb.example', 'bob@äb.example', 0, 1, 0, 0, 5, 0, 0),
                    (unhex('00000000000000000000000000000004'), 'bob@xn--b-zfa.example', 'bob@xn--b-zfa.example', 0, 1, 0, 0, 5, 0, 0),
                    (unhex('00000000000000000000000000000005'), 'eve@é.example', 'eve@é.example', 0, 1, 2, 0, 5, 0, 0),
                    (unhex('00000000000000000000000000000006'), 'eve@e\u{301}.example', 'eve@e\u{301}.example', 0, 1, 1, 0, 5, 0, 0)",
        )
        .expect("writes");
    migrate(&path).expect("migrates");
    let store = open(&path);
    for form in ["m\u{fc}sli", "mu\u{308}sli"] {
        let query = ListQuery { search: Search::parse(form), ..ListQuery::default() };
        let page = store.list(ANN, &query).await.expect("reads").expect("the user exists");
        assert_eq!(page.total, 1, "{form:?}");
    }
    for form in ["ann@bücher.example", "ANN@xn--bcher-kva.example"] {
        let email = Email::parse(form).expect("an address");
        let user = store.by_email(&email).await.expect("reads").expect("is found");
        assert_eq!((user.id, user.email.as_ref().map(Email::as_str)), (ANN, Some("Ann@Bücher.example")));
    }
    let twins = lines(&path, "SELECT email_key AS line FROM users WHERE email LIKE 'bob@%' ORDER BY id");
    assert_eq!(twins, ["bob@äb.example", "bob@xn--b-zfa.example"], "the other account keeps the address");
    let twins =
        lines(&path, "SELECT email_key AS line FROM users WHERE email LIKE 'eve@%' ORDER BY created_at");
    assert_eq!(twins, ["eve@xn--9ca.example", "eve@é.example"], "the older account gets the address");
}

#[tokio::test]
async fn the_way_back_keeps_todos_and_the_epoch_and_deletes_tombstones_without_texts() {
    let (_folder, path) = earlier_schema();
    let dump = "SELECT id || number || updated_at || version || title || title_folded || coalesce(description, '-') AS line
        FROM todos ORDER BY number";
    let before = lines(&path, dump);
    migrate(&path).expect("migrates");
    let store = open(&path);
    let gone = todo_id();
    store.commit(BOB, batch([create(gone, "gone"), delete(gone)]), T0).await.expect("commits");
    assert_eq!(store.shrink_tombstones(at(1), 10).await.expect("shrinks"), 2, "Ann's and Bob's");
    let stamp = store.get(BOB, gone).await.expect("reads").expect("is there").updated_at();
    drop(store);

    revert(&path);
    assert_eq!(lines(&path, dump), before[..2], "without the tombstone that lost its text");
    assert_eq!(lines(&path, "SELECT epoch AS line FROM database_epoch"), ["before"]);
    let horizons = lines(&path, "SELECT sync_horizon || '' AS line FROM users ORDER BY id");
    assert_eq!(horizons, ["3000".to_owned(), stamp.as_micros().to_string()]);
    migrate(&path).expect("migrates again");
    assert_eq!(totals(&path), ["2 0 14", "0 0 0"]);
}
