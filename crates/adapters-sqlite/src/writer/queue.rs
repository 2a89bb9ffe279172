//! The queue of the writer thread: which job runs next.
//!
//! Small jobs form groups. A large batch is a group of its own, and while both wait, groups of
//! small jobs and large batches take turns: a small job waits for at most one large batch, whoever
//! sends how many. The batches of a user stay in the order in which they arrived.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use domain::UserId;
use domain::todo::Batch;

use super::Job;

/// A batch with more changes than this is large.
const MAX_SMALL_CHANGES: usize = 100;
/// A batch with more bytes of text than this is large.
const MAX_SMALL_BYTES: usize = 64 * 1024;

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
    /// Whether the last group was a large batch.
    last_was_large: bool,
    closed: bool,
}

/// The first job of a group.
pub(super) struct First {
    pub job: BoxedJob,
    /// Whether the group takes no other job.
    pub alone: bool,
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
            if let Some(first) = state.first() {
                return Some(first);
            }
            if state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
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

    fn first(&mut self) -> Option<First> {
        let turn_of_large = self.small.is_empty() || !self.last_was_large;
        if turn_of_large && let Some((_, job)) = self.large.pop_front() {
            self.last_was_large = true;
            return Some(First { job, alone: true });
        }
        self.last_was_large = false;
        let job = self.small.pop_front()?;
        Some(First { job, alone: false })
    }
}
