//! The columns of `users` that commits of todos decide.

use std::sync::Arc;

use diesel::pg::data_types::PgTimestamp;
use diesel::prelude::Queryable;
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamptz};
use domain::StoreError;
use domain::sync::{Digest, Epochs, History, Position};
use domain::todo::UserRow;

use super::stamp;

/// The columns of a [`SyncRow`]. The statement must call the table `u`.
macro_rules! sync_columns {
    () => {
        "u.sync_clock, u.sync_horizon, u.live_todos, u.tombstones, u.stored_bytes, u.digest, u.epoch_ordinal, \
         u.epoch_counter, u.partings"
    };
}
pub(crate) use sync_columns;

/// The SQL types of [`sync_columns`].
pub(crate) type SyncColumns =
    (Timestamptz, Timestamptz, Integer, Integer, BigInt, BigInt, BigInt, BigInt, Nullable<Text>);

#[derive(Debug, Queryable)]
pub(crate) struct SyncRow {
    sync_clock: PgTimestamp,
    sync_horizon: PgTimestamp,
    live_todos: i32,
    tombstones: i32,
    stored_bytes: i64,
    digest: i64,
    epoch_ordinal: i64,
    epoch_counter: i64,
    partings: Option<String>,
}

impl TryFrom<SyncRow> for UserRow {
    type Error = StoreError;

    fn try_from(row: SyncRow) -> Result<Self, StoreError> {
        let negative = |column| move |_| StoreError::corrupt("users", column, "negative");
        Ok(Self {
            clock: stamp("users", "sync_clock", row.sync_clock)?,
            horizon: stamp("users", "sync_horizon", row.sync_horizon)?,
            live: row.live_todos.try_into().map_err(negative("live_todos"))?,
            tombstones: row.tombstones.try_into().map_err(negative("tombstones"))?,
            stored_bytes: row.stored_bytes.try_into().map_err(negative("stored_bytes"))?,
            digest: Digest::from_i64(row.digest),
            history: History::from_stored(row.epoch_ordinal, row.epoch_counter, row.partings.as_deref())?,
        })
    }
}

/// The columns of a [`PositionRow`]. The statement must call the table of users `u`.
macro_rules! position_columns {
    () => {
        "u.sync_clock, u.sync_horizon, u.digest, u.epoch_ordinal, u.epoch_counter, u.partings, \
         (select e.epoch from epochs e order by e.ordinal desc limit 1)"
    };
}
pub(crate) use position_columns;

/// The SQL types of [`position_columns`].
pub(crate) type PositionColumns = (Timestamptz, Timestamptz, BigInt, BigInt, BigInt, Nullable<Text>, Text);

/// A user's position, with the name of the database's current epoch at the end.
pub(crate) type PositionRow = (PgTimestamp, PgTimestamp, i64, i64, i64, Option<String>, String);

/// Converts a user's position in a database with these epochs.
pub(crate) fn position(row: PositionRow, epochs: Arc<Epochs>) -> Result<Position, StoreError> {
    let (clock, horizon, digest, epoch_ordinal, epoch_counter, partings, _) = row;
    Ok(Position {
        clock: stamp("users", "sync_clock", clock)?,
        horizon: stamp("users", "sync_horizon", horizon)?,
        digest: Digest::from_i64(digest),
        history: History::from_stored(epoch_ordinal, epoch_counter, partings.as_deref())?,
        epochs,
    })
}
