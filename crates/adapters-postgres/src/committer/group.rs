//! A group of batches and the pure decision about it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::sync::Epochs;
use domain::todo::plan::{self, Plan, UserState, Written};
use domain::todo::{Batch, BatchEvents, Commit, OldTombstone, Todo, TodoNumber, UserRow};
use domain::{Stamp, StoreError, TodoId, UserId};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::Span;

/// A queued batch.
pub(super) struct Job {
    pub user: UserId,
    pub batch: Batch,
    pub now: Stamp,
    pub queued: Instant,
    /// The caller's span.
    pub span: Span,
    /// The caller does not wait longer than this.
    pub deadline: Instant,
    pub answer: oneshot::Sender<Result<Commit, StoreError>>,
}

/// The data that the transaction loaded while it held the users' row locks.
pub(super) struct Loaded {
    /// Users that do not exist are missing, and in a group of several users those whose
    /// row is locked.
    pub users: Vec<LoadedUser>,
    pub todos: Vec<(UserId, Todo)>,
    /// As many unused numbers as [`numbers_needed`] says.
    pub numbers: Vec<TodoNumber>,
}

pub(super) struct LoadedUser {
    pub id: UserId,
    pub row: UserRow,
    pub epochs: Arc<Epochs>,
    /// As many of the oldest tombstones as [`sweep_candidates`] says.
    pub oldest: Vec<OldTombstone>,
}

/// The rows to write and the answers to send.
pub(super) struct Decision {
    /// One per job, in the order of the jobs.
    pub verdicts: Vec<Verdict>,
    /// The rows to delete, before `rows` are written.
    pub swept: Vec<(UserId, TodoId)>,
    /// Each changed todo once, in its final state.
    pub rows: Vec<(UserId, Written)>,
    /// The final rows of the users that change. Without one, nothing else changes either.
    pub users: Vec<(UserId, UserRow)>,
}

/// What the transaction did with a job.
pub(super) enum Verdict {
    Decided(Answer),
    /// Nothing: the user's row is locked, or the user does not exist. The user's group
    /// alone tells which.
    PutOff,
}

pub(super) struct Answer {
    pub commit: Commit,
    /// Absent if the batch changed no todo.
    pub events: Option<BatchEvents>,
}

impl Verdict {
    /// The events to publish once the transaction is durable.
    pub(super) fn into_events(self) -> Option<BatchEvents> {
        match self {
            Self::Decided(answer) => answer.events,
            Self::PutOff => None,
        }
    }
}

/// Answers the callers that nothing was written.
pub(super) fn refuse(jobs: impl IntoIterator<Item = Job>, problem: &str) {
    for job in jobs {
        // The caller may no longer wait.
        let _ = job.answer.send(Err(StoreError::Unavailable(problem.to_owned())));
    }
}

/// A span for the transaction of the jobs, if they are traced. It is part of the first one's trace, with links to those
/// of the others.
pub(super) fn span(jobs: &[Job]) -> Span {
    let Some(first) = jobs.first().filter(|job| !job.span.is_none()) else { return Span::none() };
    let span = tracing::trace_span!(target: "spans", parent: &first.span, "commit", batches = jobs.len());
    for job in &jobs[1..] {
        span.follows_from(&job.span);
    }
    span
}

/// Returns the distinct users of the jobs in ascending order.
pub(super) fn users(jobs: &[Job]) -> Vec<UserId> {
    let mut users: Vec<_> = jobs.iter().map(|job| job.user).collect();
    users.sort_unstable();
    users.dedup();
    users
}

pub(super) fn several_users(jobs: &[Job]) -> bool {
    jobs.iter().any(|job| job.user != jobs[0].user)
}

/// Returns the distinct todos that the jobs name.
pub(super) fn keys(jobs: &[Job]) -> Vec<(UserId, TodoId)> {
    let mut keys: Vec<_> =
        jobs.iter().flat_map(|job| job.batch.changes.iter().map(|change| (job.user, change.id))).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// An upper bound on the numbers that the jobs use for new todos.
pub(super) fn numbers_needed(jobs: &[Job]) -> usize {
    jobs.iter().map(|job| job.batch.possible_creations()).sum()
}

/// The number of the user's oldest tombstones that deciding the jobs may remove.
pub(super) fn sweep_candidates(jobs: &[Job], user: UserId, row: &UserRow) -> u64 {
    row.sweep_candidates(jobs.iter().filter(|job| job.user == user).map(|job| &job.batch))
}

/// Decides the jobs in order. Each job sees the state that the user's previous job left.
pub(super) fn decide(jobs: &[Job], loaded: Loaded) -> Result<Decision, StoreError> {
    let mut states = states(jobs, loaded);
    let mut rows = Rows::default();
    let mut users = BTreeMap::new();
    let several = several_users(jobs);
    let mut verdicts = Vec::with_capacity(jobs.len());
    for job in jobs {
        let Some(state) = states.get_mut(&job.user) else {
            let no_such_user = || Verdict::Decided(Answer { commit: Commit::NoSuchUser, events: None });
            verdicts.push(if several { Verdict::PutOff } else { no_such_user() });
            continue;
        };
        let plan = Plan::decide(state, &job.batch, job.now)?;
        if let Some(row) = plan.user_row() {
            users.insert(job.user, row.clone());
            rows.add(job.user, &plan);
        }
        let (decision, events) = plan.into_parts();
        let commit = match decision {
            plan::Decision::Decided(decided) => Commit::Done(decided),
            plan::Decision::StaleCursor(cursor) => Commit::StaleCursor(cursor),
        };
        verdicts.push(Verdict::Decided(Answer { commit, events }));
    }
    let Rows { swept, written } = rows;
    let rows = written.into_iter().map(|((user, _), written)| (user, written)).collect();
    Ok(Decision { verdicts, swept, rows, users: users.into_iter().collect() })
}

/// The rows of several plans, each todo in its final state.
#[derive(Default)]
struct Rows {
    swept: Vec<(UserId, TodoId)>,
    written: HashMap<(UserId, TodoId), Written>,
}

impl Rows {
    fn add(&mut self, user: UserId, plan: &Plan) {
        for id in plan.swept() {
            let key = (user, *id);
            // A todo that an earlier plan of the group created is not in the database.
            if self.written.remove(&key).is_none_or(|written| !written.is_new) {
                self.swept.push(key);
            }
        }
        for written in plan.written() {
            self.written
                .entry((user, written.todo.id()))
                .and_modify(|row| row.todo = written.todo.clone())
                .or_insert_with(|| written.clone());
        }
    }
}

fn states(jobs: &[Job], loaded: Loaded) -> HashMap<UserId, UserState> {
    let Loaded { users, todos, mut numbers } = loaded;
    let mut todos_of: HashMap<UserId, Vec<Todo>> = HashMap::new();
    for (user, todo) in todos {
        todos_of.entry(user).or_default().push(todo);
    }
    let mut needs: HashMap<UserId, usize> = HashMap::new();
    for job in jobs {
        *needs.entry(job.user).or_default() += job.batch.possible_creations();
    }
    let mut state = |LoadedUser { id, row, epochs, oldest }| {
        let need = needs.get(&id).copied().unwrap_or(0);
        let own = numbers.split_off(numbers.len().saturating_sub(need));
        (id, UserState::new(row, epochs, todos_of.remove(&id).unwrap_or_default(), own, oldest))
    };
    users.into_iter().map(&mut state).collect()
}
