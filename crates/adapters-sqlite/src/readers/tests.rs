use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use diesel::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::connection::{Access, Connector};
use crate::migrations::migrate;
use crate::schema::todo_numbers;

fn migrated() -> (TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("todos.db");
    migrate(&path).expect("migrates");
    (folder, path)
}

fn connect(path: &Path, access: Access) -> SqliteConnection {
    let timeout = Duration::from_secs(5);
    Connector { path: path.to_owned(), timeout, echo: false }.connect(access).expect("connects")
}

fn next(conn: &mut SqliteConnection) -> Result<i64, Failure> {
    Ok(todo_numbers::table.select(todo_numbers::next).first(conn)?)
}

/// Starts one reader and blocks it inside a job until the sender is used.
fn blocked_reader(path: &Path, queue: usize) -> (Readers, mpsc::Sender<()>) {
    let readers = Readers::start(vec![connect(path, Access::Read)], queue).expect("starts");
    let (entered, inside) = mpsc::channel();
    let (open, opened) = mpsc::channel::<()>();
    let waiting = readers.submit(move |_| {
        entered.send(()).expect("the test waits");
        opened.recv().expect("the test opens");
        Ok(())
    });
    // A job whose caller no longer waits would not run.
    let _waiting = waiting.expect("room");
    inside.recv().expect("is inside");
    (readers, open)
}

#[tokio::test]
async fn a_snapshot_does_not_change_while_others_write() {
    let (_folder, path) = migrated();
    let mut writer = connect(&path, Access::Write);
    let mut reader = connect(&path, Access::Read);
    let mut write = |n: i64| {
        diesel::update(todo_numbers::table)
            .set(todo_numbers::next.eq(n))
            .execute(&mut writer)
            .expect("writes")
    };
    let seen = in_snapshot(&mut reader, |conn| {
        let first = next(conn)?;
        write(7);
        Ok((first, next(conn)?))
    });
    assert_eq!(seen.expect("reads"), (1, 1));
    assert_eq!(next(&mut reader).expect("reads"), 7);
}

#[tokio::test]
async fn a_panic_in_a_snapshot_leaves_the_reader_usable() {
    let (_folder, path) = migrated();
    let readers = Readers::start(vec![connect(&path, Access::Read)], 10).expect("starts");
    let panics = readers.submit(|conn| {
        in_snapshot(conn, |conn| -> Result<(), Failure> {
            next(conn)?;
            panic!("a job of this test panics deliberately")
        })
    });
    assert!(matches!(panics.expect("room").await, Ok(Err(StoreError::Unavailable(_)))));
    diesel::update(todo_numbers::table)
        .set(todo_numbers::next.eq(7))
        .execute(&mut connect(&path, Access::Write))
        .expect("writes");
    let after = readers.submit(|conn| in_snapshot(conn, next)).expect("room");
    assert!(matches!(after.await, Ok(Ok(7))), "it reads the new value in a new transaction");
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let (_folder, path) = migrated();
    let readers = Readers::start(vec![connect(&path, Access::Read)], 10).expect("starts");
    let writes = readers.submit(|conn| {
        Ok(diesel::update(todo_numbers::table).set(todo_numbers::next.eq(7)).execute(conn)?)
    });
    assert!(matches!(writes.expect("room").await, Ok(Err(StoreError::Unavailable(_)))));
}

#[tokio::test]
async fn a_full_queue_refuses_and_an_abandoned_job_does_not_run() {
    let (_folder, path) = migrated();
    let (readers, open) = blocked_reader(&path, 1);
    let ran = Arc::new(AtomicBool::new(false));
    let mark = ran.clone();
    let abandoned = readers.submit(move |_| {
        mark.store(true, Ordering::SeqCst);
        Ok(())
    });
    drop(abandoned.expect("room for one"));
    let Err(StoreError::Unavailable(problem)) = readers.submit(next) else {
        panic!("the second finds no room");
    };
    assert!(problem.starts_with("busy"), "{problem}");
    open.send(()).expect("the job waits");
    drop(readers);
    assert!(!ran.load(Ordering::SeqCst));
}
