//! The use case of one exchange.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Cursor, Epoch};
use crate::error::StoreError;
use crate::ids::{TodoId, UserId};
use crate::time::{Clock, Stamp};
use crate::todo::{Batch, Change, Changes, Commit, Outcome, Strategy, Todo, TodoStore};

/// What a device sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncRequest {
    /// Where its knowledge ends.
    pub cursor: Cursor,
    /// What decides about stale changes.
    pub strategy: Strategy,
    /// What it changed, in order.
    pub changes: Vec<Change>,
    /// The most changes it wants back.
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
    /// The stamp up to which it now knows everything.
    pub cursor: Stamp,
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
        let Some(found) = self.store.changes(user, cursor.since, limit).await? else {
            return Ok(SyncOutcome::NoSuchUser);
        };
        if !cursor.continues(&found.position) {
            return Ok(SyncOutcome::StaleCursor);
        }
        Ok(SyncOutcome::Done(answer(outcomes, found)))
    }
}

fn answer(outcomes: Vec<Outcome>, found: Changes) -> SyncAnswer {
    let known = known_by_sending(&outcomes);
    SyncAnswer {
        outcomes,
        has_more: found.has_more,
        cursor: found.complete_to(),
        epoch: found.position.epoch,
        server_changes: found
            .todos
            .into_iter()
            .filter(|todo| known.get(&todo.id()) != Some(&Some(todo.version())))
            .collect(),
    }
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
