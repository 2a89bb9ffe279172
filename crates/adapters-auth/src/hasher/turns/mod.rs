//! The places of running jobs, and the queues in which jobs wait for one.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::user::HasherError;
use tokio::sync::oneshot;

/// What a job does. Each kind has a queue of its own, and the kinds take turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Compares a password with a hash.
    Verify,
    /// Makes a hash.
    Hash,
}

impl Kind {
    const fn other(self) -> Self {
        match self {
            Self::Verify => Self::Hash,
            Self::Hash => Self::Verify,
        }
    }
}

/// Lets a limited number of jobs run. The others wait in a bounded queue for each kind, in which
/// their parties take turns: however many jobs a party has, the first job of any other waits for at
/// most two of them. A full queue makes room for a job by refusing the last one, if that belongs to
/// a party with more jobs, and otherwise refuses the new one.
pub(super) struct Turns<K: Clone + Eq + Hash> {
    /// The maximum number of waiting jobs of each kind.
    capacity: usize,
    state: Mutex<State<K>>,
}

struct State<K: Clone + Eq + Hash> {
    /// How many more jobs may run.
    free: usize,
    verify: Queue<K>,
    hash: Queue<K>,
    /// The kind that is served first if jobs of both wait.
    next: Kind,
}

struct Queue<K: Clone + Eq + Hash> {
    waiting: BTreeMap<Turn, Waiting<K>>,
    /// The number of waiting jobs of each party that has any.
    jobs: HashMap<K, u64>,
    /// The round of the last job that left the queue to run.
    round: u64,
    arrivals: u64,
}

/// The place of a job in its queue: round by round, and in the order of arrival within a round.
type Turn = (u64, u64);

struct Waiting<K: Clone + Eq + Hash> {
    party: K,
    place: oneshot::Sender<Place<K>>,
}

impl<K: Clone + Eq + Hash> Turns<K> {
    /// `places` jobs may run, and `capacity` of each kind may wait.
    pub(super) fn new(places: usize, capacity: usize) -> Arc<Self> {
        let state = State { free: places, verify: Queue::new(), hash: Queue::new(), next: Kind::Verify };
        Arc::new(Self { capacity, state: Mutex::new(state) })
    }

    /// Waits for a place. Fails at once if the queue is full and makes no room, and later if it makes
    /// room for another job.
    pub(super) async fn enter(self: &Arc<Self>, kind: Kind, party: K) -> Result<Place<K>, HasherError> {
        let (turn, place) = {
            let mut state = self.lock();
            if state.free > 0 {
                state.free -= 1;
                return Ok(Place { turns: self.clone() });
            }
            state.queue(kind).join(party, self.capacity).ok_or(HasherError::Busy)?
        };
        // Leaves the queue if the caller no longer waits.
        let _leave = Leave { turns: self, kind, turn };
        place.await.map_err(|_| HasherError::Busy)
    }

    /// The number of waiting jobs of a kind.
    #[cfg(test)]
    pub(super) fn waiting(&self, kind: Kind) -> usize {
        self.lock().queue(kind).waiting.len()
    }

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Eq + Hash> State<K> {
    const fn queue(&mut self, kind: Kind) -> &mut Queue<K> {
        match kind {
            Kind::Verify => &mut self.verify,
            Kind::Hash => &mut self.hash,
        }
    }

    /// The job that gets a place which has become free.
    fn next(&mut self) -> Option<Waiting<K>> {
        for kind in [self.next, self.next.other()] {
            if let Some(job) = self.queue(kind).next() {
                self.next = kind.other();
                return Some(job);
            }
        }
        None
    }
}

impl<K: Clone + Eq + Hash> Queue<K> {
    fn new() -> Self {
        Self { waiting: BTreeMap::new(), jobs: HashMap::new(), round: 0, arrivals: 0 }
    }

    /// Adds a job to the first round in which its party has none, unless the queue is full and no job
    /// has a later turn.
    fn join(&mut self, party: K, capacity: usize) -> Option<(Turn, oneshot::Receiver<Place<K>>)> {
        let turn = (self.round + 1 + self.jobs.get(&party).copied().unwrap_or(0), self.arrivals);
        if self.waiting.len() >= capacity {
            let (&last, _) = self.waiting.last_key_value()?;
            if last < turn {
                return None;
            }
            self.remove(last);
        }
        self.arrivals += 1;
        *self.jobs.entry(party.clone()).or_default() += 1;
        let (place, receiver) = oneshot::channel();
        self.waiting.insert(turn, Waiting { party, place });
        Some((turn, receiver))
    }

    fn next(&mut self) -> Option<Waiting<K>> {
        let (&turn, _) = self.waiting.first_key_value()?;
        self.round = turn.0;
        self.remove(turn)
    }

    fn remove(&mut self, turn: Turn) -> Option<Waiting<K>> {
        let job = self.waiting.remove(&turn)?;
        if let Some(jobs) = self.jobs.get_mut(&job.party) {
            *jobs -= 1;
            if *jobs == 0 {
                self.jobs.remove(&job.party);
            }
        }
        Some(job)
    }
}

/// The place of a running job, until it is dropped.
pub(super) struct Place<K: Clone + Eq + Hash> {
    turns: Arc<Turns<K>>,
}

impl<K: Clone + Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut state = self.turns.lock();
        let Some(job) = state.next() else {
            state.free += 1;
            return;
        };
        drop(state);
        // If nobody waits for it any more, the new place is dropped, and passes to the next job.
        drop(job.place.send(Self { turns: self.turns.clone() }));
    }
}

/// Takes a job out of its queue, if it still waits there.
struct Leave<'a, K: Clone + Eq + Hash> {
    turns: &'a Turns<K>,
    kind: Kind,
    turn: Turn,
}

impl<K: Clone + Eq + Hash> Drop for Leave<'_, K> {
    fn drop(&mut self) {
        let _left = self.turns.lock().queue(self.kind).remove(self.turn);
    }
}

#[cfg(test)]
mod tests;
