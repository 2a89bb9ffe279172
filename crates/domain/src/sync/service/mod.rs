//! The use case of one exchange.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Cursor, Epoch, Walk};
use crate::error::StoreError;
use crate::ids::{TodoId, UserId};
use crate::time::{Clock, Stamp};
use crate::todo::{Batch, Change, Commit, Outcome, Strategy, Todo, TodoStore};

/// What a device sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncRequest {
    /// Where its knowledge ends.
    pub cursor: Cursor,
    /// What decides about stale changes.
    pub strategy: Strategy,
    /// What it changed, in order.
    pub changes: Vec<Change>,
    /// The most changes it wants back, at least 1.
    pub limit: u32,
}

/// What it gets back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncAnswer {
    /// An outcome for each change sent, in order.
    pub outcomes: Vec<Outcome>,
    /// What changed after its cursor, tombstones included, in stamp order, without what it knows by having sent it.
    pub server_changes: Vec<Todo>,
    /// Whether there is more: it should sync again from `cursor`.
    pub has_more: bool,
    /// The stamp up to which it now knows everything: of the last change given where there is more, else the user's clock. The cursor it
    /// came with, where that went stale after its changes were written: the next exchange tells so.
    pub cursor: Stamp,
    /// What has to come back with the cursor.
    pub walk: Option<Walk>,
    /// The database's epoch.
    pub epoch: Epoch,
}

/// What became of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncOutcome {
    /// It took place.
    Done(SyncAnswer),
    /// The cursor can't be continued; nothing was written.
    StaleCursor,
    /// There is no such user.
    NoSuchUser,
}

/// Exchanges changes with devices.
#[derive(Clone)]
pub struct SyncService {
    store: Arc<dyn TodoStore>,
    clock: Arc<dyn Clock>,
    quota: u32,
}

impl SyncService {
    /// `quota` is the most live todos a user may have.
    pub fn new(store: Arc<dyn TodoStore>, clock: Arc<dyn Clock>, quota: u32) -> Self {
        Self { store, clock, quota }
    }

    /// Writes what the device changed, all of it in one transaction, then reads what it misses.
    ///
    /// The read is a snapshot of its own, taken after the write is durable: it holds at least that write, and what it holds
    /// of others is complete up to the cursor it gives.
    pub async fn sync(&self, user: UserId, request: SyncRequest) -> Result<SyncOutcome, StoreError> {
        let SyncRequest { cursor, strategy, changes, limit } = request;
        let limit = limit.max(1);
        let outcomes = if changes.is_empty() {
            Vec::new()
        } else {
            let batch = Batch {
                changes,
                strategy,
                all_or_nothing: false,
                cursor: Some(cursor.clone()),
                quota: self.quota,
            };
            match self.store.commit(user, batch, self.clock.now()).await? {
                Commit::Done(outcomes) => outcomes,
                Commit::StaleCursor => return Ok(SyncOutcome::StaleCursor),
                Commit::NoSuchUser => return Ok(SyncOutcome::NoSuchUser),
            }
        };
        let known = known_by_sending(&outcomes);
        // What is not given back takes nobody's place on the page.
        let looked_at = limit.saturating_add(u32::try_from(known.len()).unwrap_or(u32::MAX));
        let Some(found) = self.store.changes(user, cursor.since, looked_at).await? else {
            return Ok(SyncOutcome::NoSuchUser);
        };
        if !cursor.continues(&found.position) {
            return Ok(gone_stale(cursor, outcomes, found.position.epoch));
        }
        let (server_changes, has_more) = page(found.todos, found.has_more, &known, limit);
        let last = server_changes.last().filter(|_| has_more);
        let cursor = last.map_or(found.position.clock, Todo::updated_at);
        let walk = found.position.walk_at(cursor);
        let epoch = found.position.epoch;
        Ok(SyncOutcome::Done(SyncAnswer { outcomes, server_changes, has_more, cursor, walk, epoch }))
    }
}

/// What is told where the cursor can't be continued any more. If it was good when changes were written, they are: the device is told so,
/// and of the rest when it asks again.
fn gone_stale(cursor: Cursor, outcomes: Vec<Outcome>, epoch: Epoch) -> SyncOutcome {
    let Some(since) = cursor.since.filter(|_| !outcomes.is_empty()) else {
        return SyncOutcome::StaleCursor;
    };
    SyncOutcome::Done(SyncAnswer {
        outcomes,
        server_changes: Vec::new(),
        has_more: true,
        cursor: since,
        walk: cursor.walk,
        epoch: cursor.epoch.unwrap_or(epoch),
    })
}

/// The first `limit` of what was found that the device does not know, and whether there is more.
fn page(found: Vec<Todo>, more: bool, known: &HashMap<TodoId, Option<i64>>, limit: u32) -> (Vec<Todo>, bool) {
    let unknown = |todo: &Todo| known.get(&todo.id()) != Some(&Some(todo.version()));
    let mut todos: Vec<_> = found.into_iter().filter(unknown).collect();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = more || todos.len() > limit;
    todos.truncate(limit);
    (todos, has_more)
}

/// The version of each todo that the device knows by having sent it; `None` for one of which it misses something.
fn known_by_sending(outcomes: &[Outcome]) -> HashMap<TodoId, Option<i64>> {
    let mut all = HashMap::new();
    for outcome in outcomes {
        if let Outcome::Applied { todo, known, .. } | Outcome::Unchanged { todo: Some(todo), known } = outcome
        {
            let version = all.entry(todo.id()).or_insert(Some(todo.version()));
            *version = version.and(known.then_some(todo.version()));
        }
        if let Outcome::Conflict(conflict) = outcome {
            all.insert(conflict.current.id(), None);
        }
    }
    all
}

#[cfg(test)]
mod tests;
