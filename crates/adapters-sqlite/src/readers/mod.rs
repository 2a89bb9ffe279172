//! The reader threads.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};
use diesel::SqliteConnection;
use domain::StoreError;
use tokio::sync::oneshot;

use crate::cached_statement;
use crate::error::{Failure, OpenError, panicked, refused};

type Job = Box<dyn FnOnce(&mut SqliteConnection) + Send>;

/// Threads that share one queue. Each has a connection of its own.
pub(crate) struct Readers {
    /// `None` only during drop. The threads end once this sender is gone and the queue is empty.
    queue: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
    busy: Arc<AtomicUsize>,
}

impl Readers {
    /// Starts a thread for each connection.
    pub(crate) fn start(connections: Vec<SqliteConnection>, queue: usize) -> Result<Self, OpenError> {
        let (sender, jobs) = bounded(queue);
        let threads = Vec::with_capacity(connections.len());
        let mut readers = Self { queue: Some(sender), threads, busy: Arc::default() };
        for (i, conn) in connections.into_iter().enumerate() {
            let (jobs, busy) = (jobs.clone(), Arc::clone(&readers.busy));
            let thread = thread::Builder::new().name(format!("sqlite-reader-{i}"));
            readers.threads.push(thread.spawn(move || run(conn, &jobs, &busy))?);
        }
        Ok(readers)
    }

    /// Queues `work`. It does not run if the caller has stopped waiting before its turn comes.
    ///
    /// Returns an error at once if the queue is full.
    pub(crate) fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T, StoreError>>, StoreError> {
        let (caller, answer) = oneshot::channel();
        let job: Job = Box::new(move |conn| {
            if caller.is_closed() {
                return;
            }
            let result = catch_unwind(AssertUnwindSafe(|| work(conn)));
            // The caller may have stopped waiting meanwhile.
            let _ = caller.send(result.map_or_else(|_| Err(panicked()), |result| result.map_err(Into::into)));
        });
        if let Some(queue) = &self.queue {
            queue.try_send(job).map_err(|error| refused(&error, "reads"))?;
        }
        Ok(answer)
    }

    /// The number of threads that run a job.
    pub(crate) fn busy(&self) -> usize {
        self.busy.load(Ordering::Relaxed)
    }

    /// The number of queued jobs.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.as_ref().map_or(0, Sender::len)
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            // Jobs catch their own panics.
            let _ = thread.join();
        }
    }
}

fn run(mut conn: SqliteConnection, jobs: &Receiver<Job>, busy: &AtomicUsize) {
    for job in jobs {
        busy.fetch_add(1, Ordering::Relaxed);
        job(&mut conn);
        busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs all statements of `work` on one snapshot. The transaction ends even if `work` panics.
pub(crate) fn in_snapshot<T>(
    conn: &mut SqliteConnection,
    work: impl FnOnce(&mut SqliteConnection) -> Result<T, Failure>,
) -> Result<T, Failure> {
    cached_statement::execute(conn, "BEGIN")?;
    let result = catch_unwind(AssertUnwindSafe(|| work(conn)));
    // Fails only if an error in `work` made SQLite end the transaction. That error is the one to report.
    let ended = cached_statement::execute(conn, "COMMIT");
    let found = result.unwrap_or_else(|panic| resume_unwind(panic))?;
    ended?;
    Ok(found)
}

#[cfg(test)]
mod tests;
