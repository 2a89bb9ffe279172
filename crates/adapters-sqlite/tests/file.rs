//! Behaviour that is specific to a store in one file: creation, migration, recovery and damage.

#![allow(clippy::expect_used, reason = "a test that can't set itself up should panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use adapters_sqlite::{
    FileError, FileLock, OpenError, OpenOptions, SqliteStore, back_up, migrate, migration_status, restore,
    revert_last,
};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use domain::account::AccountStore;
use domain::health::Probe;
use domain::instances::OtherWriters;
use domain::mail::Template;
use domain::session::{Cutoffs, Device, EndReason, NewSession, SessionStore};
use domain::todo::{NewTodo, TodoStore};
use domain::{StoreError, UserId};
use domain_testkit::RecordingBus;
use domain_testkit::build::{
    T0, at, batch, content, create, create_as, description, ending, new_session, new_user, notice, todo_id,
};
use tempfile::TempDir;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("data").join("todos.db");
    (folder, path)
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(OpenOptions::new(path, Arc::new(RecordingBus::new()))).expect("opens")
}

fn raw(path: &Path) -> SqliteConnection {
    SqliteConnection::establish(path.to_str().expect("UTF-8")).expect("connects")
}

async fn user(store: &SqliteStore) -> UserId {
    let new = new_user();
    let id = new.id;
    store.register(new, None, T0).await.expect("registers");
    id
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

fn schema(path: &Path) -> Vec<String> {
    // SQLite keeps `sqlite_sequence` once a table has had an AUTOINCREMENT column.
    let sql = "SELECT type || ' ' || name || ': ' || coalesce(sql, '') AS line FROM sqlite_schema
               WHERE name <> 'sqlite_sequence' ORDER BY 1";
    let lines: Vec<Line> = diesel::sql_query(sql).load(&mut raw(path)).expect("reads the schema");
    lines.into_iter().map(|line| line.line).collect()
}

fn epoch(path: &Path) -> String {
    let sql = "SELECT epoch AS line FROM epochs ORDER BY ordinal DESC LIMIT 1";
    let line: Line = diesel::sql_query(sql).get_result(&mut raw(path)).expect("reads the epoch");
    line.line
}

#[test]
fn migrating_up_down_and_up_again_leaves_the_same_schema() {
    let (_folder, path) = folder();
    let names = migrate(&path).expect("migrates");
    let (first, first_epoch) = (schema(&path), epoch(&path));
    assert_eq!(migrate(&path).expect("finds nothing to do"), Vec::<String>::new());
    assert_eq!(epoch(&path), first_epoch, "the epoch stays");
    uuid::Uuid::try_parse(&first_epoch).expect("a UUID");
    for name in names.iter().rev() {
        assert_eq!(&revert_last(&path, true).expect("reverts").expect("there is one").name, name);
    }
    assert_eq!(revert_last(&path, true).expect("finds nothing to do"), None);
    let left: Vec<_> = schema(&path).into_iter().filter(|line| !line.contains("__diesel")).collect();
    assert_eq!(left, Vec::<String>::new(), "nothing is left behind");
    assert_eq!(migrate(&path).expect("migrates again"), names);
    assert_eq!(schema(&path), first);
    assert_ne!(epoch(&path), first_epoch, "a new history has a new epoch");
}

#[test]
fn if_several_processes_start_at_once_one_migrates() {
    let (_folder, path) = folder();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || migrate(&path).expect("migrates or waits").len())
        })
        .collect();
    let mut applied: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
    applied.sort_unstable();
    let all = migration_status(&path).expect("tells").len();
    assert_eq!(applied, [vec![0; 7], vec![all]].concat());
}

#[test]
fn the_status_shows_applied_migrations_and_creates_no_file() {
    let (_folder, path) = folder();
    let applied = |path: &Path| -> Vec<bool> {
        migration_status(path).expect("tells").iter().map(|state| state.applied).collect()
    };
    assert!(applied(&path).iter().all(|applied| !applied));
    assert!(!path.exists());
    migrate(&path).expect("migrates");
    assert!(applied(&path).iter().all(|applied| *applied));
}

#[test]
fn a_file_with_pending_migrations_is_not_opened() {
    let (_folder, path) = folder();
    let opened = SqliteStore::open(OpenOptions::new(&path, Arc::new(RecordingBus::new())));
    assert!(matches!(opened.err(), Some(OpenError::NotMigrated { pending }) if !pending.is_empty()));
}

