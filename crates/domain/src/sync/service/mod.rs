//! The use cases: one exchange with a device, and the replay of the changes that a connecting
//! client missed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::cursor::{Cursor, Position, StaleCursor};
use super::digest::Digest;
use super::history::Epoch;
use super::timestamp::SyncTimestamp;
use crate::error::StoreError;
use crate::ids::{TodoId, UserId};
use crate::time::{Clock, Stamp};
use crate::todo::{
    Batch, Change, Changes, Commit, Decided, Outcome, StorageLimits, Strategy, Todo, TodoStore,
};

/// The request of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncRequest {
    pub cursor: Cursor,
    pub strategy: Strategy,
    /// The device's changes, in order.
    pub changes: Vec<Change>,
    /// The maximum number of todos in the answer, at least 1.
    pub limit: u32,
    /// Whether an answer from the beginning contains tombstones. Later pages always do.
    pub include_deleted: bool,
}

impl SyncRequest {
    /// Whether a device that has synced before reads everything again, tombstones included, to compare it
    /// with its own list.
    #[must_use]
    pub fn begins_repair(&self) -> bool {
        self.include_deleted && self.cursor.since.is_none() && self.cursor.epoch.is_some()
    }
}

/// The answer to a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncAnswer {
    /// An outcome for each change sent, in order.
    pub outcomes: Vec<Outcome>,
    /// The todos that changed after the cursor in stamp order, tombstones included unless the
    /// device reads from the beginning. A todo that now equals what the device sent is left out.
    pub server_changes: Vec<Todo>,
    /// Whether there is more: the device should sync again from `sync_timestamp`.
    pub has_more: bool,
    /// The position up to which the device now knows everything: the stamp of the last todo read if
    /// there is more, else the user's clock. If the cursor went stale after the changes were
    /// written, this is that cursor, and the next exchange reports it as stale.
    pub sync_timestamp: SyncTimestamp,
    pub epoch: Epoch,
    /// The digest of the user's live todos as of `sync_timestamp`; `None` while `has_more` is set.
    pub digest: Option<Digest>,
}

/// The outcome of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncOutcome {
    Done(SyncAnswer),
    /// The cursor can't be continued. No todo was written.
    StaleCursor(StaleCursor),
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
    limits: StorageLimits,
}

impl SyncService {
    /// Writes within `limits`.
    pub fn new(store: Arc<dyn TodoStore>, clock: Arc<dyn Clock>, limits: StorageLimits) -> Self {
        Self { store, clock, limits }
    }

    /// The epoch of the database.
    pub async fn epoch(&self) -> Result<Epoch, StoreError> {
        self.store.epoch().await
    }

