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
mod tests;
