//! The columns of `users` that commits of todos decide.

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::pg::data_types::PgTimestamp;
use diesel::pg::{Pg, PgValue};
use diesel::prelude::Queryable;
use diesel::sql_types::{BigInt, Integer, Nullable, Record, Text, Timestamptz};
use domain::StoreError;
use domain::sync::{Digest, History};
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

/// The value of a [`PositionRow`]: one column, so that it costs little in rows that have none. The
/// statement must call the table of users `u`.
macro_rules! position {
    () => {
        concat!(
            "row(",
            $crate::rows::sync_columns!(),
            ", (select e.epoch from epochs e order by e.ordinal desc limit 1))"
        )
    };
}
pub(crate) use position;

/// The SQL type of [`position`].
pub(crate) type PositionType = Record<(
    Timestamptz,
    Timestamptz,
    Integer,
    Integer,
    BigInt,
    BigInt,
    BigInt,
    BigInt,
    Nullable<Text>,
    Text,
)>;

/// A user's row and the name of the database's current epoch.
#[derive(Debug, FromSqlRow)]
pub(crate) struct PositionRow {
    pub row: SyncRow,
    pub epoch: String,
}

impl PositionRow {
    /// The number of bytes in the user's texts.
    pub(crate) const fn stored_bytes(&self) -> i64 {
        self.row.stored_bytes
    }
}

impl FromSql<PositionType, Pg> for PositionRow {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let (
            sync_clock,
            sync_horizon,
            live_todos,
            tombstones,
            stored_bytes,
            digest,
            epoch_ordinal,
            epoch_counter,
            partings,
            epoch,
        ) = FromSql::<PositionType, Pg>::from_sql(value)?;
        let row = SyncRow {
            sync_clock,
            sync_horizon,
            live_todos,
            tombstones,
            stored_bytes,
            digest,
            epoch_ordinal,
            epoch_counter,
            partings,
        };
        Ok(Self { row, epoch })
    }
}
