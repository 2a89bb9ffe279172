use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use domain::Stamp;
use domain::todo::TodoStore;
use domain_testkit::RecordingBus;
use domain_testkit::build::{T0, batch, create, new_user, todo_id};
use tempfile::TempDir;

use super::*;
use crate::connection::{Access, Connector};
use crate::schema::revoked_tokens;
use crate::{OpenOptions, SqliteStore, migrate};

struct Bench {
    folder: TempDir,
    bus: Arc<RecordingBus>,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().expect("a folder"), bus: Arc::default() };
        migrate(&bench.path()).expect("migrates");
        bench
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("todos.db")
    }

    fn writer(&self, queue: usize) -> Writer {
        let conn = connect(&self.path(), Access::Write);
        Writer::start(conn, queue, self.bus.clone()).expect("starts")
    }

    fn rows(&self) -> i64 {
        rows(&mut connect(&self.path(), Access::Read))
    }
}

fn connect(path: &Path, access: Access) -> SqliteConnection {
    let timeout = Duration::from_secs(5);
    Connector { path: path.to_owned(), timeout, echo: false }.connect(access).expect("connects")
}

fn rows(conn: &mut SqliteConnection) -> i64 {
    revoked_tokens::table.count().get_result(conn).expect("counts")
}

/// A write that is as good as any other.
fn insert(conn: &mut SqliteConnection) -> QueryResult<usize> {
    diesel::sql_query("INSERT INTO revoked_tokens (jti, user_id, reason, revoked_at, expires_at) VALUES (randomblob(16), randomblob(16), 'logout', 0, 0)")
        .execute(conn)
}

/// Holds the writer inside a job until it is opened, so that what is queued meanwhile becomes one group.
struct Gate(mpsc::Sender<()>);

impl Gate {
    fn shut(writer: &Writer) -> Self {
        let (entered, inside) = mpsc::channel();
        let (open, opened) = mpsc::channel();
        let gate = move |_: &mut SqliteConnection| {
            entered.send(()).expect("the test waits");
            opened.recv().expect("the test opens the gate");
            Ok(Done::quiet(()))
        };
        drop(writer.submit(gate).expect("room in the queue"));
        inside.recv().expect("the gate is reached");
        Self(open)
    }

    fn open(self) {
        self.0.send(()).expect("the gate waits");
    }
}

#[tokio::test]
async fn jobs_that_wait_share_a_transaction_of_at_most_64() {
    let bench = Bench::new();
    let writer = bench.writer(200);
    let gate = Gate::shut(&writer);
    let answers: Vec<_> = (0..100)
        .map(|_| {
            let mut beside = connect(&bench.path(), Access::Read);
            let job = move |conn: &mut SqliteConnection| {
                insert(conn)?;
                Ok(Done::quiet((rows(conn), rows(&mut beside))))
            };
            writer.submit(job).expect("room in the queue")
        })
        .collect();
    gate.open();
    for (i, answer) in (0..).zip(answers) {
        let (inside, committed) = answer.await.expect("answered").expect("written");
        assert_eq!(inside, i + 1, "each job sees those before it");
        assert_eq!(committed, if i < 64 { 0 } else { 64 }, "what others see at job {i}");
    }
    assert_eq!(bench.rows(), 100);
}

#[tokio::test]
async fn a_job_that_panics_or_fails_harms_no_other() {
    let bench = Bench::new();
    let writer = bench.writer(10);
    let gate = Gate::shut(&writer);
    let before = writer.submit(|conn| Ok(Done::quiet(insert(conn)?))).expect("room");
    let panics = writer
        .submit(|conn| -> Result<Done<()>, Failure> {
            insert(conn)?;
            panic!("a job of this test panics on purpose")
        })
        .expect("room");
    let fails = writer
        .submit(|conn| -> Result<Done<()>, Failure> {
            insert(conn)?;
            Err(StoreError::corrupt("todos", "title", "as the test wants it").into())
        })
        .expect("room");
    let after = writer.submit(|conn| Ok(Done::quiet(insert(conn)?))).expect("room");
    gate.open();
    assert!(matches!(before.await, Ok(Ok(1))));
    assert!(matches!(panics.await, Ok(Err(StoreError::Unavailable(_)))));
    assert!(matches!(fails.await, Ok(Err(StoreError::Corrupt { column: "title", .. }))));
    assert!(matches!(after.await, Ok(Ok(1))));
    assert_eq!(bench.rows(), 2);
}

#[tokio::test]
async fn a_full_queue_answers_busy_at_once() {
    let bench = Bench::new();
    let writer = bench.writer(1);
    let gate = Gate::shut(&writer);
    let waiting = writer.submit(|conn| Ok(Done::quiet(insert(conn)?))).expect("room for one");
    let refused = writer.submit(|conn| Ok(Done::quiet(insert(conn)?)));
    let Err(StoreError::Unavailable(problem)) = refused else {
        panic!("the second finds no room");
    };
    assert!(problem.starts_with("busy"), "{problem}");
    gate.open();
    assert!(matches!(waiting.await, Ok(Ok(1))));
    assert_eq!(bench.rows(), 1);
}

