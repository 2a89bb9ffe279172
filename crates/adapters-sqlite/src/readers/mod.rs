//! The threads that read.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};
use diesel::SqliteConnection;
use domain::StoreError;
use tokio::sync::oneshot;

use crate::bare;
use crate::error::{Failure, OpenError, panicked, refused};

type Job = Box<dyn FnOnce(&mut SqliteConnection) + Send>;

/// Threads that share one queue, each with a connection of its own.
pub(crate) struct Readers {
    /// Taken on drop, which ends the threads once the queue is empty.
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

    /// Queues `work`. It is left out when nobody waits for its answer any more.
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
            // A caller who went away meanwhile needs no answer.
            let _ = caller.send(result.map_or_else(|_| Err(panicked()), |result| result.map_err(Into::into)));
        });
        if let Some(queue) = &self.queue {
            queue.try_send(job).map_err(|error| refused(&error, "reads"))?;
        }
        Ok(answer)
    }

    /// How many of the threads are at work.
    pub(crate) fn busy(&self) -> usize {
        self.busy.load(Ordering::Relaxed)
    }

    /// How many jobs no thread has taken yet.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.as_ref().map_or(0, Sender::len)
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            // Jobs catch their panics.
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

/// Runs `work` with every statement of it on one snapshot. A panic in it leaves no transaction behind.
pub(crate) fn in_snapshot<T>(
    conn: &mut SqliteConnection,
    work: impl FnOnce(&mut SqliteConnection) -> Result<T, Failure>,
) -> Result<T, Failure> {
    bare::run(conn, "BEGIN")?;
    let result = catch_unwind(AssertUnwindSafe(|| work(conn)));
    // Fails only where an error made SQLite end the transaction itself, and then that error is the one to tell.
    let ended = bare::run(conn, "COMMIT");
    let found = result.unwrap_or_else(|panic| resume_unwind(panic))?;
    ended?;
    Ok(found)
}

#[cfg(test)]
mod tests;
