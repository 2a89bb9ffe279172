//! Batches decided together: who waits for what, and the decision itself, which is pure.

use std::collections::HashMap;

use domain::sync::Position;
use domain::todo::plan::{Decision, Plan, UserState, Written};
use domain::todo::{Batch, Commit, Todo, TodoEvent, TodoNumber};
use domain::{Stamp, StoreError, TodoId, UserId};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// A batch that waits to be committed.
pub(super) struct Job {
    pub user: UserId,
    pub batch: Batch,
    pub now: Stamp,
    /// From when on nobody may be expected to wait for it any more.
    pub deadline: Instant,
    pub answer: oneshot::Sender<Result<Commit, StoreError>>,
}

/// What the transaction read under the users' locks.
pub(super) struct Loaded {
    /// Position and live count; users that do not exist are missing.
    pub users: HashMap<UserId, (Position, u32)>,
    pub todos: Vec<(UserId, Todo)>,
    /// Fresh, as many as [`numbers_for`] says.
    pub numbers: Vec<TodoNumber>,
}

/// What is to be written, answered and told.
pub(super) struct Decided {
    /// Of each job, in order.
    pub answers: Vec<Answer>,
    /// As the last batch leaves them, each todo once.
    pub rows: Vec<(UserId, Written)>,
    /// Clock and live count of each user of whom something is written.
    pub users: Vec<(UserId, Stamp, u32)>,
}

pub(super) struct Answer {
    pub commit: Commit,
    pub events: Vec<TodoEvent>,
}

/// The users of the jobs, each once, in ascending order.
pub(super) fn users(jobs: &[Job]) -> Vec<UserId> {
    let mut users: Vec<_> = jobs.iter().map(|job| job.user).collect();
    users.sort_unstable();
    users.dedup();
    users
}

/// The todos that the jobs name, each once.
pub(super) fn keys(jobs: &[Job]) -> Vec<(UserId, TodoId)> {
    let mut keys: Vec<_> =
        jobs.iter().flat_map(|job| job.batch.changes.iter().map(|change| (job.user, change.id))).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// How many fresh numbers the jobs may need.
pub(super) fn numbers_for(jobs: &[Job]) -> usize {
    jobs.iter().map(|job| job.batch.possible_creations()).sum()
}

/// Decides the jobs in order, those of one user each on what the one before left.
pub(super) fn decide(jobs: &[Job], loaded: Loaded) -> Result<Decided, StoreError> {
    let mut states = states(jobs, loaded);
    let mut rows: HashMap<(UserId, TodoId), Written> = HashMap::new();
    let mut answers = Vec::with_capacity(jobs.len());
    let mut changed = Vec::new();
    for job in jobs {
        let Some(state) = states.get_mut(&job.user) else {
            answers.push(Answer { commit: Commit::NoSuchUser, events: Vec::new() });
            continue;
        };
        let plan = Plan::decide(state, &job.batch, job.now)?;
        for written in plan.written() {
            rows.entry((job.user, written.todo.id()))
                .and_modify(|row| row.todo = written.todo.clone())
                .or_insert_with(|| written.clone());
        }
        if !plan.written().is_empty() {
            changed.push(job.user);
        }
        let (decision, events) = plan.into_parts();
        let commit = match decision {
            Decision::Decided(outcomes) => Commit::Done(outcomes),
            Decision::StaleCursor => Commit::StaleCursor,
        };
        answers.push(Answer { commit, events });
    }
    changed.sort_unstable();
    changed.dedup();
    let users = changed
        .into_iter()
        .filter_map(|user| states.get(&user).map(|state| (user, state.clock(), state.live())))
        .collect();
    let rows = rows.into_iter().map(|((user, _), written)| (user, written)).collect();
    Ok(Decided { answers, rows, users })
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
    let mut state = |(user, (position, live)): (UserId, (Position, u32))| {
        let need = needs.get(&user).copied().unwrap_or(0);
        let own = numbers.split_off(numbers.len().saturating_sub(need));
        (user, UserState::new(position, live, todos_of.remove(&user).unwrap_or_default(), own))
    };
    users.into_iter().map(&mut state).collect()
}
