//! The use cases: one exchange with a device, and the replay of the changes that a connecting
//! client missed.

use std::collections::HashMap;
use std::sync::Arc;

use super::cursor::{Cursor, Epoch, Position, SyncTimestamp};
use crate::error::StoreError;
use crate::ids::{TodoId, UserId};
use crate::time::{Clock, Stamp};
use crate::todo::{Batch, Change, Changes, Commit, Outcome, Strategy, Todo, TodoStore};

/// The request of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncRequest {
    pub cursor: Cursor,
    pub strategy: Strategy,
    /// The device's changes, in order.
    pub changes: Vec<Change>,
    /// The maximum number of todos in the answer, at least 1.
    pub limit: u32,
}

/// The answer to a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncAnswer {
    /// An outcome for each change sent, in order.
    pub outcomes: Vec<Outcome>,
    /// The todos that changed after the cursor, tombstones included, in stamp order. A todo that
    /// now equals what the device sent is left out.
    pub server_changes: Vec<Todo>,
    /// Whether there is more: the device should sync again from `sync_timestamp`.
    pub has_more: bool,
    /// The position up to which the device now knows everything: the stamp of the last todo if
    /// there is more, else the user's clock. If the cursor went stale after the changes were
    /// written, this is that cursor, and the next exchange reports it as stale.
    pub sync_timestamp: SyncTimestamp,
    pub epoch: Epoch,
}

/// The outcome of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncOutcome {
    Done(SyncAnswer),
    /// The cursor can't be continued. Nothing was written.
    StaleCursor,
    NoSuchUser,
}

/// The outcome of a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replay {
    Changes(Changes),
    /// The todos that changed after the stamp do not include everything that the client lacks. It
    /// has to sync again.
    StaleCursor(Position),
    NoSuchUser,
}

/// Exchanges changes with devices, and replays changes to clients that listen for events.
#[derive(Clone)]
pub struct SyncService {
    store: Arc<dyn TodoStore>,
    clock: Arc<dyn Clock>,
    quota: u32,
}

impl SyncService {
    /// `quota` is the maximum number of live todos of a user.
    pub fn new(store: Arc<dyn TodoStore>, clock: Arc<dyn Clock>, quota: u32) -> Self {
        Self { store, clock, quota }
    }

    /// Writes the device's changes in one transaction, then reads the changes that the device
    /// lacks.
    ///
    /// The read is a snapshot of its own, taken after the write is durable. It includes that write,
    /// and it is complete up to the timestamp in the answer.
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
        let held = held_by_sending(&outcomes);
        // A todo that is left out must not take a place on the page.
        let page_size = limit.saturating_add(u32::try_from(held.len()).unwrap_or(u32::MAX));
        let Some(found) = self.store.changes(user, cursor.stamp(), page_size).await? else {
            return Ok(SyncOutcome::NoSuchUser);
        };
        if !cursor.continues(&found.position) {
            return Ok(gone_stale(cursor, outcomes, found.position.epoch));
        }
        let (server_changes, has_more) = page(found.todos, found.has_more, &held, limit);
        let last = server_changes.last().filter(|_| has_more);
        let complete_to = last.map_or(found.position.clock, Todo::updated_at);
        let sync_timestamp = found.position.sync_timestamp(complete_to);
        let epoch = found.position.epoch;
        Ok(SyncOutcome::Done(SyncAnswer { outcomes, server_changes, has_more, sync_timestamp, epoch }))
    }

    /// Reads the earliest todos, at most `limit`, that changed after `since`, for a client that has
    /// everything up to that stamp. Tombstones are included.
    pub async fn replay(&self, user: UserId, since: Stamp, limit: u32) -> Result<Replay, StoreError> {
        Ok(match self.store.changes(user, Some(since), limit).await? {
            None => Replay::NoSuchUser,
            Some(found) if Cursor::at(Some(since)).continues(&found.position) => Replay::Changes(found),
            Some(found) => Replay::StaleCursor(found.position),
        })
    }

    /// Returns the user's last stamp. `None` if there is no such user.
    pub async fn last_stamp(&self, user: UserId) -> Result<Option<Stamp>, StoreError> {
        self.store.clock(user).await
    }
}

/// The answer when the cursor can't be continued any more. If the cursor was good when the changes
/// were written, the device gets their outcomes, and learns that the cursor is stale when it asks
/// again.
fn gone_stale(cursor: Cursor, outcomes: Vec<Outcome>, epoch: Epoch) -> SyncOutcome {
    let Some(sync_timestamp) = cursor.since.filter(|_| !outcomes.is_empty()) else {
        return SyncOutcome::StaleCursor;
    };
    SyncOutcome::Done(SyncAnswer {
        outcomes,
        server_changes: Vec::new(),
        has_more: true,
        sync_timestamp,
        epoch: cursor.epoch.unwrap_or(epoch),
    })
}

/// The first `limit` todos that the device does not know, and whether there are more.
fn page(found: Vec<Todo>, more: bool, held: &HashMap<TodoId, Option<i64>>, limit: u32) -> (Vec<Todo>, bool) {
    let unknown = |todo: &Todo| held.get(&todo.id()) != Some(&Some(todo.version()));
    let mut todos: Vec<_> = found.into_iter().filter(unknown).collect();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = more || todos.len() > limit;
    todos.truncate(limit);
    (todos, has_more)
}

/// The version of each todo that the device holds because it sent it; `None` for a todo that the
/// device does not hold completely.
fn held_by_sending(outcomes: &[Outcome]) -> HashMap<TodoId, Option<i64>> {
    let mut all = HashMap::new();
    for outcome in outcomes {
        match outcome {
            Outcome::Applied { todo, client_is_current, .. }
            | Outcome::Unchanged { todo: Some(todo), client_is_current } => {
                let version = all.entry(todo.id()).or_insert(Some(todo.version()));
                *version = version.and(client_is_current.then_some(todo.version()));
            }
            Outcome::Conflict(conflict) => {
                all.insert(conflict.current.id(), None);
            }
            Outcome::Unchanged { todo: None, .. }
            | Outcome::NotFound
            | Outcome::TextGone
            | Outcome::IdInUse
            | Outcome::Rejected(_) => {}
        }
    }
    all
}

#[cfg(test)]
mod tests;
