use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use domain::UserId;
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

const HOUR: Duration = Duration::from_hours(1);

fn start(path: &Path, threads: usize, queue: usize, timeout: Duration) -> Readers {
    let connections = (0..threads).map(|_| connect(path, Access::Read)).collect();
    Readers::start(connections, queue, timeout).expect("starts")
}

fn of_user(user: u128) -> Class {
    Class::User { user: UserId(uuid::Uuid::from_u128(user)), long: true }
}

/// Counts until it is interrupted: far longer than any test may last.
fn count_for_ever(conn: &mut SqliteConnection) -> Result<i64, Failure> {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    let endless = diesel::sql_query(
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE not_interrupted())
         SELECT max(n) AS n FROM c",
    );
    Ok(endless.get_result::<Count>(conn)?.n)
}

/// Starts one reader and blocks it inside a job until the sender is used.
fn blocked_reader(path: &Path, queue: usize) -> (Readers, mpsc::Sender<()>) {
    let readers = start(path, 1, queue, HOUR);
    let (entered, inside) = mpsc::channel();
    let (open, opened) = mpsc::channel::<()>();
    let waiting = readers.submit(Class::Essential, move |_| {
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
    let readers = start(&path, 1, 10, HOUR);
    let panics = readers.submit(Class::Essential, |conn| {
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
    let after = readers.submit(Class::Essential, |conn| in_snapshot(conn, next)).expect("room");
    assert!(matches!(after.await, Ok(Ok(7))), "it reads the new value in a new transaction");
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let (_folder, path) = migrated();
    let readers = start(&path, 1, 10, HOUR);
    let writes = readers.submit(Class::Essential, |conn| {
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
    let abandoned = readers.submit(Class::Essential, move |_| {
        mark.store(true, Ordering::SeqCst);
        Ok(())
    });
    drop(abandoned.expect("room for one"));
    let Err(StoreError::Unavailable(problem)) = readers.submit(Class::Essential, next) else {
        panic!("the second finds no room");
    };
    assert!(problem.starts_with("busy"), "{problem}");
    open.send(()).expect("the job waits");
    drop(readers);
    assert!(!ran.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_statement_is_interrupted_at_its_time_limit() {
    let (_folder, path) = migrated();
    let readers = start(&path, 2, 10, Duration::from_millis(200));
    let endless = readers.submit(of_user(1), |conn| in_snapshot(conn, count_for_ever)).expect("room");
    let Ok(Err(StoreError::Unavailable(problem))) = endless.await else { panic!("it never ends by itself") };
    assert!(problem.contains("in time"), "{problem}");
    // The thread is free again, and the connection has no open transaction.
    let readers = start(&path, 2, 10, HOUR);
    let next = readers.submit(of_user(1), |conn| in_snapshot(conn, next)).expect("room");
    assert!(matches!(next.await, Ok(Ok(1))));
}

#[tokio::test]
async fn a_statement_whose_caller_has_gone_is_interrupted() {
    let (_folder, path) = migrated();
    let readers = start(&path, 2, 10, HOUR);
    let (entered, inside) = mpsc::channel();
    let abandoned = readers.submit(of_user(1), move |conn| {
        entered.send(()).expect("the test waits");
        count_for_ever(conn)
    });
    let abandoned = abandoned.expect("room");
    inside.recv().expect("it runs");
    drop(abandoned);
    let next = readers.submit(of_user(1), next).expect("room");
    assert!(matches!(next.await, Ok(Ok(1))), "the user's next read has its turn");
}

#[tokio::test]
async fn endless_reads_of_users_delay_neither_the_server_nor_short_reads() {
    let (_folder, path) = migrated();
    let readers = start(&path, 3, 100, HOUR);
    let endless: Vec<_> =
        (0..20).map(|n| readers.submit(of_user(n % 4), count_for_ever).expect("room")).collect();
    let essential = readers.submit(Class::Essential, next).expect("room");
    assert!(matches!(essential.await, Ok(Ok(1))));
    let of_another = Class::User { user: UserId(uuid::Uuid::from_u128(9)), long: false };
    let short = readers.submit(of_another, next).expect("room");
    assert!(matches!(short.await, Ok(Ok(1))));
    drop(endless);
}
