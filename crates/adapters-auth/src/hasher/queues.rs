//! Queues in which the jobs of one account or one network wait for a slot.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::user::HasherError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The maximum number of jobs of a queue, running ones included, for each of its slots.
const JOBS_PER_SLOT: usize = 8;

/// A queue for each key, all with the same number of slots.
pub(super) struct Queues<K> {
    slots: usize,
    queues: Mutex<HashMap<K, Queue>>,
}

struct Queue {
    slots: Arc<Semaphore>,
    /// The number of jobs that have a slot or wait for one.
    jobs: usize,
}

impl<K: Clone + Eq + Hash> Queues<K> {
    pub(super) fn new(slots: usize) -> Arc<Self> {
        Arc::new(Self { slots, queues: Mutex::default() })
    }

    /// Waits for a slot of the key's queue. Fails at once if too many jobs wait there.
    pub(super) async fn enter(self: &Arc<Self>, key: &K) -> Result<Slot<K>, HasherError> {
        let (mut slot, slots) = self.join(key)?;
        slot.permit = Some(slots.acquire_owned().await.map_err(|_| HasherError::Busy)?);
        Ok(slot)
    }

    fn join(self: &Arc<Self>, key: &K) -> Result<(Slot<K>, Arc<Semaphore>), HasherError> {
        let mut queues = self.lock();
        let new = || Queue { slots: Arc::new(Semaphore::new(self.slots)), jobs: 0 };
        let queue = queues.entry(key.clone()).or_insert_with(new);
        if queue.jobs >= self.slots * JOBS_PER_SLOT {
            return Err(HasherError::Busy);
        }
        queue.jobs += 1;
        let slot = Slot { permit: None, key: key.clone(), queues: self.clone() };
        Ok((slot, queue.slots.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Queue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job in a queue, until it is dropped. The last one removes the queue.
pub(super) struct Slot<K: Clone + Eq + Hash> {
    permit: Option<OwnedSemaphorePermit>,
    key: K,
    queues: Arc<Queues<K>>,
}

impl<K: Clone + Eq + Hash> Drop for Slot<K> {
    fn drop(&mut self) {
        let mut queues = self.queues.lock();
        // Before the queue can be removed, so that a new queue never adds slots to those in use.
        self.permit = None;
        if let Some(queue) = queues.get_mut(&self.key) {
            queue.jobs -= 1;
            if queue.jobs == 0 {
                queues.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_full_queue_waits_then_refuses_and_leaves_other_queues_alone() {
        let queues = Queues::new(2);
        let mut held: Vec<_> = (0..2).map(|_| queues.enter(&"ann").now_or_never()).collect();
        assert!(held.iter().all(Option::is_some), "both have a slot");
        let mut waiting: Vec<_> = (2..16).map(|_| Box::pin(queues.enter(&"ann"))).collect();
        for job in &mut waiting {
            assert!(job.as_mut().now_or_never().is_none(), "it waits");
        }
        assert!(matches!(queues.enter(&"ann").now_or_never(), Some(Err(HasherError::Busy))));
        assert!(matches!(queues.enter(&"bob").now_or_never(), Some(Ok(_))));
        held.pop();
        assert!(matches!(waiting[0].as_mut().now_or_never(), Some(Ok(_))));
        drop((held, waiting));
        assert!(queues.lock().is_empty());
    }
}
