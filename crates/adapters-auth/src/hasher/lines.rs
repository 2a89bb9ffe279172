//! Lines in which the jobs of one account or one network wait before they take a place of the
//! hasher.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::user::HasherError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many jobs of a line may exist, waiting ones among them, for each place that it has.
const JOBS_PER_PLACE: usize = 8;

/// A line for each key, with the same number of places.
pub(super) struct Lines<K> {
    places: usize,
    lines: Mutex<HashMap<K, Line>>,
}

struct Line {
    places: Arc<Semaphore>,
    /// The number of jobs that have a place or wait for one.
    jobs: usize,
}

impl<K: Clone + Eq + Hash> Lines<K> {
    pub(super) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self { places, lines: Mutex::default() })
    }

    /// Waits for a place in the key's line. Fails at once if too many jobs wait there.
    pub(super) async fn enter(self: &Arc<Self>, key: &K) -> Result<Place<K>, HasherError> {
        let (mut place, places) = self.join(key)?;
        place.permit = Some(places.acquire_owned().await.map_err(|_| HasherError::Busy)?);
        Ok(place)
    }

    fn join(self: &Arc<Self>, key: &K) -> Result<(Place<K>, Arc<Semaphore>), HasherError> {
        let mut lines = self.lock();
        let new = || Line { places: Arc::new(Semaphore::new(self.places)), jobs: 0 };
        let line = lines.entry(key.clone()).or_insert_with(new);
        if line.jobs >= self.places * JOBS_PER_PLACE {
            return Err(HasherError::Busy);
        }
        line.jobs += 1;
        let place = Place { permit: None, key: key.clone(), lines: self.clone() };
        Ok((place, line.places.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job in a line, until it is dropped. The last one removes the line.
pub(super) struct Place<K: Clone + Eq + Hash> {
    permit: Option<OwnedSemaphorePermit>,
    key: K,
    lines: Arc<Lines<K>>,
}

impl<K: Clone + Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut lines = self.lines.lock();
        // Before the line can be removed, so that a new line never adds places to those in use.
        self.permit = None;
        if let Some(line) = lines.get_mut(&self.key) {
            line.jobs -= 1;
            if line.jobs == 0 {
                lines.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_full_line_waits_then_refuses_and_leaves_other_lines_alone() {
        let lines = Lines::new(2);
        let mut held: Vec<_> = (0..2).map(|_| lines.enter(&"ann").now_or_never()).collect();
        assert!(held.iter().all(Option::is_some), "both have a place");
        let mut waiting: Vec<_> = (2..16).map(|_| Box::pin(lines.enter(&"ann"))).collect();
        for job in &mut waiting {
            assert!(job.as_mut().now_or_never().is_none(), "it waits");
        }
        assert!(matches!(lines.enter(&"ann").now_or_never(), Some(Err(HasherError::Busy))));
        assert!(matches!(lines.enter(&"bob").now_or_never(), Some(Ok(_))));
        held.pop();
        assert!(matches!(waiting[0].as_mut().now_or_never(), Some(Ok(_))));
        drop((held, waiting));
        assert!(lines.lock().is_empty());
    }
}