#[test]
fn a_schema_of_a_newer_version_is_refused() {
    let (_folder, path) = folder();
    migrate(&path).expect("migrates");
    raw(&path)
        .batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('20990101000001')")
        .expect("a later version migrates");
    let opened = SqliteStore::open(OpenOptions::new(&path, Arc::new(RecordingBus::new())));
    for error in [
        opened.err().expect("refused").to_string(),
        migrate(&path).expect_err("refused").to_string(),
        revert_last(&path, true).expect_err("refused").to_string(),
    ] {
        assert!(error.contains("newer version") && error.contains("20990101000001"), "{error}");
    }
    let last = migration_status(&path).expect("tells").pop().expect("there are some");
    assert_eq!((last.name.as_str(), last.applied, last.known), ("20990101000001", true, false));
}

#[tokio::test]
async fn a_reversion_that_is_not_kept_shows_what_it_would_delete_and_deletes_nothing() {
    let (_folder, path) = folder();
    migrate(&path).expect("migrates");
    let (before, id) = (schema(&path), user(&open(&path)).await);
    let last = migration_status(&path).expect("tells").pop().expect("there are some").name;
    let shown = revert_last(&path, false).expect("shows").expect("there is one");
    assert_eq!((shown.name, shown.before["users"].1), (last, 1));
    assert!(shown.before["mail_outbox"].0.contains(&"last_error".to_owned()));
    assert_eq!(schema(&path), before);
    assert!(open(&path).by_id(id).await.expect("reads").is_some());
    while let Some(shown) = revert_last(&path, true).expect("reverts") {
        if shown.after.is_empty() {
            assert_eq!(shown.before["users"].1, 1, "the last one deletes the users");
        }
    }
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_access_the_file_and_its_folder() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, path) = folder();
    let _lock = FileLock::acquire(&path, "test").expect("free");
    migrate(&path).expect("migrates");
    let _store = open(&path);
    let folder = path.parent().expect("a folder").to_owned();
    let lock = path.with_extension("db.lock");
    let wanted =
        [(path.clone(), 0o600), (path.with_extension("db-wal"), 0o600), (lock, 0o600), (folder, 0o700)];
    for (file, wanted) in wanted {
        let mode = fs::metadata(&file).expect("is there").permissions().mode();
        assert_eq!(mode & 0o777, wanted, "{}", file.display());
    }
}

#[test]
fn a_file_that_is_no_database_is_reported_with_its_path() {
    let (folder, path) = folder();
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(
        &path,
        "plain text that is longer than the header of a database file, so SQLite can't take it for one",
    )
    .expect("writes");
    let error = migrate(&path).expect_err("refuses").to_string();
    assert!(error.contains("todos.db") && error.contains("not a database"), "{error}");
    let blocked = folder.path().join("data").join("todos.db").join("below.db");
    let error = migrate(&blocked).expect_err("refuses").to_string();
    assert!(error.contains("can't create"), "{error}");
}

#[tokio::test]
async fn answered_commits_survive_a_kill() {
    let (_folder, path) = folder();
    migrate(&path).expect("migrates");
    let store = open(&path);
    let user = user(&store).await;
    let ids: Vec<_> = (0..100).map(|_| todo_id()).collect();
    for id in &ids {
        store.commit(user, batch([create(*id, "milk")]), T0).await.expect("commits");
    }
    // The files in their present state are what a kill would leave.
    let (_after, copy) = folder();
    fs::create_dir_all(copy.parent().expect("a parent")).expect("a folder");
    for end in ["db", "db-wal"] {
        fs::copy(path.with_extension(end), copy.with_extension(end)).expect("copies");
    }
    let reopened = open(&copy);
    for id in ids {
        let (before, after) = (store.get(user, id).await, reopened.get(user, id).await);
        assert_eq!(after.expect("reads"), before.expect("reads"));
    }
    assert_eq!(reopened.position(user).await.expect("reads"), store.position(user).await.expect("reads"));
}

#[tokio::test]
async fn a_corrupt_row_is_reported_and_affects_no_other() {
    let (_folder, path) = folder();
    migrate(&path).expect("migrates");
    let store = open(&path);
    let (ann, bob) = (user(&store).await, user(&store).await);
    let (sound, broken, other) = (todo_id(), todo_id(), todo_id());
    store.commit(ann, batch([create(sound, "milk"), create(broken, "bread")]), T0).await.expect("commits");
    store.commit(bob, batch([create(other, "tea")]), T0).await.expect("commits");
    raw(&path)
        .batch_execute(
            "PRAGMA busy_timeout = 5000; PRAGMA ignore_check_constraints = ON;
             UPDATE todos SET number = 0 WHERE title = 'bread'; UPDATE todos SET updated_at = 1 << 62 WHERE title = 'tea';",
        )
        .expect("breaks the rows");
    let named = |error: Option<StoreError>, of: &str| match error {
        Some(StoreError::Corrupt { table: "todos", column, .. }) => assert_eq!(column, of),
        other => panic!("a corrupt {of} is reported, not {other:?}"),
    };
    named(store.get(ann, broken).await.err(), "number");
    named(store.get(bob, other).await.err(), "updated_at");
    named(store.commit(ann, batch([create(sound, "x"), create(broken, "y")]), T0).await.err(), "number");
    assert!(store.get(ann, sound).await.expect("reads").is_some());
    store.commit(ann, batch([create(todo_id(), "still writes")]), T0).await.expect("commits");
}

