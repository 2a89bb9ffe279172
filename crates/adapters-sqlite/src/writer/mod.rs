//! The writer thread, with group commit.
//!
//! The thread takes the waiting jobs into one transaction, runs each in a savepoint of its own, and answers
//! after `COMMIT`, so that the jobs share one flush to disk. It never waits for a group to fill. If a job
//! fails or panics, only its savepoint is rolled back. If the transaction fails, all of its jobs fail. A job
//! runs even if its caller no longer waits.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};
use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use diesel::result::QueryResult;
use domain::todo::{EventBus, TodoEvent};
use domain::{StoreError, UserId};
use tokio::sync::oneshot;

use crate::cached_statement;
use crate::error::{Failure, OpenError, panicked, refused};

/// The maximum number of jobs in one transaction.
const MAX_GROUP: usize = 64;

/// The result of a job.
pub(crate) struct Done<T> {
    pub answer: T,
    /// Published once the transaction is durable.
    pub events: Option<(UserId, Vec<TodoEvent>)>,
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
}

impl Writer {
    pub(crate) fn start(
        conn: SqliteConnection,
        queue: usize,
        bus: Arc<dyn EventBus>,
    ) -> Result<Self, OpenError> {
        let (sender, jobs) = bounded(queue);
        let thread = thread::Builder::new().name("sqlite-writer".to_owned());
        let thread = thread.spawn(move || run(conn, &jobs, &*bus))?;
        Ok(Self { queue: Some(sender), thread: Some(thread) })
    }

    /// Queues `work`, which must not begin or end a transaction.
    ///
    /// Returns an error at once if the queue is full.
    pub(crate) fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<Done<T>, Failure> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T, StoreError>>, StoreError> {
        let (caller, answer) = oneshot::channel();
        let job = Box::new(WriteJob { work: Some(work), done: None, caller });
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
        self.done = Some(catch_unwind(AssertUnwindSafe(|| work(conn))).map_err(|_| panicked())??);
        Ok(())
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>, bus: &dyn EventBus) {
        let answer = match (outcome, self.done) {
            (Ok(()), Some(Done { answer, events })) => {
                if let Some((user, events)) = events {
                    // The rows are durable. A panic of the bus must not end this thread.
                    let _ = catch_unwind(AssertUnwindSafe(|| bus.publish(user, events)));
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

fn run(mut conn: SqliteConnection, jobs: &Receiver<Box<dyn Job>>, bus: &dyn EventBus) {
    let mut group = Vec::with_capacity(MAX_GROUP);
    while let Ok(first) = jobs.recv() {
        group.push(first);
        group.extend(jobs.try_iter().take(MAX_GROUP - 1));
        let outcomes = commit(&mut conn, &mut group);
        for (job, outcome) in group.drain(..).zip(outcomes) {
            job.finish(outcome, bus);
        }
    }
    if let Err(error) = conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)") {
        tracing::warn!(%error, "checkpoint on close failed; the next start writes the log back");
    }
}

/// Runs the group in one transaction and returns the outcome of each job.
fn commit(conn: &mut SqliteConnection, group: &mut [Box<dyn Job>]) -> Vec<Result<(), StoreError>> {
    match try_commit(conn, group) {
        Ok(outcomes) => outcomes,
        Err(error) => {
            // Fails if SQLite has already rolled back by itself, and is not needed then.
            let _ = conn.batch_execute("ROLLBACK");
            let failed = || Err(StoreError::Unavailable(error.to_string()));
            group.iter().map(|_| failed()).collect()
        }
    }
}

fn try_commit(
    conn: &mut SqliteConnection,
    group: &mut [Box<dyn Job>],
) -> QueryResult<Vec<Result<(), StoreError>>> {
    cached_statement::execute(conn, "BEGIN IMMEDIATE")?;
    let mut outcomes = Vec::with_capacity(group.len());
    for job in group {
        cached_statement::execute(conn, "SAVEPOINT job")?;
        let outcome = job.run(conn);
        // Fails if the job's error made SQLite roll back the whole transaction, as a full disk does.
        if outcome.is_err() {
            cached_statement::execute(conn, "ROLLBACK TO job")?;
        }
        cached_statement::execute(conn, "RELEASE job")?;
        outcomes.push(outcome);
    }
    cached_statement::execute(conn, "COMMIT")?;
    Ok(outcomes)
}

#[cfg(test)]
mod tests;
