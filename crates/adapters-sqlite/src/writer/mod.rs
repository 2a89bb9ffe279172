//! The thread that writes, with group commit.
//!
//! The jobs that wait are taken into one transaction, each in a savepoint of its own, and answered after its COMMIT: they share
//! one flush to disk. An idle writer waits for nobody. A job that fails or panics loses its savepoint and harms no other; where
//! the transaction itself fails, each of its jobs does. A job whose caller has gone runs all the same.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};
use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use diesel::result::QueryResult;
use domain::event::{EventBus, TodoEvent};
use domain::{StoreError, UserId};
use tokio::sync::oneshot;

use crate::bare;
use crate::error::{Failure, OpenError, panicked, refused};

/// The most jobs that share a transaction.
const GROUP: usize = 64;

/// What a job did.
pub(crate) struct Done<T> {
    /// For the caller.
    pub answer: T,
    /// For the bus, once it is durable.
    pub events: Option<(UserId, Vec<TodoEvent>)>,
}

impl<T> Done<T> {
    /// Nothing to publish.
    pub(crate) const fn quiet(answer: T) -> Self {
        Self { answer, events: None }
    }
}

/// The thread and its queue.
pub(crate) struct Writer {
    /// Taken on drop, which ends the thread once the queue is empty.
    queue: Option<Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
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

    /// Queues `work`, which begins and ends no transaction.
    pub(crate) fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<Done<T>, Failure> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T, StoreError>>, StoreError> {
        let (caller, answer) = oneshot::channel();
        let job = Box::new(Write { work: Some(work), done: None, caller });
        if let Some(queue) = &self.queue {
            queue.try_send(job).map_err(|error| refused(&error, "writes"))?;
        }
        Ok(answer)
    }

    /// How many jobs are in no transaction yet.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.as_ref().map_or(0, Sender::len)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // Jobs and the bus have their panics caught.
            let _ = thread.join();
        }
    }
}

/// A write whose answer has whatever type.
trait Job: Send {
    /// Does it, and keeps what it did; a panic is a failure too.
    fn run(&mut self, conn: &mut SqliteConnection) -> Result<(), StoreError>;

    /// Publishes and answers, as `fate` says.
    fn finish(self: Box<Self>, fate: Result<(), StoreError>, bus: &dyn EventBus);
}

struct Write<F, T> {
    work: Option<F>,
    done: Option<Done<T>>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Job for Write<F, T>
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

    fn finish(self: Box<Self>, fate: Result<(), StoreError>, bus: &dyn EventBus) {
        let answer = match (fate, self.done) {
            (Ok(()), Some(Done { answer, events })) => {
                if let Some((user, events)) = events {
                    // The rows are durable: a bus that panics changes nothing of that, and must not end this thread.
                    let _ = catch_unwind(AssertUnwindSafe(|| bus.publish(user, events)));
                }
                Ok(answer)
            }
            (Err(error), _) => Err(error),
            (Ok(()), None) => Err(panicked()),
        };
        // A caller who went away needs no answer.
        let _ = self.caller.send(answer);
    }
}

fn run(mut conn: SqliteConnection, jobs: &Receiver<Box<dyn Job>>, bus: &dyn EventBus) {
    let mut group = Vec::with_capacity(GROUP);
    while let Ok(first) = jobs.recv() {
        group.push(first);
        group.extend(jobs.try_iter().take(GROUP - 1));
        let fates = commit(&mut conn, &mut group);
        for (job, fate) in group.drain(..).zip(fates) {
            job.finish(fate, bus);
        }
    }
    if let Err(error) = conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)") {
        tracing::warn!(%error, "the log could not be written back on closing; the next start does it");
    }
}

/// Runs the group in one transaction; what became of each.
fn commit(conn: &mut SqliteConnection, group: &mut [Box<dyn Job>]) -> Vec<Result<(), StoreError>> {
    match try_commit(conn, group) {
        Ok(fates) => fates,
        Err(error) => {
            // SQLite may have rolled back itself: then this fails and is not needed.
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
    bare::run(conn, "BEGIN IMMEDIATE")?;
    let mut fates = Vec::with_capacity(group.len());
    for job in group {
        bare::run(conn, "SAVEPOINT job")?;
        let fate = job.run(conn);
        // Fails where the job's error made SQLite roll back everything (a full disk, say).
        if fate.is_err() {
            bare::run(conn, "ROLLBACK TO job")?;
        }
        bare::run(conn, "RELEASE job")?;
        fates.push(fate);
    }
    bare::run(conn, "COMMIT")?;
    Ok(fates)
}

#[cfg(test)]
mod tests;
