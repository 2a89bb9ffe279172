//! A user's position in the history of changes.

use std::sync::Arc;

use diesel::prelude::*;
use domain::sync::{Epochs, Position};
use domain::todo::UserRow;
use domain::{StoreError, UserId};

use crate::error::Failure;
use crate::rows::{Id, stamp};
use crate::schema::{database_epoch, users};

pub(super) struct SyncState {
    pub row: UserRow,
    pub epochs: Arc<Epochs>,
}

impl SyncState {
    pub fn position(&self) -> Position {
        self.row.position(Arc::clone(&self.epochs))
    }
}

/// Returns `None` if the user does not exist.
pub(super) fn load(conn: &mut SqliteConnection, user: UserId) -> Result<Option<SyncState>, Failure> {
    let row: Option<(i64, i64, i64, Option<String>)> = users::table
        .filter(users::id.eq(Id::from(user)))
        .filter(users::deleted_at.is_null())
        .select((
            users::sync_clock,
            users::sync_horizon,
            users::live_todos,
            database_epoch::table.select(database_epoch::epoch).single_value(),
        ))
        .first(conn)
        .optional()?;
    let Some((clock, horizon, live, epoch)) = row else {
        return Ok(None);
    };
    let epoch = epoch.ok_or_else(|| StoreError::corrupt("database_epoch", "epoch", "there is no row"))?;
    let live_todos = u32::try_from(live)
        .map_err(|_| StoreError::corrupt("users", "live_todos", "negative or too large"))?;
    let row = UserRow {
        horizon: stamp("users", "sync_horizon", horizon)?,
        live: live_todos,
        ..UserRow::new(stamp("users", "sync_clock", clock)?, 1)
    };
    Ok(Some(SyncState { row, epochs: Arc::new(Epochs::new([(1, epoch)])?) }))
}
