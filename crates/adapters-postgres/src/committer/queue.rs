//! The queue of the committers: which batches form the next group.
//!
//! Small batches of any users form a group. A large batch is a group of its own, and has a committer
//! of its own, so a small batch waits for no large one of another user. The batches of a user are in
//! one group at a time, in the order in which they arrived.

use std::collections::{HashSet, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::UserId;
use domain::todo::Batch;
use tokio::sync::Notify;

use super::group::{Job, refuse};
use crate::row_security::RowSecurity;

/// The maximum number of waiting batches.
const CAPACITY: usize = 2048;
/// The maximum number of batches in one group.
const MAX_BATCHES: usize = 64;
/// The maximum size of a group of small batches.
const MAX_GROUP: Size = Size { changes: 1_000, bytes: 512 * 1024 };
/// A batch above this size is large.
const MAX_SMALL: Size = Size { changes: 250, bytes: 128 * 1024 };

/// What the duration of a commit depends on.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    changes: usize,
    bytes: usize,
}

impl Size {
    fn of(batch: &Batch) -> Self {
        Self { changes: batch.changes.len(), bytes: batch.text_bytes() }
    }

    const fn plus(self, other: Self) -> Self {
        Self { changes: self.changes + other.changes, bytes: self.bytes + other.bytes }
    }

    const fn exceeds(self, limit: Self) -> bool {
        self.changes > limit.changes || self.bytes > limit.bytes
    }
}

/// Which batches a committer takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Small,
    Large,
}

impl Kind {
    fn of(size: Size) -> Self {
        if size.exceeds(MAX_SMALL) { Self::Large } else { Self::Small }
    }
}

/// The batches that wait for a committer.
pub(super) struct Queue {
    state: Mutex<State>,
    /// Wakes the idle committers.
    changed: Notify,
}

struct State {
    waiting: VecDeque<(Job, Size)>,
    /// The users in the groups that the committers are busy with.
    busy: HashSet<UserId>,
    /// Whether a group may contain the batches of one user only.
    one_user: bool,
    closed: bool,
}

/// Why a batch was not queued.
pub(super) enum Refused {
    Full,
    Closed,
}

/// Keeps the batches of a group's users from the other committers until it is dropped.
pub(super) struct Lease {
    queue: Arc<Queue>,
    users: Vec<UserId>,
}

impl Queue {
    pub(super) fn new(row_security: RowSecurity) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            busy: HashSet::new(),
            one_user: row_security == RowSecurity::All,
            closed: false,
        };
        Self { state: Mutex::new(state), changed: Notify::new() }
    }

    pub(super) fn push(&self, job: Job) -> Result<(), Refused> {
        let size = Size::of(&job.batch);
        let mut state = self.state();
        if state.closed {
            return Err(Refused::Closed);
        }
        if state.waiting.len() >= CAPACITY {
            return Err(Refused::Full);
        }
        state.waiting.push_back((job, size));
        drop(state);
        self.changed.notify_waiters();
        Ok(())
    }

    /// The number of waiting batches.
    pub(super) fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// Refuses new batches. The waiting ones are still to be taken.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_waiters();
    }

    /// Waits for the next group of the kind. Returns `None` once the queue is closed and empty.
    pub(super) async fn next(self: &Arc<Self>, kind: Kind) -> Option<(Vec<Job>, Lease)> {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            {
                let mut state = self.state();
                if let Some(jobs) = state.take(kind) {
                    let users: HashSet<_> = jobs.iter().map(|job| job.user).collect();
                    state.busy.extend(&users);
                    let users = users.into_iter().collect();
                    return Some((jobs, Lease { queue: Arc::clone(self), users }));
                }
                if state.closed && state.waiting.is_empty() {
                    return None;
                }
            }
            changed.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes the batches of the next group of the kind.
    fn take(&mut self, kind: Kind) -> Option<Vec<Job>> {
        let mut chosen = Vec::new();
        let mut group = Size::default();
        // The later batches of these users must not overtake one that stays.
        let mut staying = HashSet::new();
        let mut first_user = None;
        for (place, (job, size)) in self.waiting.iter().enumerate() {
            if self.busy.contains(&job.user) || staying.contains(&job.user) {
                continue;
            }
            let fits_group = first_user.is_none_or(|first| !self.one_user || job.user == first);
            if Kind::of(*size) != kind || !fits_group {
                staying.insert(job.user);
                continue;
            }
            group = group.plus(*size);
            if !chosen.is_empty() && (chosen.len() == MAX_BATCHES || group.exceeds(MAX_GROUP)) {
                break;
            }
            first_user = first_user.or(Some(job.user));
            chosen.push(place);
            if kind == Kind::Large {
                break;
            }
        }
        // From the back, so that the places of the others stay the same.
        let taken = chosen.into_iter().rev().filter_map(|place| self.waiting.remove(place));
        let mut jobs: Vec<_> = taken.map(|(job, _)| job).collect();
        jobs.reverse();
        (!jobs.is_empty()).then_some(jobs)
    }
}

