//! The reader threads.

mod queue;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use diesel::SqliteConnection;
use domain::StoreError;
use tokio::sync::oneshot;

use self::queue::{Job, Queue, Work};
use crate::cached_statement;
use crate::error::{Failure, OpenError, busy, panicked, timed_out};
use crate::interrupt;
use crate::statements;

pub(crate) use self::queue::Class;

/// Threads that share one queue. Each has a connection of its own.
pub(crate) struct Readers {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    timeout: Duration,
}

struct Shared {
    /// `None` once the readers are dropped. The threads end when the queue is empty then.
    queue: Mutex<State>,
    ready: Condvar,
    busy: AtomicUsize,
}

struct State {
    queue: Queue,
    /// The number of threads that wait for a job.
    idle: usize,
    closed: bool,
}

impl Readers {
    /// Starts a thread for each connection. A job has `timeout` from its call to its end.
    pub(crate) fn start(
        connections: Vec<SqliteConnection>,
        queue: usize,
        timeout: Duration,
    ) -> Result<Self, OpenError> {
        let state = State { queue: Queue::new(connections.len(), queue), idle: 0, closed: false };
        let shared =
            Arc::new(Shared { queue: Mutex::new(state), ready: Condvar::new(), busy: AtomicUsize::new(0) });
        let threads = Vec::with_capacity(connections.len());
        let mut readers = Self { shared, threads, timeout };
        for (i, conn) in connections.into_iter().enumerate() {
            let shared = Arc::clone(&readers.shared);
            let thread = thread::Builder::new().name(format!("sqlite-reader-{i}"));
            readers.threads.push(thread.spawn(move || shared.run(conn))?);
        }
        Ok(readers)
    }

    /// Queues `work`. It does not run if its time is over, or its caller gone, before its turn comes. A
    /// statement with the condition `not_interrupted()` ends when that happens while it runs. Until it has
    /// ended, the user's next read waits.
    ///
    /// Returns an error at once if the queue is full.
    pub(crate) fn submit<T: Send + 'static>(
        &self,
        class: Class,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T, StoreError>>, StoreError> {
        let (caller, answer) = oneshot::channel();
        let deadline = Instant::now() + self.timeout;
        let span = statements::caller();
        let work: Work = Box::new(move |conn| span.in_scope(|| run_until(deadline, caller, || work(conn))));
        let mut state = self.shared.state();
        if !state.queue.push(Job { class, work }) {
            return Err(busy("reads"));
        }
        let wakes = state.idle > 0;
        drop(state);
        if wakes {
            self.shared.ready.notify_one();
        }
        Ok(answer)
    }

    /// The number of threads that run a job.
    pub(crate) fn busy(&self) -> usize {
        self.shared.busy.load(Ordering::Relaxed)
    }

    /// The number of threads.
    pub(crate) fn count(&self) -> usize {
        self.threads.len()
    }

    /// The number of queued jobs.
    pub(crate) fn waiting(&self) -> usize {
        self.shared.state().queue.len()
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.ready.notify_all();
        for thread in self.threads.drain(..) {
            // Jobs catch their own panics.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, mut conn: SqliteConnection) {
        let mut state = self.state();
        loop {
            let Some(Job { class, work }) = state.queue.next() else {
                if state.closed && state.queue.len() == 0 {
                    self.ready.notify_all();
                    return;
                }
                state.idle += 1;
                state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
                continue;
            };
            // The end of one job may admit two: this thread takes one of them, and wakes another
            // for the next.
            let wakes = state.idle > 0 && state.queue.has_next();
            drop(state);
            if wakes {
                self.ready.notify_one();
            }
            self.busy.fetch_add(1, Ordering::Relaxed);
            work(&mut conn);
            self.busy.fetch_sub(1, Ordering::Relaxed);
            state = self.state();
            state.queue.finish(class);
        }
    }
}

/// Runs `work` and sends its result, unless the deadline has passed or the caller no longer waits.
fn run_until<T: 'static>(
    deadline: Instant,
    caller: oneshot::Sender<Result<T, StoreError>>,
    work: impl FnOnce() -> Result<T, Failure>,
) {
    let is_over = move || Instant::now() >= deadline;
    if caller.is_closed() {
        return;
    }
    let caller = Rc::new(caller);
    let result = if is_over() {
        Err(timed_out())
    } else {
        let waiting = Rc::clone(&caller);
        let must_stop = move || waiting.is_closed() || is_over();
        match catch_unwind(AssertUnwindSafe(|| interrupt::until(must_stop, work))) {
            Ok(Err(_)) if is_over() => Err(timed_out()),
            Ok(result) => result.map_err(Into::into),
            Err(_) => Err(panicked()),
        }
    };
    if let Some(caller) = Rc::into_inner(caller) {
        // The caller may have stopped waiting meanwhile.
        let _ = caller.send(result);
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
