//! The writer thread, with group commit.
//!
//! The thread takes waiting jobs into one transaction, runs each in a savepoint of its own, and answers
//! after `COMMIT`, so that the jobs share one flush to disk. It never waits for a group to fill, and a group
//! takes no further job once it has run for [`GROUP_TIME`]. If a job fails or panics, only its savepoint is
//! rolled back. If the transaction fails, all of its jobs fail. A job whose deadline has passed before its
//! turn does not run. Any other job runs even if its caller no longer waits.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use diesel::result::QueryResult;
use domain::todo::{BatchEvents, EventBus};
use domain::{StoreError, UserId};
use tokio::sync::oneshot;

use crate::cached_statement;
use crate::error::{Failure, OpenError, panicked, refused, timed_out};

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
    /// `None` only during drop. The thread ends once this sender is gone and the queue is empty.
    queue: Option<Sender<Box<dyn Job>>>,
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
        let (sender, jobs) = bounded(queue);
        let thread = thread::Builder::new().name("sqlite-writer".to_owned());
        let thread = thread.spawn(move || run(conn, &jobs, limits.group, &*bus))?;
        Ok(Self { queue: Some(sender), thread: Some(thread), timeout: limits.timeout })
    }

    /// Queues `work`, which must not begin or end a transaction.
    ///
    /// Returns an error at once if the queue is full.
    pub(crate) fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<Done<T>, Failure> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T, StoreError>>, StoreError> {
        let (caller, answer) = oneshot::channel();
        let deadline = Instant::now() + self.timeout;
        let job = Box::new(WriteJob { work: Some(work), done: None, deadline, caller });
        if let Some(queue) = &self.queue {
            queue.try_send(job).map_err(|error| refused(&error, "writes"))?;
        }
        Ok(answer)
    }

    /// The number of queued jobs.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.as_ref().map_or(0, Sender::len)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // The thread catches the panics of jobs and of the bus.
            let _ = thread.join();
        }
    }
}

/// A write job, whatever the type of its answer.
trait Job: Send {
    /// Runs the work and keeps its result. A panic counts as a failure.
    fn run(&mut self, conn: &mut SqliteConnection) -> Result<(), StoreError>;

    /// Publishes the events and answers the caller, according to the outcome of the transaction.
    fn finish(self: Box<Self>, outcome: Result<(), StoreError>, bus: &dyn EventBus);
}

struct WriteJob<F, T> {
    work: Option<F>,
    done: Option<Done<T>>,
    deadline: Instant,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Job for WriteJob<F, T>
where
    F: FnOnce(&mut SqliteConnection) -> Result<Done<T>, Failure> + Send,
    T: Send,
{
    fn run(&mut self, conn: &mut SqliteConnection) -> Result<(), StoreError> {
        let Some(work) = self.work.take() else {
            return Ok(());
        };
        if Instant::now() >= self.deadline {
            return Err(timed_out());
        }
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

fn run(mut conn: SqliteConnection, jobs: &Receiver<Box<dyn Job>>, group_time: Duration, bus: &dyn EventBus) {
    while let Ok(first) = jobs.recv() {
        let mut group = Group { jobs: vec![first], outcomes: Vec::new() };
        if let Err(error) = group.commit(&mut conn, jobs, group_time) {
            // Fails if SQLite has already rolled back by itself, and is not needed then.
            let _ = conn.batch_execute("ROLLBACK");
            let failed = |_: &_| Err(StoreError::Unavailable(error.to_string()));
            group.outcomes = group.jobs.iter().map(failed).collect();
        }
        for (job, outcome) in group.jobs.into_iter().zip(group.outcomes) {
            job.finish(outcome, bus);
        }
    }
    // Without waiting for the readers of another process, whose writes would wait as well.
    if let Err(error) = conn.batch_execute("PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE)") {
        tracing::warn!(%error, "checkpoint on close failed; the next start writes the log back");
    }
}

/// The jobs of one transaction.
struct Group {
    jobs: Vec<Box<dyn Job>>,
    /// The outcome of each job that has run.
    outcomes: Vec<Result<(), StoreError>>,
}

impl Group {
    /// Runs the first job, and further ones from the queue, in one transaction.
    fn commit(
        &mut self,
        conn: &mut SqliteConnection,
        queue: &Receiver<Box<dyn Job>>,
        group_time: Duration,
    ) -> QueryResult<()> {
        let began = Instant::now();
        cached_statement::execute(conn, "BEGIN IMMEDIATE")?;
        while let Some(job) = self.jobs.get_mut(self.outcomes.len()) {
            cached_statement::execute(conn, "SAVEPOINT job")?;
            let outcome = job.run(conn);
            // Fails if the job's error made SQLite roll back the whole transaction, as a full disk does.
            if outcome.is_err() {
                cached_statement::execute(conn, "ROLLBACK TO job")?;
            }
            cached_statement::execute(conn, "RELEASE job")?;
            self.outcomes.push(outcome);
            if self.jobs.len() < MAX_GROUP && began.elapsed() < group_time {
                self.jobs.extend(queue.try_recv().ok());
            }
        }
        cached_statement::execute(conn, "COMMIT")
    }
}

#[cfg(test)]
mod tests;
