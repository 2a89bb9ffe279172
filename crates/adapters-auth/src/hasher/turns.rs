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
mod tests {
    use std::pin::Pin;

    use futures_util::FutureExt as _;

    use super::*;

    type Entering<'a> = Pin<Box<dyn Future<Output = Result<Place<u32>, HasherError>> + 'a>>;

    /// Lets jobs enter, which are known by their party, and says which of them run.
    struct Jobs<'a> {
        turns: &'a Arc<Turns<u32>>,
        waiting: Vec<(u32, Entering<'a>)>,
        running: Vec<Place<u32>>,
    }

    impl<'a> Jobs<'a> {
        /// One place, which is taken.
        fn new(turns: &'a Arc<Turns<u32>>) -> Self {
            let first = turns.enter(Kind::Verify, 0).now_or_never();
            let running = vec![first.expect("it runs at once").expect("a place")];
            Self { turns, waiting: Vec::new(), running }
        }

        /// Whether the job is admitted.
        fn enter(&mut self, kind: Kind, party: u32) -> bool {
            let mut job: Entering<'a> = Box::pin(self.turns.enter(kind, party));
            match job.as_mut().now_or_never() {
                None => self.waiting.push((party, job)),
                Some(Ok(_)) => panic!("no place is free"),
                Some(Err(_)) => return false,
            }
            true
        }

        /// The parties of the jobs that get no turn any more.
        fn refused(&mut self) -> Vec<u32> {
            self.poll().1
        }

        /// Ends the running job. Returns the party of the one that follows it.
        fn next(&mut self) -> Option<u32> {
            self.running.clear();
            self.poll().0
        }

        fn poll(&mut self) -> (Option<u32>, Vec<u32>) {
            let (mut next, mut refused) = (None, Vec::new());
            let running = &mut self.running;
            self.waiting.retain_mut(|(party, job)| match job.as_mut().now_or_never() {
                None => true,
                Some(Ok(place)) => {
                    assert_eq!(next.replace(*party), None, "one place, one job");
                    running.push(place);
                    false
                }
                Some(Err(_)) => {
                    refused.push(*party);
                    false
                }
            });
            (next, refused)
        }

        fn order(&mut self) -> Vec<u32> {
            std::iter::from_fn(|| self.next()).collect()
        }
    }

    #[test]
    fn parties_take_turns_however_many_jobs_they_have() {
        let turns = Turns::new(1, 100);
        let mut jobs = Jobs::new(&turns);
        for party in [1, 1, 1, 1, 2, 2, 3] {
            assert!(jobs.enter(Kind::Verify, party));
        }
        assert_eq!(jobs.next(), Some(1));
        // Another party waits for the rest of this round and for the next.
        assert!(jobs.enter(Kind::Verify, 4));
        assert_eq!(jobs.order(), [2, 3, 1, 2, 4, 1, 1]);
        assert!(turns.enter(Kind::Verify, 5).now_or_never().is_some(), "the place is free again");
    }

    #[test]
    fn parties_that_come_anew_all_the_time_overtake_nobody_twice() {
        let turns = Turns::new(1, 100);
        let mut jobs = Jobs::new(&turns);
        for party in [1, 1, 1] {
            assert!(jobs.enter(Kind::Verify, party));
        }
        let mut served = Vec::new();
        for newcomer in 10.. {
            assert!(jobs.enter(Kind::Verify, newcomer));
            served.extend(jobs.next());
            if served.iter().filter(|party| **party == 1).count() == 3 {
                break;
            }
        }
        assert_eq!(served, [1, 10, 1, 11, 12, 1]);
    }

    #[test]
    fn a_full_queue_makes_room_by_refusing_the_last_job_of_whoever_has_most() {
        let turns = Turns::new(1, 4);
        let mut jobs = Jobs::new(&turns);
        for party in [1, 1, 1, 2] {
            assert!(jobs.enter(Kind::Verify, party));
        }
        assert!(!jobs.enter(Kind::Verify, 1), "it has most already");
        assert!(jobs.enter(Kind::Verify, 3));
        assert_eq!(jobs.refused(), [1]);
        assert!(jobs.enter(Kind::Verify, 4));
        assert_eq!(jobs.refused(), [1]);
        assert!(!jobs.enter(Kind::Verify, 5), "each has one");
        assert!(!jobs.enter(Kind::Verify, 2));
        assert_eq!(jobs.order(), [1, 2, 3, 4]);
    }

    #[test]
    fn kinds_take_turns_and_take_no_room_from_each_other() {
        let turns = Turns::new(1, 3);
        let mut jobs = Jobs::new(&turns);
        for party in [1, 2, 3] {
            assert!(jobs.enter(Kind::Verify, party));
        }
        assert!(!jobs.enter(Kind::Verify, 4));
        for party in [11, 12] {
            assert!(jobs.enter(Kind::Hash, party));
        }
        assert_eq!(jobs.order(), [1, 11, 2, 12, 3]);
    }

    #[test]
    fn a_job_whose_caller_has_gone_leaves_the_queue_and_passes_its_place_on() {
        let turns = Turns::new(1, 2);
        let mut jobs = Jobs::new(&turns);
        for party in [1, 2] {
            assert!(jobs.enter(Kind::Verify, party));
        }
        drop(jobs.waiting.remove(0));
        assert!(jobs.enter(Kind::Verify, 3));
        // The place is given to the second, which goes before it learns of it.
        jobs.running.clear();
        drop(jobs.waiting.remove(0));
        assert_eq!(jobs.poll().0, Some(3));
        assert_eq!(jobs.order(), [0; 0]);
        let state = turns.lock();
        assert_eq!((state.free, state.verify.waiting.len(), state.verify.jobs.len()), (1, 0, 0));
    }
}
