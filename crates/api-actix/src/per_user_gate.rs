//! Lets each user run one expensive request of each kind at a time.
//!
//! Without it, one user's full lists and slow searches could take all memory and every database
//! reader. The password hasher has bounds of its own for each account.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::rt;
use domain::UserId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tracing::Instrument as _;

use crate::error::{HandlerResult, Problem};

/// How long a request waits for its predecessors.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(10);

/// The kinds of expensive work. Work of one kind does not wait for work of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeavyWork {
    /// A sync, a batch, or a list that may read all todos of the user.
    Read,
    /// An export, which lasts until the client has read it.
    Export,
}

/// The gate of the whole process. Clones share it.
#[derive(Clone, Debug)]
pub struct PerUserGate {
    queue_timeout: Duration,
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
        Self { queue_timeout, queues: Arc::default() }
    }

    /// Waits for the user's earlier requests of this kind.
    pub async fn acquire(&self, user: UserId, work: HeavyWork) -> Result<Permit, Busy> {
        let (slot, semaphore) = self.enqueue(user, work);
        let acquired = timeout(self.queue_timeout, semaphore.acquire_owned()).await;
        let permit = acquired.map_err(|_| Busy)?.map_err(|_| Busy)?;
        Ok(Permit { _permit: permit, _slot: slot })
    }

    /// Does not wait: returns an error if the user has another request of this kind.
    pub fn try_acquire(&self, user: UserId, work: HeavyWork) -> Result<Permit, Busy> {
        let (slot, semaphore) = self.enqueue(user, work);
        let permit = semaphore.try_acquire_owned().map_err(|_| Busy)?;
        Ok(Permit { _permit: permit, _slot: slot })
    }

    fn enqueue(&self, user: UserId, work: HeavyWork) -> (Slot, Arc<Semaphore>) {
        let mut queues = self.queues();
        let empty = || Queue { semaphore: Arc::new(Semaphore::new(1)), len: 0 };
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
    _permit: OwnedSemaphorePermit,
    _slot: Slot,
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
        match rt::spawn(held.in_current_span()).await {
            Ok(answer) => answer,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(_) => Err(Problem::unexpected()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::HttpResponse;
    use tokio::sync::oneshot;
    use uuid::Uuid;

    use super::*;

    const ANN: UserId = UserId(Uuid::from_u128(1));
    const BOB: UserId = UserId(Uuid::from_u128(2));

    fn impatient() -> PerUserGate {
        PerUserGate::with_queue_timeout(Duration::from_millis(20))
    }

    #[actix_web::test]
    async fn requests_of_one_user_and_kind_exclude_one_another_and_no_others() {
        let gate = impatient();
        let permit = gate.acquire(ANN, HeavyWork::Read).await.expect("free");
        assert_eq!(gate.acquire(ANN, HeavyWork::Read).await.err(), Some(Busy));
        assert_eq!(gate.try_acquire(ANN, HeavyWork::Read).err(), Some(Busy));
        assert!(gate.try_acquire(BOB, HeavyWork::Read).is_ok());
        assert!(gate.try_acquire(ANN, HeavyWork::Export).is_ok());
        drop(permit);
        assert!(gate.try_acquire(ANN, HeavyWork::Read).is_ok());
    }

    #[actix_web::test]
    async fn a_waiting_request_runs_when_the_one_before_it_ends() {
        let gate = PerUserGate::default();
        let first = gate.try_acquire(ANN, HeavyWork::Read).expect("free");
        let waiting = gate.clone();
        let second = rt::spawn(async move { waiting.acquire(ANN, HeavyWork::Read).await });
        rt::task::yield_now().await;
        drop(first);
        assert!(second.await.expect("no panic").is_ok());
    }

    #[actix_web::test]
    async fn a_queue_is_removed_with_its_last_request() {
        let gate = impatient();
        let permit = gate.try_acquire(ANN, HeavyWork::Read);
        assert_eq!(gate.acquire(ANN, HeavyWork::Read).await.err(), Some(Busy));
        drop(gate.acquire(ANN, HeavyWork::Read));
        assert_eq!(gate.queues().get(&(ANN, HeavyWork::Read)).map(|queue| queue.len), Some(1));
        drop(permit);
        assert!(gate.queues().is_empty());
    }

    #[actix_web::test]
    async fn a_permit_is_held_until_the_work_is_done_even_if_the_client_disconnects() {
        let gate = impatient();
        let permit = gate.try_acquire(ANN, HeavyWork::Read).expect("free");
        let (finish, finished) = oneshot::channel::<()>();
        let work = permit.run(async move {
            finished.await.map_err(|_| Problem::unexpected())?;
            Ok(HttpResponse::Ok().finish())
        });
        assert!(timeout(Duration::from_millis(20), work).await.is_err());
        assert_eq!(gate.try_acquire(ANN, HeavyWork::Read).err(), Some(Busy));
        finish.send(()).expect("the work goes on");
        assert!(gate.acquire(ANN, HeavyWork::Read).await.is_ok());
    }
}