impl Lease {
    /// Lets go of the users who have none of these batches.
    pub(super) fn keep(&mut self, jobs: &[Job]) {
        let mut state = self.queue.state();
        self.users.retain(|user| {
            let is_kept = jobs.iter().any(|job| job.user == *user);
            if !is_kept {
                state.busy.remove(user);
            }
            is_kept
        });
        drop(state);
        self.queue.changed.notify_waiters();
    }

    /// Refuses the waiting batches of the users.
    pub(super) fn refuse_waiting(&self, problem: &str) {
        let mut state = self.queue.state();
        let waiting = std::mem::take(&mut state.waiting);
        let (refused, others): (VecDeque<_>, VecDeque<_>) =
            waiting.into_iter().partition(|(job, _)| self.users.contains(&job.user));
        state.waiting = others;
        drop(state);
        refuse(refused.into_iter().map(|(job, _)| job), problem);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.keep(&[]);
    }
}

#[cfg(test)]
mod tests {
    use domain::StoreError;
    use domain::todo::{Base, Commit, Edit};
    use domain_testkit::build::{T0, batch, create, description, edit, todo_id};
    use futures_util::FutureExt;
    use tokio::sync::oneshot;
    use tokio::time::Instant;
    use uuid::Uuid;

    use super::*;

    const ANN: UserId = UserId(Uuid::from_u128(1));
    const BOB: UserId = UserId(Uuid::from_u128(2));
    const CYD: UserId = UserId(Uuid::from_u128(3));

    type Answer = oneshot::Receiver<Result<Commit, StoreError>>;

    fn queue(row_security: RowSecurity) -> Arc<Queue> {
        Arc::new(Queue::new(row_security))
    }

    /// Queues a batch of this many changes.
    fn push(queue: &Queue, user: UserId, changes: usize) -> Answer {
        push_batch(queue, user, batch((0..changes).map(|_| create(todo_id(), "milk"))))
    }

    fn push_batch(queue: &Queue, user: UserId, batch: Batch) -> Answer {
        let (answer, outcome) = oneshot::channel();
        let queued = Instant::now();
        let span = tracing::Span::none();
        let pushed = queue.push(Job { user, batch, now: T0, queued, deadline: queued, span, answer });
        assert!(pushed.is_ok());
        outcome
    }

    /// The users of the next group, in the order of its batches, and its lease.
    fn next_of(kind: Kind, queue: &Arc<Queue>) -> Option<(Vec<UserId>, Lease)> {
        let (jobs, lease) = queue.next(kind).now_or_never()??;
        Some((jobs.iter().map(|job| job.user).collect(), lease))
    }

    fn next(queue: &Arc<Queue>) -> Option<(Vec<UserId>, Lease)> {
        next_of(Kind::Small, queue)
    }

    fn next_large(queue: &Arc<Queue>) -> Option<(Vec<UserId>, Lease)> {
        next_of(Kind::Large, queue)
    }

    const LARGE: usize = MAX_SMALL.changes + 1;

    #[test]
    fn a_small_batch_waits_for_no_large_one_of_another_user() {
        let queue = queue(RowSecurity::Writes);
        push(&queue, ANN, LARGE);
        push(&queue, BOB, LARGE);
        push(&queue, ANN, 1);
        push(&queue, CYD, 1);
        let (users, of_cyd) = next(&queue).expect("a group");
        assert_eq!(users, [CYD], "the committers of small batches take no large one");
        let (users, of_ann) = next_large(&queue).expect("a group");
        assert_eq!(users, [ANN]);
        let (users, _of_bob) = next_large(&queue).expect("a group");
        assert_eq!(users, [BOB], "each large batch is a group of its own");
        assert!(next(&queue).is_none());
        drop((of_ann, of_cyd));
        assert_eq!(next(&queue).expect("a group").0, [ANN]);
    }