    /// Writes the device's changes in one transaction, then reads the changes that the device
    /// lacks, unless the write has shown that there are none.
    ///
    /// The read is a snapshot of its own, taken after the write is durable. It includes that write,
    /// and it is complete up to the timestamp in the answer.
    pub async fn sync(&self, user: UserId, request: SyncRequest) -> Result<SyncOutcome, StoreError> {
        let SyncRequest { cursor, strategy, changes, limit, include_deleted } = request;
        let limit = limit.max(1);
        let sent: HashSet<_> = changes.iter().map(|change| change.id).collect();
        let batch = |changes| Batch { changes, strategy, cursor: Some(cursor.clone()), limits: self.limits };
        let outcomes = if changes.is_empty() {
            Vec::new()
        } else {
            match self.store.commit(user, batch(changes), self.clock.now()).await? {
                Commit::Done(Decided { outcomes, up_to_date: Some(position) }) => {
                    return Ok(SyncOutcome::Done(up_to_date(outcomes, &position)));
                }
                Commit::Done(Decided { outcomes, up_to_date: None }) => outcomes,
                Commit::StaleCursor(stale) => return Ok(SyncOutcome::StaleCursor(stale)),
                Commit::NoSuchUser => return Ok(SyncOutcome::NoSuchUser),
            }
        };
        let held = Outcome::held_by_sending(&outcomes);
        // A todo that is left out must not take a place on the page.
        let page_size = limit.saturating_add(u32::try_from(held.len()).unwrap_or(u32::MAX));
        let wants_tombstones = include_deleted || cursor.since.is_some();
        // A device that sends a todo holds it, and has to learn that it was deleted.
        let include_deleted = wants_tombstones || !sent.is_empty();
        let read = || self.store.changes(user, cursor.stamp(), include_deleted, page_size);
        let Some(mut found) = read().await? else { return Ok(SyncOutcome::NoSuchUser) };
        if outcomes.is_empty() && cursor.shows_unannounced_restore(&found.position) {
            // Only a commit begins an epoch, even if it changes no todo.
            match self.store.commit(user, batch(Vec::new()), self.clock.now()).await? {
                Commit::Done(_) => {}
                Commit::StaleCursor(stale) => return Ok(SyncOutcome::StaleCursor(stale)),
                Commit::NoSuchUser => return Ok(SyncOutcome::NoSuchUser),
            }
            let Some(again) = read().await? else { return Ok(SyncOutcome::NoSuchUser) };
            found = again;
        }
        if let Err(stale) = cursor.check(&found.position) {
            return Ok(gone_stale(cursor, outcomes, stale));
        }
        // A part may end before `limit`, and the device may know all of its todos.
        let read_to = found.complete_to();
        if !wants_tombstones {
            found.todos.retain(|todo| !todo.deleted() || sent.contains(&todo.id()));
        }
        let (server_changes, has_more) = page(found.todos, found.has_more, &held, limit);
        let last = server_changes.last().map(Todo::updated_at).filter(|_| has_more);
        let complete_to = last.unwrap_or(read_to);
        Ok(SyncOutcome::Done(SyncAnswer {
            outcomes,
            server_changes,
            has_more,
            sync_timestamp: found.position.sync_timestamp(complete_to),
            epoch: found.position.epoch(),
            digest: (!has_more).then_some(found.position.digest),
        }))
    }

    /// Reads the earliest todos, at most `limit`, that changed after `since`, for a client that has
    /// everything up to that stamp. Tombstones are included.
    pub async fn replay(&self, user: UserId, since: Stamp, limit: u32) -> Result<Replay, StoreError> {
        Ok(match self.store.changes(user, Some(since), true, limit).await? {
            None => Replay::NoSuchUser,
            Some(found) if Cursor::at(Some(since)).check(&found.position).is_ok() => Replay::Changes(found),
            Some(found) => Replay::StaleCursor(found.position),
        })
    }

    /// Returns the user's position: the last stamp, and the epoch. `None` if there is no such user.
    pub async fn position(&self, user: UserId) -> Result<Option<Position>, StoreError> {
        self.store.position(user).await
    }
}

/// The answer to a device that has everything.
fn up_to_date(outcomes: Vec<Outcome>, position: &Position) -> SyncAnswer {
    SyncAnswer {
        outcomes,
        server_changes: Vec::new(),
        has_more: false,
        sync_timestamp: position.sync_timestamp(position.clock),
        epoch: position.epoch(),
        digest: Some(position.digest),
    }
}

/// The answer when the cursor can't be continued any more. If the cursor was good when the changes
/// were written, the device gets their outcomes, and learns that the cursor is stale when it asks
/// again.
fn gone_stale(cursor: Cursor, outcomes: Vec<Outcome>, stale: StaleCursor) -> SyncOutcome {
    let Some(sync_timestamp) = cursor.since.filter(|_| !outcomes.is_empty()) else {
        return SyncOutcome::StaleCursor(stale);
    };
    SyncOutcome::Done(SyncAnswer {
        outcomes,
        server_changes: Vec::new(),
        has_more: true,
        sync_timestamp,
        epoch: cursor.epoch.unwrap_or(stale.epoch),
        digest: None,
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

#[cfg(test)]
mod tests;
