//! What a store keeps about a user's list as a whole, beside the todos.

use std::sync::Arc;

use super::batch::Batch;
use crate::ids::TodoId;
use crate::sync::cursor::Position;
use crate::sync::digest::Digest;
use crate::sync::history::{Epochs, History};
use crate::time::Stamp;

/// The columns of a user's row that [`Plan`](super::plan::Plan) decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRow {
    /// The user's last stamp.
    pub clock: Stamp,
    /// The newest stamp among the tombstones that were removed.
    pub horizon: Stamp,
    /// The number of live todos.
    pub live: u32,
    pub tombstones: u32,
    /// The sum of [`Todo::stored_bytes`](super::Todo::stored_bytes), tombstones included.
    pub stored_bytes: u64,
    /// The digest of the live todos.
    pub digest: Digest,
    pub history: History,
}

impl UserRow {
    /// The row of a user who registers at `now` in the database's epoch `ordinal`.
    #[must_use]
    pub const fn new(now: Stamp, ordinal: i64) -> Self {
        Self {
            clock: now,
            horizon: Stamp::EPOCH,
            live: 0,
            tombstones: 0,
            stored_bytes: 0,
            digest: Digest::EMPTY,
            history: History::new(ordinal),
        }
    }

    /// The user's position in a database with these epochs.
    #[must_use]
    pub fn position(&self, epochs: Arc<Epochs>) -> Position {
        let Self { clock, horizon, digest, .. } = *self;
        Position { clock, horizon, digest, history: self.history.clone(), epochs }
    }

    /// The number of the user's oldest tombstones that are needed to decide `batches` one after the
    /// other: those that may have to go, and as many as the batches may keep by changing them. It is
    /// 0 as long as the user is below the limit.
    #[must_use]
    pub fn sweep_candidates<'a>(&self, batches: impl IntoIterator<Item = &'a Batch>) -> u64 {
        let (mut tombstones, mut removed, mut changes) = (u64::from(self.tombstones), 0, 0);
        for batch in batches {
            let (limit, sweep) = (u64::from(batch.limits.tombstones), u64::from(batch.limits.sweep.max(1)));
            tombstones += batch.possible_deletions() as u64;
            changes += batch.changes.len() as u64;
            removed = removed.max(tombstones.saturating_sub(limit).div_ceil(sweep) * sweep);
        }
        if removed > 0 { removed + changes } else { 0 }
    }
}

/// A tombstone that a commit may remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OldTombstone {
    pub id: TodoId,
    /// The todo's `updated_at`.
    pub stamp: Stamp,
    /// The todo's [`stored_bytes`](super::Todo::stored_bytes).
    pub bytes: u64,
}
