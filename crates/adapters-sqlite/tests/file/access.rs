//! Who can use a file: its owner, and a store as long as the file can be written.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use adapters_sqlite::{FileLock, OpenOptions, SqliteStore, migrate};
use diesel::connection::SimpleConnection;
use domain::StoreError;
use domain::account::AccountStore;
use domain::health::Probe;
use domain::instances::OtherWriters;
use domain::todo::TodoStore;
use domain_testkit::RecordingBus;
use domain_testkit::build::{T0, batch, create, new_user, todo_id};

use super::{folder, open, raw, user};

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