#[tokio::test]
async fn a_file_is_unavailable_for_writes_while_another_process_locks_it() {
    let (_folder, path) = folder();
    migrate(&path).expect("migrates");
    let bus = Arc::new(RecordingBus::new());
    let timeout = Duration::from_millis(200);
    let store = SqliteStore::open(OpenOptions { timeout, ..OpenOptions::new(&path, bus) }).expect("opens");
    let user = user(&store).await;
    let mut other = raw(&path);
    other.batch_execute("BEGIN IMMEDIATE").expect("locks");
    let id = todo_id();
    let refused = store.commit(user, batch([create(id, "milk")]), T0).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    store.probe().await.expect("reads go on");
    assert_eq!(store.get(user, id).await.expect("reads"), None);
    other.batch_execute("ROLLBACK").expect("unlocks");
    store.commit(user, batch([create(id, "milk")]), T0).await.expect("commits");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_not_healthy_until_it_can() {
    let (_folder, path) = folder();
    migrate(&path).expect("migrates");
    let store = open(&path);
    let user = user(&store).await;
    store.probe().await.expect("healthy");
    // Fails with SQLite's text for a full disk.
    let full = "PRAGMA busy_timeout = 5000; CREATE TRIGGER full BEFORE UPDATE ON todo_numbers
                BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END";
    raw(&path).batch_execute(full).expect("fills the disk");
    let refused = store.commit(user, batch([create(todo_id(), "milk")]), T0).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    let probed = store.probe().await;
    assert!(
        matches!(&probed, Err(StoreError::Unavailable(problem)) if problem.contains("full")),
        "{probed:?}"
    );
    assert_eq!(store.get(user, todo_id()).await.expect("reads go on"), None);
    raw(&path).batch_execute("PRAGMA busy_timeout = 5000; DROP TRIGGER full").expect("makes room");
    store.probe().await.expect("healthy again");
    store.commit(user, batch([create(todo_id(), "milk")]), T0).await.expect("commits");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_written_and_published_after_its_caller_stopped_waiting() {
    let (_folder, path) = folder();
    migrate(&path).expect("migrates");
    let bus = Arc::new(RecordingBus::new());
    let store = SqliteStore::open(OpenOptions::new(&path, bus.clone())).expect("opens");
    let (user, id) = (user(&store).await, todo_id());
    let mut other = raw(&path);
    other.batch_execute("BEGIN IMMEDIATE").expect("locks");
    // The first poll queues the commit, which then waits for the lock.
    let commit = store.commit(user, batch([create(id, "milk")]), T0);
    assert!(tokio::time::timeout(Duration::ZERO, commit).await.is_err());
    other.batch_execute("ROLLBACK").expect("unlocks");
    let events = bus.wait_for(user, 1).await;
    assert_eq!(events[0].todo.id(), id);
    assert_eq!(store.get(user, id).await.expect("reads").as_ref(), Some(&*events[0].todo));
}

/// The names of the files of the database that contain `text`.
fn files_with(path: &Path, text: &str) -> Vec<String> {
    let files = fs::read_dir(path.parent().expect("a folder")).expect("reads the folder");
    let paths = files.map(|file| file.expect("a file").path());
    let found = paths.filter(|path| {
        let bytes = fs::read(path).expect("reads the file");
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    });
    found.map(|path| path.file_name().expect("a name").to_string_lossy().into_owned()).collect()
}

#[tokio::test]
async fn a_deleted_account_leaves_no_text_in_the_files() {
    let (_folder, path) = folder();
    migrate(&path).expect("migrates");
    let store = open(&path);
    let (kept, deleted) = (user(&store).await, user(&store).await);
    let long = |word: &str| format!("{word} {}", "x".repeat(9_000));
    for (user, word) in [(kept, "stays-here"), (deleted, "top-secret")] {
        for round in 0..50 {
            let todo = NewTodo {
                description: Some(description(&long(word))),
                ..content(&format!("{word} {round}"))
            };
            store.commit(user, batch([create_as(todo_id(), todo)]), at(round)).await.expect("commits");
        }
        let device = Device { user_agent: Some(word.to_owned()), ..Device::default() };
        let session = NewSession { device, ..new_session(at(1_000)) };
        let opening = ending(EndReason::DeviceRevoked, T0);
        store.open(user, session, 5, opening).await.expect("answers").expect("it opens");
    }
    assert!(!files_with(&path, "top-secret").is_empty());
    let over = ending(EndReason::AccountDeleted, at(100));
    let gone = store.delete(deleted, None, notice(Template::AccountDeleted), over).await.expect("answers");
    assert!(gone.is_some());
    store.sweep(&Cutoffs::at(at(100)), 10).await.expect("sweeps");
    assert_eq!(files_with(&path, "top-secret"), [""; 0]);
    assert!(!files_with(&path, "stays-here").is_empty());
}

/// A small write may succeed on a full disk.
#[tokio::test]
async fn a_store_whose_disk_was_full_is_unhealthy_until_there_is_room() {
    let (_folder, path) = folder();
    migrate(&path).expect("migrates");
    let store = open(&path);
    let full = "CREATE TRIGGER full_disk BEFORE INSERT ON users
        BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END";
    raw(&path).batch_execute(full).expect("created");
    assert!(matches!(store.register(new_user(), None, T0).await, Err(StoreError::Unavailable(_))));
    // No file can be created, but the open ones can be written.
    let data = path.parent().expect("a folder");
    let elsewhere = data.with_file_name("elsewhere");
    fs::rename(data, &elsewhere).expect("renamed");
    let refused = store.probe().await.expect_err("no room");
    assert!(refused.to_string().contains("no room"), "{refused}");
    fs::rename(&elsewhere, data).expect("renamed back");
    store.probe().await.expect("room");
    raw(&path).batch_execute("DROP TRIGGER full_disk").expect("dropped");
    user(&store).await;
    store.probe().await.expect("healthy");
}

#[tokio::test]
async fn the_writes_of_other_processes_are_noticed_once_and_the_own_never() {
    let (_folder, path) = folder();
    migrate(&path).expect("migrates");
    let (server, command) = (open(&path), open(&path));
    let noticed = async || server.have_written().await.expect("it looks");
    user(&command).await;
    assert!(!noticed().await, "the first look has nothing to compare with");
    user(&server).await;
    assert!(!noticed().await, "the store wrote itself");
    command.probe().await.expect("it answers");
    assert!(!noticed().await, "the other one only read");
    for _ in 0..2 {
        user(&command).await;
        user(&server).await;
        user(&command).await;
        assert!(noticed().await);
        assert!(!noticed().await, "noticed before");
    }
}

#[tokio::test]
async fn a_copy_with_triggers_or_views_of_its_own_is_not_restored_and_runs_nothing() {
    let (_folder, path) = folder();
    migrate(&path).expect("migrates");
    let id = user(&open(&path)).await;
    let copy = path.with_file_name("copy.db");
    back_up(&path, &copy).expect("copies");
    let (before, good) = (fs::read(&path).expect("reads"), fs::read(&copy).expect("reads"));
    for (changes, told) in [
        (
            "CREATE TRIGGER spy AFTER INSERT ON epochs BEGIN UPDATE users SET email = 'mallory@example.com'; END",
            "it has the trigger \"spy\", which the schema lacks",
        ),
        ("CREATE VIEW spied AS SELECT email FROM users", "it has the view \"spied\", which the schema lacks"),
        (
            "ALTER TABLE epochs RENAME TO hidden; CREATE VIEW epochs AS SELECT * FROM hidden",
            "it has the table \"hidden\", which the schema lacks",
        ),
    ] {
        fs::write(&copy, &good).expect("writes");
        raw(&copy).batch_execute(changes).expect("changes the copy");
        let refused = restore(&copy, &path, false, T0).expect_err("refused");
        assert!(matches!(refused, FileError::Foreign { .. }), "{refused:?}");
        assert!(refused.to_string().ends_with(told), "{refused}");
        assert_eq!(fs::read(&path).expect("reads"), before, "the database stays as it is");
        let entries = fs::read_dir(path.parent().expect("a folder")).expect("reads");
        let names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
        assert!(names.iter().all(|name| !name.to_string_lossy().contains("unfinished")), "{names:?}");
    }
    fs::write(&copy, &good).expect("writes");
    restore(&copy, &path, false, T0).expect("restores");
    assert!(open(&path).by_id(id).await.expect("reads").is_some());
}
