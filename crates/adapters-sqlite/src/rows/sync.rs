//! The columns of `users` that commits of todos decide.

use diesel::prelude::*;
use domain::StoreError;
use domain::sync::{Digest, History};
use domain::todo::UserRow;

use super::stamp;
use crate::schema::users;

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
pub(crate) struct SyncRow {
    sync_clock: i64,
    sync_horizon: i64,
    live_todos: i64,
    tombstones: i64,
    stored_bytes: i64,
    digest: i64,
    epoch_ordinal: i64,
    epoch_counter: i64,
    partings: Option<String>,
}

impl TryFrom<SyncRow> for UserRow {
    type Error = StoreError;

    fn try_from(row: SyncRow) -> Result<Self, StoreError> {
        let corrupt = |column| move |_| StoreError::corrupt("users", column, "negative or too large");
        Ok(Self {
            clock: stamp("users", "sync_clock", row.sync_clock)?,
            horizon: stamp("users", "sync_horizon", row.sync_horizon)?,
            live: row.live_todos.try_into().map_err(corrupt("live_todos"))?,
            tombstones: row.tombstones.try_into().map_err(corrupt("tombstones"))?,
            stored_bytes: row.stored_bytes.try_into().map_err(corrupt("stored_bytes"))?,
            digest: Digest::from_i64(row.digest),
            history: History::from_stored(row.epoch_ordinal, row.epoch_counter, row.partings.as_deref())?,
        })
    }
}
