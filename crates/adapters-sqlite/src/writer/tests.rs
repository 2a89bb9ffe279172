use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use domain::Stamp;
use domain_testkit::RecordingBus;
use tempfile::TempDir;

use super::*;
use crate::connection::{Access, Connector};
use crate::migrations::migrate;
use crate::schema::revoked_tokens;

struct Fixture {
    folder: TempDir,
    bus: Arc<RecordingBus>,
}

impl Fixture {
    fn new() -> Self {
        let fixture = Self { folder: tempfile::tempdir().expect("a folder"), bus: Arc::default() };
        migrate(&fixture.path()).expect("migrates");
        fixture
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("todos.db")
    }

    /// A writer whose groups end when they are full, however long that takes.
    fn writer(&self, queue: usize) -> Writer {
        let hour = Duration::from_hours(1);
        self.writer_with(queue, Limits { timeout: hour, group: hour })
    }

    fn writer_with(&self, queue: usize, limits: Limits) -> Writer {
        let conn = connect(&self.path(), Access::Write);
        Writer::start(conn, queue, limits, self.bus.clone()).expect("starts")
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

/// Inserts one row into a table without foreign keys.
fn insert(conn: &mut SqliteConnection) -> QueryResult<usize> {
    diesel::sql_query("INSERT INTO revoked_tokens (jti, user_id, reason, revoked_at, expires_at) VALUES (randomblob(16), randomblob(16), 'logout', 0, 0)")
        .execute(conn)
}

/// Blocks the writer inside a job until the gate opens. It forms one group with the jobs queued meanwhile.
struct Gate(mpsc::Sender<()>);

impl Gate {
    fn close(writer: &Writer) -> Self {
        let (entered, inside) = mpsc::channel();
        let (open, opened) = mpsc::channel();
        let gate = move |_: &mut SqliteConnection| {
            entered.send(()).expect("the test waits");
            opened.recv().expect("the test opens the gate");
            Ok(Done::without_events(()))
        };
        drop(writer.submit(Load::Other, gate).expect("room in the queue"));
        inside.recv().expect("the gate is reached");
        Self(open)
    }

    fn open(self) {
        self.0.send(()).expect("the gate waits");
    }
}

#[tokio::test]
async fn up_to_64_waiting_jobs_share_a_transaction() {
    let fixture = Fixture::new();
    let writer = fixture.writer(200);
    let gate = Gate::close(&writer);
    let answers: Vec<_> = (0..100)
        .map(|_| {
            let mut beside = connect(&fixture.path(), Access::Read);
            let job = move |conn: &mut SqliteConnection| {
                insert(conn)?;
                Ok(Done::without_events((rows(conn), rows(&mut beside))))
            };
            writer.submit(Load::Other, job).expect("room in the queue")
        })
        .collect();
    gate.open();
    for (i, answer) in (0..).zip(answers) {
        let (inside, committed) = answer.await.expect("answered").expect("written");
        assert_eq!(inside, i + 1, "each job sees those before it");
        assert_eq!(committed, if i < 63 { 0 } else { 63 }, "what others see at job {i}");
    }
    assert_eq!(fixture.rows(), 100);
}

#[tokio::test]
async fn a_group_takes_no_further_job_once_its_time_is_over() {
    let fixture = Fixture::new();
    let writer = fixture.writer_with(10, Limits { timeout: Duration::from_hours(1), group: Duration::ZERO });
    let gate = Gate::close(&writer);
    let answers: Vec<_> = (0..2)
        .map(|_| {
            let mut beside = connect(&fixture.path(), Access::Read);
            let job = move |conn: &mut SqliteConnection| {
                insert(conn)?;
                Ok(Done::without_events(rows(&mut beside)))
            };
            writer.submit(Load::Other, job).expect("room in the queue")
        })
        .collect();
    gate.open();
    for (earlier, answer) in (0..).zip(answers) {
        assert_eq!(answer.await.expect("answered").expect("written"), earlier, "committed before");
    }
}

#[tokio::test]
async fn a_small_job_waits_for_one_large_batch_at_most() {
    let fixture = Fixture::new();
    let writer = fixture.writer(20);
    let gate = Gate::close(&writer);
    let (ran, order) = mpsc::channel();
    let mut answers = Vec::new();
    let user = |n| UserId(uuid::Uuid::from_u128(n));
    let mut submit = |name: &'static str, load| {
        let ran = ran.clone();
        let mut beside = connect(&fixture.path(), Access::Read);
        let job = move |conn: &mut SqliteConnection| {
            ran.send((name, rows(&mut beside))).expect("the test waits");
            Ok(Done::without_events(insert(conn)?))
        };
        answers.push(writer.submit(load, job).expect("room"));
    };
    submit("large", Load::Batch { user: user(1), large: true });
    submit("large", Load::Batch { user: user(2), large: true });
    submit("behind", Load::Batch { user: user(1), large: false });
    submit("small", Load::Batch { user: user(3), large: false });
    submit("small", Load::Other);
    drop(ran);
    gate.open();
    // The group of the gate is open to small jobs, and shares its transaction with them.
    let committed = [("small", 0), ("small", 0), ("large", 2), ("large", 3), ("behind", 4)];
    assert_eq!(order.iter().collect::<Vec<_>>(), committed);
    for answer in answers {
        assert!(matches!(answer.await, Ok(Ok(1))));
    }
}

#[tokio::test]
async fn a_first_job_that_fails_leaves_nothing_behind() {
    let fixture = Fixture::new();
    let writer = fixture.writer(10);
    // A large batch is the first job of its group, and the only one.
    let alone = Load::Batch { user: UserId(uuid::Uuid::nil()), large: true };
    let fails = writer.submit(alone, |conn| -> Result<Done<()>, Failure> {
        insert(conn)?;
        Err(StoreError::corrupt("todos", "title", "corrupted by the test").into())
    });
    assert!(matches!(fails.expect("room").await, Ok(Err(StoreError::Corrupt { column: "title", .. }))));
    assert_eq!(fixture.rows(), 0);
    let next = writer.submit(Load::Other, |conn| Ok(Done::without_events(insert(conn)?))).expect("room");
    assert!(matches!(next.await, Ok(Ok(1))));
    assert_eq!(fixture.rows(), 1);
}

#[tokio::test]
async fn a_job_whose_time_is_over_does_not_run() {
    let fixture = Fixture::new();
    let writer = fixture.writer_with(10, Limits { timeout: Duration::ZERO, group: Duration::ZERO });
    let late = writer.submit(Load::Other, |conn| Ok(Done::without_events(insert(conn)?))).expect("room");
    assert!(matches!(late.await, Ok(Err(StoreError::Unavailable(_)))));
    assert_eq!(fixture.rows(), 0);
}

#[tokio::test]
async fn a_job_that_panics_or_fails_does_not_affect_the_others() {
    let fixture = Fixture::new();
    let writer = fixture.writer(10);
    let gate = Gate::close(&writer);
    let before = writer.submit(Load::Other, |conn| Ok(Done::without_events(insert(conn)?))).expect("room");
    let panics = writer
        .submit(Load::Other, |conn| -> Result<Done<()>, Failure> {
            insert(conn)?;
            panic!("a job of this test panics deliberately")
        })
        .expect("room");
    let fails = writer
        .submit(Load::Other, |conn| -> Result<Done<()>, Failure> {
            insert(conn)?;
            Err(StoreError::corrupt("todos", "title", "corrupted by the test").into())
        })
        .expect("room");
    let after = writer.submit(Load::Other, |conn| Ok(Done::without_events(insert(conn)?))).expect("room");
    gate.open();
    assert!(matches!(before.await, Ok(Ok(1))));
    assert!(matches!(panics.await, Ok(Err(StoreError::Unavailable(_)))));
    assert!(matches!(fails.await, Ok(Err(StoreError::Corrupt { column: "title", .. }))));
    assert!(matches!(after.await, Ok(Ok(1))));
    assert_eq!(fixture.rows(), 2);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let fixture = Fixture::new();
    let writer = fixture.writer(1);
    let gate = Gate::close(&writer);
    let waiting =
        writer.submit(Load::Other, |conn| Ok(Done::without_events(insert(conn)?))).expect("room for one");
    let refused = writer.submit(Load::Other, |conn| Ok(Done::without_events(insert(conn)?)));
    let Err(StoreError::Unavailable(problem)) = refused else {
        panic!("the second finds no room");
    };
    assert!(problem.starts_with("busy"), "{problem}");
    gate.open();
    assert!(matches!(waiting.await, Ok(Ok(1))));
    assert_eq!(fixture.rows(), 1);
}

#[tokio::test]
async fn if_the_commit_fails_every_job_fails_and_nothing_is_published() {
    let fixture = Fixture::new();
    let writer = fixture.writer(10);
    let gate = Gate::close(&writer);
    let user = UserId(uuid::Uuid::nil());
    let events = BatchEvents { previous: Stamp::EPOCH, events: Vec::new() };
    let first = writer
        .submit(Load::Other, move |conn| Ok(Done { answer: insert(conn)?, events: Some((user, events)) }))
        .expect("room");
    let breaks_commit = writer
        .submit(Load::Other, |conn| {
            conn.batch_execute("PRAGMA defer_foreign_keys = ON")?;
            diesel::sql_query(
                "INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at) VALUES (randomblob(16), randomblob(16), 0, 0, 0)",
            )
            .execute(conn)?;
            Ok(Done::without_events(()))
        })
        .expect("room");
    gate.open();
    assert!(matches!(first.await, Ok(Err(StoreError::Unavailable(_)))));
    assert!(matches!(breaks_commit.await, Ok(Err(StoreError::Unavailable(_)))));
    let next = writer.submit(Load::Other, |conn| Ok(Done::without_events(insert(conn)?))).expect("room");
    assert!(matches!(next.await, Ok(Ok(1))));
    assert_eq!(fixture.rows(), 1, "only the row of the next job");
    assert!(fixture.bus.everything().is_empty());
}

#[tokio::test]
async fn a_rollback_by_sqlite_fails_the_group_and_no_later_job() {
    let fixture = Fixture::new();
    let writer = fixture.writer(10);
    let gate = Gate::close(&writer);
    let first = writer.submit(Load::Other, |conn| Ok(Done::without_events(insert(conn)?))).expect("room");
    // SQLite does the same by itself if the disk is full.
    let loses = writer
        .submit(Load::Other, |conn| -> Result<Done<()>, Failure> {
            conn.batch_execute("ROLLBACK")?;
            Err(StoreError::Unavailable("the disk is full".to_owned()).into())
        })
        .expect("room");
    let last = writer.submit(Load::Other, |conn| Ok(Done::without_events(insert(conn)?))).expect("room");
    gate.open();
    for answer in [first.await.map(|a| a.map(drop)), loses.await] {
        assert!(matches!(answer, Ok(Err(StoreError::Unavailable(_)))));
    }
    assert!(matches!(last.await, Ok(Ok(1))));
    assert_eq!(fixture.rows(), 1);
}

#[tokio::test]
async fn dropping_the_writer_runs_queued_jobs() {
    let fixture = Fixture::new();
    let writer = fixture.writer(100);
    let gate = Gate::close(&writer);
    let answers: Vec<_> = (0..80)
        .map(|_| writer.submit(Load::Other, |conn| Ok(Done::without_events(insert(conn)?))).expect("room"))
        .collect();
    gate.open();
    drop(writer);
    for mut answer in answers {
        assert!(matches!(answer.try_recv(), Ok(Ok(1))), "answered before the drop returns");
    }
    assert_eq!(fixture.rows(), 80);
    let log = fixture.path().with_extension("db-wal");
    assert_eq!(std::fs::metadata(log).map_or(0, |log| log.len()), 0, "the log is written back");
}

#[derive(QueryableByName)]
struct Pragma {
    #[diesel(sql_type = BigInt)]
    synchronous: i64,
}

#[test]
fn every_connection_flushes_at_each_commit() {
    let fixture = Fixture::new();
    let mut conn = connect(&fixture.path(), Access::Write);
    let full: Pragma = diesel::sql_query("PRAGMA synchronous").get_result(&mut conn).expect("answers");
    assert_eq!(full.synchronous, 2);
}
