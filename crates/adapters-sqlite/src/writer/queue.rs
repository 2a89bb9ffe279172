//! The queue of the writer thread: which job runs next.
//!
//! Small jobs form groups. A large batch is a group of its own, and while both wait, groups of
//! small jobs and large batches take turns: a small job waits for at most one large batch, whoever
//! sends how many. The batches of a user stay in the order in which they arrived.
//!
//! After a large batch, the next one of the same user waits in proportion to what the first one took. So a
//! user who sends one after another takes a small part of the writer's time, and of the disk's.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::UserId;
use domain::todo::Batch;

use super::Job;

/// A batch with more changes than this is large.
const MAX_SMALL_CHANGES: usize = 100;
/// A batch with more bytes of text than this is large.
const MAX_SMALL_BYTES: usize = 64 * 1024;

/// After a large batch, its user's next one waits this many times as long as the batch took. An import of
/// 10,000 todos still takes a few seconds.
const REST: u32 = 4;
/// It waits no longer than this: a bulk request on a slow disk is 40 batches.
const MAX_REST: Duration = Duration::from_millis(100);

/// Whose job it is, and how long it takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Load {
    /// A job of the server, or a small one of any user.
    Other,
    /// A batch of one user.
    Batch { user: UserId, large: bool },
}

impl Load {
    pub(crate) fn of(user: UserId, batch: &Batch) -> Self {
        let large = batch.changes.len() > MAX_SMALL_CHANGES || batch.text_bytes() > MAX_SMALL_BYTES;
        Self::Batch { user, large }
    }
}

pub(super) type BoxedJob = Box<dyn Job>;

pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    capacity: usize,
}

#[derive(Default)]
struct State {
    small: VecDeque<BoxedJob>,
    /// Large batches, and small ones behind a large one of the same user.
    large: VecDeque<(UserId, BoxedJob)>,
    /// The users whose next large batch waits, and until when.
    resting: HashMap<UserId, Instant>,
    /// Whether the last group was a large batch.
    last_was_large: bool,
    closed: bool,
}

/// The first job of a group.
pub(super) struct First {
    pub job: BoxedJob,
    /// The user if this is a large batch. The group takes no other job then.
    pub alone: Option<UserId>,
}

/// Why a job was not queued.
pub(super) enum Refused {
    Full,
    Closed,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), capacity }
    }

    pub(super) fn push(&self, load: Load, job: BoxedJob) -> Result<(), Refused> {
        let mut state = self.state();
        if state.closed {
            return Err(Refused::Closed);
        }
        if state.len() >= self.capacity {
            return Err(Refused::Full);
        }
        match load {
            Load::Batch { user, large } if large || state.large.iter().any(|(of, _)| *of == user) => {
                state.large.push_back((user, job));
            }
            Load::Batch { .. } | Load::Other => state.small.push_back(job),
        }
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for the first job of the next group. Returns `None` once the queue is closed and
    /// empty.
    pub(super) fn first(&self) -> Option<First> {
        let mut state = self.state();
        loop {
            let now = Instant::now();
            if let Some(first) = state.first(now) {
                return Some(first);
            }
            if state.closed {
                return None;
            }
            state = match state.next_end_of_rest() {
                Some(end) => {
                    let rest = end.saturating_duration_since(now);
                    self.changed.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Records how long a large batch of this user took.
    pub(super) fn finish_large(&self, user: UserId, took: Duration) {
        let now = Instant::now();
        let mut state = self.state();
        state.resting.retain(|_, end| *end > now);
        state.resting.insert(user, now + (took * REST).min(MAX_REST));
    }

    /// Takes another job for a group of small ones.
    pub(super) fn further(&self) -> Option<BoxedJob> {
        self.state().small.pop_front()
    }

    /// The number of queued jobs.
    pub(super) fn len(&self) -> usize {
        self.state().len()
    }

    /// Refuses new jobs. The queued ones are still to be taken.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_one();
    }

    /// Refuses new jobs, and drops the queued ones.
    pub(super) fn abandon(&self) {
        *self.state() = State { closed: true, ..State::default() };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn len(&self) -> usize {
        self.small.len() + self.large.len()
    }

    fn first(&mut self, now: Instant) -> Option<First> {
        let turn_of_large = self.small.is_empty() || !self.last_was_large;
        if turn_of_large && let Some((user, job)) = self.next_large(now) {
            self.last_was_large = true;
            return Some(First { job, alone: Some(user) });
        }
        self.last_was_large = false;
        let job = self.small.pop_front()?;
        Some(First { job, alone: None })
    }

    /// The first large batch of a user who does not rest. The end waits for nobody's rest.
    fn next_large(&mut self, now: Instant) -> Option<(UserId, BoxedJob)> {
        let rests = |user| self.resting.get(user).is_some_and(|end| *end > now);
        let place = self.large.iter().position(|(user, _)| self.closed || !rests(user))?;
        self.large.remove(place)
    }

    /// When the next large batch may run, if all of them wait.
    fn next_end_of_rest(&self) -> Option<Instant> {
        self.large.iter().filter_map(|(user, _)| self.resting.get(user)).min().copied()
    }
}

#[cfg(test)]
mod tests {
    use diesel::SqliteConnection;
    use domain::StoreError;
    use domain::todo::EventBus;
    use uuid::Uuid;

    use super::*;

    struct Nothing(Instant);

    impl Job for Nothing {
        fn queued(&self) -> Instant {
            self.0
        }

        fn run(&mut self, _: &mut SqliteConnection) -> Result<(), StoreError> {
            Ok(())
        }

        fn finish(self: Box<Self>, _: Result<(), StoreError>, _: &dyn EventBus) {}
    }

    fn user(n: u128) -> UserId {
        UserId(Uuid::from_u128(n))
    }

    /// The users of the large batches that run at `now`.
    fn large(state: &mut State, now: Instant) -> Vec<UserId> {
        std::iter::from_fn(|| state.first(now)?.alone).collect()
    }

    #[test]
    fn a_user_rests_after_a_large_batch_and_no_other_user_does() {
        let queue = Queue::new(10);
        let [ann, bob] = [1, 2].map(user);
        let push = |user, large| {
            let job = Box::new(Nothing(Instant::now()));
            assert!(queue.push(Load::Batch { user, large }, job).is_ok());
        };
        queue.finish_large(ann, Duration::from_secs(1));
        let now = Instant::now();
        push(ann, true);
        push(ann, false);
        push(bob, true);
        assert_eq!(large(&mut queue.state(), now), [bob]);
        assert_eq!(queue.len(), 2, "the batches of a user stay in order");
        let end = queue.state().next_end_of_rest().expect("one rests");
        assert!(end > now && end <= now + MAX_REST);
        assert_eq!(large(&mut queue.state(), end), [ann, ann]);
    }

    #[test]
    fn the_end_waits_for_nobodys_rest() {
        let queue = Queue::new(10);
        queue.finish_large(user(1), Duration::from_secs(1));
        let job = Box::new(Nothing(Instant::now()));
        assert!(queue.push(Load::Batch { user: user(1), large: true }, job).is_ok());
        queue.close();
        assert!(queue.first().is_some_and(|first| first.alone.is_some()));
        assert!(queue.first().is_none());
    }
}
