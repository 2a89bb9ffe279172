//! What is stored about a user's list as a whole.

use std::sync::Arc;

use diesel::prelude::*;
use domain::sync::{Epochs, Position};
use domain::todo::UserRow;
use domain::{StoreError, UserId};

use crate::epochs::EpochCache;
use crate::error::Failure;
use crate::rows::{Id, SyncRow};
use crate::schema::{epochs, users};

pub(super) struct SyncState {
    pub row: UserRow,
    /// The database's epochs in the same snapshot.
    pub epochs: Arc<Epochs>,
}

impl SyncState {
    pub(super) fn position(self) -> Position {
        self.row.position(self.epochs)
    }
}

/// Returns `None` if the user does not exist.
pub(super) fn load(
    conn: &mut SqliteConnection,
    cache: &EpochCache,
    user: UserId,
) -> Result<Option<SyncState>, Failure> {
    let newest = epochs::table.order(epochs::ordinal.desc()).select(epochs::epoch);
    let found: Option<(SyncRow, Option<String>)> = users::table
        .filter(users::id.eq(Id::from(user)))
        .filter(users::deleted_at.is_null())
        .select((SyncRow::as_select(), newest.single_value()))
        .first(conn)
        .optional()?;
    let Some((row, epoch)) = found else { return Ok(None) };
    let epoch = epoch.ok_or_else(|| StoreError::corrupt("epochs", "epoch", "there is no row"))?;
    Ok(Some(SyncState { row: row.try_into()?, epochs: cache.get(conn, &epoch)? }))
}
