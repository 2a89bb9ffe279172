//! Rows as the database keeps them, and the way to the domain's types. Nonsense in a row is [`StoreError::Corrupt`].

mod account;
mod identity;
mod mail;
mod one_time;
mod session;
mod todo;

use diesel::dsl::SqlTypeOf;
use diesel::pg::Pg;
use diesel::pg::data_types::PgTimestamp;
use diesel::prelude::Selectable;
use domain::sync::{Epoch, Position};
use domain::{Stamp, StoreError};

pub(crate) use self::account::UserRow;
pub(crate) use self::identity::IdentityRow;
pub(crate) use self::mail::MailRow;
pub(crate) use self::one_time::{OneTimeColumns, OneTimeRecordRow, OneTimeRow};
pub(crate) use self::session::{RevocationRow, SessionRow, TokenRow};
pub(crate) use self::todo::{TodoColumns, TodoRow, todo_columns};

/// The SQL types of the columns that a row is made of, in order.
pub(crate) type ColumnsOf<Row> = SqlTypeOf<<Row as Selectable<Pg>>::SelectExpression>;

/// From 1970-01-01, where stamps begin, to 2000-01-01, where PostgreSQL begins, in microseconds.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// A stamp as PostgreSQL counts.
pub(crate) const fn timestamp(stamp: Stamp) -> PgTimestamp {
    PgTimestamp(stamp.as_micros() - POSTGRES_EPOCH)
}

/// The stamp in `table.column`.
pub(crate) fn stamp(
    table: &'static str,
    column: &'static str,
    timestamp: PgTimestamp,
) -> Result<Stamp, StoreError> {
    let micros = timestamp.0.checked_add(POSTGRES_EPOCH);
    micros
        .and_then(Stamp::from_micros)
        .ok_or_else(|| StoreError::corrupt(table, column, "not within the years 1 to 9999"))
}

fn maybe_stamp(
    table: &'static str,
    column: &'static str,
    timestamp: Option<PgTimestamp>,
) -> Result<Option<Stamp>, StoreError> {
    timestamp.map(|at| stamp(table, column, at)).transpose()
}

/// A user's position as `users` and `database_epoch` hold it.
pub(crate) fn position(
    clock: PgTimestamp,
    horizon: PgTimestamp,
    epoch: String,
) -> Result<Position, StoreError> {
    Ok(Position {
        clock: stamp("users", "sync_clock", clock)?,
        horizon: stamp("users", "sync_horizon", horizon)?,
        epoch: Epoch(epoch),
    })
}
