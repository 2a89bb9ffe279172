//! Rows as PostgreSQL stores them, and their conversion into domain types.
//!
//! A value that no version of this program can have written becomes [`StoreError::Corrupt`], which names its
//! table and column.

mod identity;
mod mail;
mod one_time;
mod session;
mod sync;
mod title_key;
mod todo;
mod user;

use diesel::dsl::SqlTypeOf;
use diesel::pg::Pg;
use diesel::pg::data_types::PgTimestamp;
use diesel::prelude::Selectable;
use domain::{Stamp, StoreError};

pub(crate) use self::identity::IdentityRow;
pub(crate) use self::mail::MailRow;
pub(crate) use self::one_time::{OneTimeColumns, OneTimeRecordRow, OneTimeRow};
pub(crate) use self::session::{RevocationRow, SessionRow, TokenRow};
pub(crate) use self::sync::{
    PositionColumns, PositionRow, SyncColumns, SyncRow, position, position_columns, sync_columns,
};
pub(crate) use self::title_key::set_title_keys;
pub(crate) use self::todo::{
    TodoColumns, TodoRow, has_key, no_todo_columns, rows_of_keys, stored_bytes, todo_columns,
};
pub(crate) use self::user::UserRow;

/// The SQL types of the columns of `Row`, in order.
pub(crate) type ColumnsOf<Row> = SqlTypeOf<<Row as Selectable<Pg>>::SelectExpression>;

/// Microseconds from 1970-01-01, the epoch of stamps, to 2000-01-01, the epoch of PostgreSQL.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// Converts a stamp into a PostgreSQL time stamp.
pub(crate) const fn timestamp(stamp: Stamp) -> PgTimestamp {
    PgTimestamp(stamp.as_micros() - POSTGRES_EPOCH)
}

/// Converts the time stamp in `table.column`.
pub(crate) fn stamp(
    table: &'static str,
    column: &'static str,
    timestamp: PgTimestamp,
) -> Result<Stamp, StoreError> {
    let micros = timestamp.0.checked_add(POSTGRES_EPOCH);
    micros
        .and_then(Stamp::from_micros)
        .ok_or_else(|| StoreError::corrupt(table, column, "outside the years 1 to 9999"))
}

pub(crate) fn optional_stamp(
    table: &'static str,
    column: &'static str,
    timestamp: Option<PgTimestamp>,
) -> Result<Option<Stamp>, StoreError> {
    timestamp.map(|at| stamp(table, column, at)).transpose()
}
