//! The writer thread, with group commit.
//!
//! The thread takes waiting jobs into one transaction, and answers after `COMMIT`, so that the jobs
//! share one flush to disk. It never waits for a group to fill, and a group takes no further job
//! once it has run for [`GROUP_TIME`]. A large batch is a group of its own. If a job fails or
//! panics, only what it wrote is rolled back: to its savepoint, or with the transaction if nothing
//! was written before it. If the transaction fails, all of its jobs fail. A job whose deadline has
//! passed before its turn does not run. Any other job runs even if its caller no longer waits.

mod queue;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use diesel::result::QueryResult;
use domain::todo::{BatchEvents, EventBus};
use domain::{StoreError, UserId};
use metrics::{Histogram, histogram};
use tokio::sync::oneshot;
use tracing::Span;

use self::queue::{BoxedJob, First, Queue, Refused};
use crate::cached_statement;
use crate::error::{Failure, OpenError, busy, closed, panicked, timed_out};
use crate::interrupt;
use crate::statements;

pub(crate) use self::queue::Load;

/// The maximum number of jobs in one transaction.
const MAX_GROUP: usize = 64;

/// A transaction that has run for this long takes no further job, so that small changes do not wait for the
/// large ones behind them.
pub(crate) const GROUP_TIME: Duration = Duration::from_millis(20);

/// The result of a job.
pub(crate) struct Done<T> {
    pub answer: T,
    /// Published once the transaction is durable.
    pub events: Option<(UserId, BatchEvents)>,
}

impl<T> Done<T> {
    pub(crate) const fn without_events(answer: T) -> Self {
        Self { answer, events: None }
    }
}

/// The writer thread and its queue.
pub(crate) struct Writer {
    /// The thread ends once it is closed and empty.
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
    timeout: Duration,
}

/// The time limits of the writer.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// How long a job may wait for its turn.
    pub timeout: Duration,
    /// How long a transaction takes further jobs.
    pub group: Duration,
}

impl Writer {
    pub(crate) fn start(
        conn: SqliteConnection,
        queue: usize,
        limits: Limits,
        bus: Arc<dyn EventBus>,
    ) -> Result<Self, OpenError> {
        let queue = Arc::new(Queue::new(queue));
        let jobs = AbandonedAtEnd(Arc::clone(&queue));
        let thread = thread::Builder::new().name("sqlite-writer".to_owned());
        let thread = thread.spawn(move || run(conn, &jobs.0, limits.group, &*bus))?;
        Ok(Self { queue, thread: Some(thread), timeout: limits.timeout })
    }

    /// Queues `work`, which must not begin or end a transaction.
    ///
    /// Returns an error at once if the queue is full.
    pub(crate) fn submit<T: Send + 'static>(
        &self,
        load: Load,
        work: impl FnOnce(&mut SqliteConnection) -> Result<Done<T>, Failure> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T, StoreError>>, StoreError> {
        let (caller, answer) = oneshot::channel();
        let queued = Instant::now();
        let deadline = queued + self.timeout;
        let span = statements::caller();
        let job = Box::new(WriteJob { work: Some(work), done: None, queued, deadline, span, caller });
        match self.queue.push(load, job) {
            Ok(()) => Ok(answer),
            Err(Refused::Full) => Err(busy("writes")),
            Err(Refused::Closed) => Err(closed()),
        }
    }

    /// The number of queued jobs.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take() {
            // The thread catches the panics of jobs and of the bus.
            let _ = thread.join();
        }
    }
}

/// Lets no caller wait for a thread that has ended.
struct AbandonedAtEnd(Arc<Queue>);

impl Drop for AbandonedAtEnd {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// A write job, whatever the type of its answer.
trait Job: Send {
    /// When the job was queued.
    fn queued(&self) -> Instant;

    /// Runs the work and keeps its result. A panic counts as a failure.
    fn run(&mut self, conn: &mut SqliteConnection) -> Result<(), StoreError>;

