//! What is in a file: after a kill, a damage, a deletion and a restore.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use adapters_sqlite::{FileError, OpenOptions, SqliteStore, back_up, migrate, restore};
use diesel::connection::SimpleConnection;
use domain::StoreError;
use domain::account::AccountStore;
use domain::mail::Template;
use domain::session::{Cutoffs, Device, EndReason, NewSession, SessionStore};
use domain::todo::{NewTodo, TodoStore};
use domain_testkit::RecordingBus;
use domain_testkit::build::{
    T0, at, batch, content, create, create_as, description, ending, new_session, notice, todo_id,
};

use super::{folder, open, raw, user};

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

#[tokio::test]
async fn a_copy_with_triggers_or_views_of_its_own_is_not_restored_and_runs_nothing() {
    let (_folder, path) = folder();
    migrate(&path).expect("migrates");
    let id = user(&open(&path)).await;
    let copy = path.with_file_name("copy.db");
    back_up(&path, &copy).expect("copies");
    let (before, good) = (fs::read(&path).expect("reads"), fs::read(&copy).expect("reads"));
    for (changes, expected) in [
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
        assert!(refused.to_string().ends_with(expected), "{refused}");
        assert_eq!(fs::read(&path).expect("reads"), before, "the database stays as it is");
        let entries = fs::read_dir(path.parent().expect("a folder")).expect("reads");
        let names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
        assert!(names.iter().all(|name| !name.to_string_lossy().contains("unfinished")), "{names:?}");
    }
    fs::write(&copy, &good).expect("writes");
    restore(&copy, &path, false, T0).expect("restores");
    assert!(open(&path).by_id(id).await.expect("reads").is_some());
}