#[tokio::test]
async fn where_the_commit_fails_every_job_of_the_group_does_and_nothing_is_published() {
    let bench = Bench::new();
    let writer = bench.writer(10);
    let gate = Gate::shut(&writer);
    let user = UserId(uuid::Uuid::nil());
    let innocent = writer
        .submit(move |conn| Ok(Done { answer: insert(conn)?, events: Some((user, Vec::new())) }))
        .expect("room");
    let spoiler = writer
        .submit(|conn| {
            conn.batch_execute("PRAGMA defer_foreign_keys = ON")?;
            diesel::sql_query(
                "INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at) VALUES (randomblob(16), randomblob(16), 0, 0, 0)",
            )
            .execute(conn)?;
            Ok(Done::quiet(()))
        })
        .expect("room");
    gate.open();
    assert!(matches!(innocent.await, Ok(Err(StoreError::Unavailable(_)))));
    assert!(matches!(spoiler.await, Ok(Err(StoreError::Unavailable(_)))));
    let next = writer.submit(|conn| Ok(Done::quiet(insert(conn)?))).expect("room");
    assert!(matches!(next.await, Ok(Ok(1))));
    assert_eq!(bench.rows(), 1, "only what came after");
    assert!(bench.bus.everything().is_empty());
}

#[tokio::test]
async fn a_transaction_that_a_job_loses_is_lost_for_its_group_only() {
    let bench = Bench::new();
    let writer = bench.writer(10);
    let gate = Gate::shut(&writer);
    let first = writer.submit(|conn| Ok(Done::quiet(insert(conn)?))).expect("room");
    // As SQLite does by itself on a full disk.
    let loses = writer
        .submit(|conn| -> Result<Done<()>, Failure> {
            conn.batch_execute("ROLLBACK")?;
            Err(StoreError::Unavailable("the disk is full".to_owned()).into())
        })
        .expect("room");
    let last = writer.submit(|conn| Ok(Done::quiet(insert(conn)?))).expect("room");
    gate.open();
    for answer in [first.await.map(|a| a.map(drop)), loses.await, last.await.map(|a| a.map(drop))] {
        assert!(matches!(answer, Ok(Err(StoreError::Unavailable(_)))));
    }
    let next = writer.submit(|conn| Ok(Done::quiet(insert(conn)?))).expect("room");
    assert!(matches!(next.await, Ok(Ok(1))));
    assert_eq!(bench.rows(), 1);
}

#[tokio::test]
async fn dropping_the_writer_does_what_is_queued() {
    let bench = Bench::new();
    let writer = bench.writer(100);
    let gate = Gate::shut(&writer);
    let answers: Vec<_> =
        (0..80).map(|_| writer.submit(|conn| Ok(Done::quiet(insert(conn)?))).expect("room")).collect();
    gate.open();
    drop(writer);
    for mut answer in answers {
        assert!(matches!(answer.try_recv(), Ok(Ok(1))), "answered before the drop is done");
    }
    assert_eq!(bench.rows(), 80);
    let log = bench.path().with_extension("db-wal");
    assert_eq!(std::fs::metadata(log).map_or(0, |log| log.len()), 0, "the log is written back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_caller_has_gone_is_written_and_published() {
    let bench = Bench::new();
    let store = SqliteStore::open(OpenOptions::new(bench.path(), bench.bus.clone())).expect("opens");
    let new = new_user();
    let user = new.id;
    domain::account::AccountStore::register(&store, new, None, T0).await.expect("registers");
    let gate = Gate::shut(&store.writer);
    let id = todo_id();
    let now: Stamp = T0;
    // Polled once, so that it is queued, and dropped.
    let commit = store.commit(user, batch([create(id, "milk")]), now);
    assert!(tokio::time::timeout(Duration::ZERO, commit).await.is_err());
    gate.open();
    let events = bench.bus.wait_for(user, 1).await;
    assert_eq!(events[0].todo.id(), id);
    assert_eq!(store.get(user, id).await.expect("reads").as_ref(), Some(&events[0].todo));
}

#[derive(QueryableByName)]
struct Pragma {
    #[diesel(sql_type = BigInt)]
    synchronous: i64,
}

#[test]
fn every_connection_flushes_at_each_commit() {
    let bench = Bench::new();
    let mut conn = connect(&bench.path(), Access::Write);
    let full: Pragma = diesel::sql_query("PRAGMA synchronous").get_result(&mut conn).expect("answers");
    assert_eq!(full.synchronous, 2);
}