    /// Publishes the events and answers the caller, according to the outcome of the transaction.
    fn finish(self: Box<Self>, outcome: Result<(), StoreError>, bus: &dyn EventBus);
}

struct WriteJob<F, T> {
    work: Option<F>,
    done: Option<Done<T>>,
    queued: Instant,
    deadline: Instant,
    span: Span,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Job for WriteJob<F, T>
where
    F: FnOnce(&mut SqliteConnection) -> Result<Done<T>, Failure> + Send,
    T: Send,
{
    fn queued(&self) -> Instant {
        self.queued
    }

    fn run(&mut self, conn: &mut SqliteConnection) -> Result<(), StoreError> {
        let Some(work) = self.work.take() else {
            return Ok(());
        };
        if Instant::now() >= self.deadline {
            return Err(timed_out());
        }
        let _entered = self.span.enter();
        self.done = Some(catch_unwind(AssertUnwindSafe(|| work(conn))).map_err(|_| panicked())??);
        Ok(())
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>, bus: &dyn EventBus) {
        let answer = match (outcome, self.done) {
            (Ok(()), Some(Done { answer, events })) => {
                if let Some((user, BatchEvents { previous, events })) = events {
                    // The rows are durable. A panic of the bus must not end this thread.
                    let _ = catch_unwind(AssertUnwindSafe(|| bus.publish(user, previous, events)));
                }
                Ok(answer)
            }
            (Err(error), _) => Err(error),
            (Ok(()), None) => Err(panicked()),
        };
        // The caller may no longer wait.
        let _ = self.caller.send(answer);
    }
}

fn run(mut conn: SqliteConnection, jobs: &Queue, group_time: Duration, bus: &dyn EventBus) {
    let sizes = histogram!("database_commit_group_size");
    let waits = histogram!("database_commit_wait_seconds");
    while let Some(First { job, alone }) = jobs.first() {
        let began = Instant::now();
        let mut group = Group { jobs: vec![job], outcomes: Vec::new(), waits: &waits };
        let more = alone.is_none().then_some(jobs);
        let mut commit = || group.commit(&mut conn, more, group_time);
        let committed = if alone.is_some() { interrupt::until(|| false, commit) } else { commit() };
        if let Err(error) = committed {
            // Fails if SQLite has already rolled back by itself, and is not needed then.
            let _ = conn.batch_execute("ROLLBACK");
            let failed = |_: &_| Err(StoreError::Unavailable(error.to_string()));
            group.outcomes = group.jobs.iter().map(failed).collect();
        }
        #[expect(clippy::cast_precision_loss, reason = "at most 64")]
        sizes.record(group.jobs.len() as f64);
        for (job, outcome) in group.jobs.into_iter().zip(group.outcomes) {
            job.finish(outcome, bus);
        }
        if let Some(user) = alone {
            jobs.finish_large(user, began.elapsed());
        }
    }
    // Without waiting for the readers of another process, whose writes would wait as well.
    if let Err(error) = conn.batch_execute("PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE)") {
        tracing::warn!(%error, "checkpoint on close failed; the next start writes the log back");
    }
}

/// The jobs of one transaction.
struct Group<'a> {
    jobs: Vec<BoxedJob>,
    /// The outcome of each job that has run.
    outcomes: Vec<Result<(), StoreError>>,
    /// How long jobs waited for their turn.
    waits: &'a Histogram,
}

impl Group<'_> {
    /// Runs the first job, and further ones from the queue, in one transaction.
    fn commit(
        &mut self,
        conn: &mut SqliteConnection,
        more: Option<&Queue>,
        group_time: Duration,
    ) -> QueryResult<()> {
        let began = Instant::now();
        cached_statement::execute(conn, BEGIN)?;
        let mut has_written = false;
        while let Some(job) = self.jobs.get_mut(self.outcomes.len()) {
            self.waits.record(job.queued().elapsed());
            let undo = if has_written { Undo::savepoint(conn)? } else { Undo::Transaction };
            let outcome = job.run(conn);
            has_written |= outcome.is_ok();
            // Fails if the job's error made SQLite roll back the whole transaction, as a full disk does.
            undo.end(conn, outcome.is_ok())?;
            self.outcomes.push(outcome);
            if self.jobs.len() < MAX_GROUP && began.elapsed() < group_time {
                self.jobs.extend(more.and_then(Queue::further));
            }
        }
        cached_statement::execute(conn, "COMMIT")
    }
}

const BEGIN: &str = "BEGIN IMMEDIATE";

/// How a job is undone if it fails. SQLite copies each page that changes after a savepoint, which
/// the first job can do without.
enum Undo {
    Transaction,
    Savepoint,
}

impl Undo {
    fn savepoint(conn: &mut SqliteConnection) -> QueryResult<Self> {
        cached_statement::execute(conn, "SAVEPOINT job")?;
        Ok(Self::Savepoint)
    }

    fn end(self, conn: &mut SqliteConnection, succeeded: bool) -> QueryResult<()> {
        match (self, succeeded) {
            (Self::Transaction, true) => Ok(()),
            (Self::Transaction, false) => {
                cached_statement::execute(conn, "ROLLBACK")?;
                cached_statement::execute(conn, BEGIN)
            }
            (Self::Savepoint, true) => cached_statement::execute(conn, "RELEASE job"),
            (Self::Savepoint, false) => {
                cached_statement::execute(conn, "ROLLBACK TO job")?;
                cached_statement::execute(conn, "RELEASE job")
            }
        }
    }
}

#[cfg(test)]
mod tests;