    #[test]
    fn a_large_batch_does_not_overtake_a_small_one_of_its_user() {
        let queue = queue(RowSecurity::Writes);
        push(&queue, ANN, 1);
        push(&queue, ANN, LARGE);
        assert!(next_large(&queue).is_none());
        drop(next(&queue).expect("a group"));
        assert_eq!(next_large(&queue).expect("a group").0, [ANN]);
    }

    #[test]
    fn a_batch_with_long_texts_is_large() {
        let queue = queue(RowSecurity::Writes);
        let long = Edit { description: Some(Some(description(&"d".repeat(10_000)))), ..Edit::default() };
        push_batch(&queue, ANN, batch((0..14).map(|_| edit(todo_id(), Base::Current, long.clone()))));
        assert!(next(&queue).is_none());
        assert_eq!(next_large(&queue).expect("a group").0, [ANN]);
    }

    #[test]
    fn the_batches_of_a_user_are_taken_in_order_and_by_one_committer_at_a_time() {
        let queue = queue(RowSecurity::Writes);
        for changes in [1, 2, LARGE, 3] {
            push(&queue, ANN, changes);
        }
        push(&queue, BOB, 1);
        let (users, first) = next(&queue).expect("a group");
        assert_eq!(users, [ANN, ANN, BOB]);
        assert!(next(&queue).is_none() && next_large(&queue).is_none());
        drop(first);
        assert!(next(&queue).is_none());
        let (jobs, second) = queue.next(Kind::Large).now_or_never().flatten().expect("a group");
        assert_eq!(jobs[0].batch.changes.len(), LARGE);
        assert!(next(&queue).is_none());
        drop(second);
        assert_eq!(next(&queue).expect("a group").0, [ANN]);
    }

    #[test]
    fn a_group_of_small_batches_is_bounded() {
        let queue = queue(RowSecurity::Writes);
        let user = |n: u128| UserId(Uuid::from_u128(n));
        for n in 0..65 {
            push(&queue, user(n), 1);
        }
        for n in 100..105 {
            push(&queue, user(n), MAX_SMALL.changes);
        }
        let mut sizes = Vec::new();
        while let Some((users, _lease)) = next(&queue) {
            sizes.push(users.len());
        }
        assert_eq!(sizes, [64, 4, 2], "by batches, and by changes");
    }

    #[test]
    fn a_group_has_one_user_if_row_security_demands_it() {
        let queue = queue(RowSecurity::All);
        for user in [ANN, BOB, ANN] {
            push(&queue, user, 1);
        }
        assert_eq!(next(&queue).expect("a group").0, [ANN, ANN]);
        assert_eq!(next(&queue).expect("a group").0, [BOB]);
    }

    #[test]
    fn users_whose_batches_are_done_are_free_before_their_group_is() {
        let queue = queue(RowSecurity::Writes);
        push(&queue, ANN, 1);
        push(&queue, BOB, 1);
        let (mut jobs, mut lease) = queue.next(Kind::Small).now_or_never().flatten().expect("a group");
        push(&queue, ANN, 1);
        push(&queue, BOB, 1);
        jobs.remove(0);
        lease.keep(&jobs);
        assert_eq!(next(&queue).expect("a group").0, [ANN]);
        assert!(next(&queue).is_none());
    }

    #[tokio::test]
    async fn the_waiting_batches_of_a_leases_users_can_be_refused() {
        let queue = queue(RowSecurity::Writes);
        push(&queue, ANN, 1);
        let (_, lease) = next(&queue).expect("a group");
        let (of_ann, mut of_bob) = (push(&queue, ANN, 1), push(&queue, BOB, 1));
        lease.refuse_waiting("away");
        assert!(matches!(of_ann.await, Ok(Err(StoreError::Unavailable(problem))) if problem == "away"));
        assert!(of_bob.try_recv().is_err());
        assert_eq!(next(&queue).expect("a group").0, [BOB]);
    }

    #[tokio::test]
    async fn a_closed_queue_is_emptied_before_it_ends() {
        let queue = queue(RowSecurity::Writes);
        push(&queue, ANN, 1);
        let (_, lease) = next(&queue).expect("a group");
        push(&queue, ANN, 1);
        let other = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move { queue.next(Kind::Small).await.map(|(jobs, _)| jobs.len()) }
        });
        queue.close();
        drop(lease);
        assert_eq!(other.await.expect("no panic"), Some(1));
        for kind in [Kind::Small, Kind::Large] {
            assert!(matches!(queue.next(kind).now_or_never(), Some(None)));
        }
    }
}
