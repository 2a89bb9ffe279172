//! Lets each user run one expensive request of each kind at a time, or a few.
//!
//! Without it, one user's full lists and slow searches could take all memory and every database
//! reader. The password hasher has bounds of its own for each account.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::body::MessageBody as _;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::rt;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder};
use domain::UserId;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;
use tokio::time::timeout;
use tracing::{Instrument as _, Span};

use crate::error::{HandlerResult, Problem};
use crate::memory_budget::Reservation;

/// How long a request waits for its predecessors.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(10);

/// The kinds of expensive work. Work of one kind does not wait for work of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeavyWork {
    /// A sync, a batch, or a list that may read all todos of the user.
    Read,
    /// An export, which lasts until the client has read it.
    Export,
    /// A large body, from its arrival until its work begins. A slow client must not keep the user's other
    /// devices out.
    Upload,
}

impl HeavyWork {
    /// The number of a user's requests that may run at once.
    const fn at_once(self) -> usize {
        match self {
            Self::Read | Self::Export => 1,
            Self::Upload => 4,
        }
    }
}

/// The number of requests with large bodies, of all users, that run at once. Each has a thread.
const LARGE_AT_ONCE: usize = 8;

/// The gate of the whole process. Clones share it.
#[derive(Clone, Debug)]
pub struct PerUserGate {
    queue_timeout: Duration,
    large: Arc<Semaphore>,
    queues: Arc<Mutex<HashMap<(UserId, HeavyWork), Queue>>>,
}

/// One user's requests of one kind.
#[derive(Debug)]
struct Queue {
    semaphore: Arc<Semaphore>,
    /// The number of requests, running and waiting.
    len: usize,
}

/// The user's other requests of this kind did not finish in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

impl From<Busy> for Problem {
    fn from(_: Busy) -> Self {
        Self::too_many_at_once()
    }
}

impl Default for PerUserGate {
    fn default() -> Self {
        Self::with_queue_timeout(QUEUE_TIMEOUT)
    }
}

impl PerUserGate {
    /// A gate whose requests wait for at most `queue_timeout`.
    #[must_use]
    pub fn with_queue_timeout(queue_timeout: Duration) -> Self {
        Self { queue_timeout, large: Arc::new(Semaphore::new(LARGE_AT_ONCE)), queues: Arc::default() }
    }

    /// Waits for the user's earlier requests of this kind.
    pub async fn acquire(&self, user: UserId, work: HeavyWork) -> Result<Permit, Busy> {
        let (slot, semaphore) = self.enqueue(user, work);
        let acquired = timeout(self.queue_timeout, semaphore.acquire_owned()).await;
        let permit = acquired.map_err(|_| Busy)?.map_err(|_| Busy)?;
        Ok(Permit { _turn: permit, _slot: slot, _of_large: None })
    }

    /// As [`Self::acquire`], for a request with a large body: waits for those of others, too.
    pub async fn acquire_large(&self, user: UserId, work: HeavyWork) -> Result<Permit, Busy> {
        let permit = self.acquire(user, work).await?;
        let of_large = timeout(self.queue_timeout, self.large.clone().acquire_owned()).await;
        let of_large = of_large.map_err(|_| Busy)?.map_err(|_| Busy)?;
        Ok(Permit { _of_large: Some(of_large), ..permit })
    }

    /// Does not wait: returns an error if the user has another request of this kind.
    pub fn try_acquire(&self, user: UserId, work: HeavyWork) -> Result<Permit, Busy> {
        let (slot, semaphore) = self.enqueue(user, work);
        let permit = semaphore.try_acquire_owned().map_err(|_| Busy)?;
        Ok(Permit { _turn: permit, _slot: slot, _of_large: None })
    }

    fn enqueue(&self, user: UserId, work: HeavyWork) -> (Slot, Arc<Semaphore>) {
        let mut queues = self.queues();
        let empty = || Queue { semaphore: Arc::new(Semaphore::new(work.at_once())), len: 0 };
        let queue = queues.entry((user, work)).or_insert_with(empty);
        queue.len += 1;
        (Slot { gate: self.clone(), key: (user, work) }, queue.semaphore.clone())
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<(UserId, HeavyWork), Queue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request's slot in a queue. The last one removes the queue.
#[derive(Debug)]
struct Slot {
    gate: PerUserGate,
    key: (UserId, HeavyWork),
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut queues = self.gate.queues();
        if let Entry::Occupied(mut queue) = queues.entry(self.key) {
            queue.get_mut().len -= 1;
            if queue.get().len == 0 {
                queue.remove();
            }
        }
    }
}

/// Permission to work, until it is dropped.
#[derive(Debug)]
pub struct Permit {
    // Dropped before the slot, so that the next request starts before its queue can be removed.
    _turn: OwnedSemaphorePermit,
    _slot: Slot,
    /// That of [`PerUserGate::acquire_large`].
    _of_large: Option<OwnedSemaphorePermit>,
}

impl Permit {
    /// Runs `work` to completion and holds the permit for as long, even if the client disconnects and
    /// the returned future is dropped: a query of the database runs on in that case, and the user's next
    /// one must not run beside it.
    pub async fn run(self, work: impl Future<Output = HandlerResult> + 'static) -> HandlerResult {
        let held = async move {
            let answer = work.await;
            drop(self);
            answer
        };
        rt::spawn(held.in_current_span()).await.unwrap_or_else(failed)
    }

    /// As [`Self::run`], on a blocking thread of `background`: the worker goes on with its other requests
    /// while this one reads megabytes or writes them. Its database connections remain those of the worker.
    pub async fn run_apart<Work>(
        self,
        background: &Handle,
        work: impl FnOnce() -> Work + Send + 'static,
    ) -> HandlerResult
    where
        Work: Future<Output = HandlerResult>,
    {
        let (span, worker) = (Span::current(), Handle::current());
        let held = move || {
            let answer = worker.block_on(work().instrument(span));
            drop(self);
            Ok(Whole::from(answer?))
        };
        background.spawn_blocking(held).await.unwrap_or_else(failed).map(HttpResponse::from)
    }
}

fn failed<T>(error: JoinError) -> Result<T, Problem> {
    match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(_) => Err(Problem::unexpected()),
    }
}

/// A response that can move to another thread, because its body is complete.
struct Whole {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    memory: Option<Reservation>,
}

impl From<HttpResponse> for Whole {
    fn from(mut response: HttpResponse) -> Self {
        let memory = response.extensions_mut().remove::<Reservation>();
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        // A body of bytes is complete.
        let body = response.into_body().try_into_bytes().unwrap_or_default();
        Self { status, headers, body, memory }
    }
}

impl From<Whole> for HttpResponse {
    fn from(Whole { status, headers, body, memory }: Whole) -> Self {
        let mut response = HttpResponseBuilder::new(status).body(body);
        *response.headers_mut() = headers;
        if let Some(memory) = memory {
            response.extensions_mut().insert(memory);
        }
        response
    }
}

#[cfg(test)]
mod tests;
