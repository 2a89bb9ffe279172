//! Rows as SQLite stores them, and their conversion into domain types.
//!
//! A value that no version of this program can have written becomes [`StoreError::Corrupt`], which names
//! its table and column.

mod mail;
mod session;
mod sync;
mod todo;
mod user;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Binary;
use diesel::sqlite::Sqlite;
use domain::OneTimeTokenId;
use domain::{SessionId, Stamp, StoreError, TodoId, TokenId, UserId};
use uuid::Uuid;

pub(crate) use self::mail::{MailRow, template};
pub(crate) use self::session::{RefreshTokenRow, RevocationRow, SessionRow};
pub(crate) use self::sync::SyncRow;
pub(crate) use self::todo::TodoRow;
pub(crate) use self::user::UserRow;

/// A UUID as its 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Binary)]
pub(crate) struct Id(pub Uuid);

impl ToSql<Binary, Sqlite> for Id {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        <[u8] as ToSql<Binary, Sqlite>>::to_sql(self.0.as_bytes(), out)
    }
}

impl FromSql<Binary, Sqlite> for Id {
    fn from_sql(mut value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(Uuid::from_slice(value.read_blob())?))
    }
}

macro_rules! stored_as_id {
    ($($id:ident),*) => {$(
        impl From<$id> for Id {
            fn from($id(uuid): $id) -> Self {
                Self(uuid)
            }
        }
    )*};
}

stored_as_id!(UserId, TodoId, SessionId, TokenId, OneTimeTokenId);

/// The maximum number of ids in one statement. SQLite allows 32,766 bound values.
pub(crate) const MAX_IDS_PER_STATEMENT: usize = 30_000;

/// Converts stored microseconds since 1970-01-01 UTC.
pub(crate) fn stamp(table: &'static str, column: &'static str, micros: i64) -> Result<Stamp, StoreError> {
    let stamp = Stamp::from_micros(micros);
    stamp.ok_or_else(|| StoreError::corrupt(table, column, "outside the years 1 to 9999"))
}

pub(crate) fn optional_stamp(
    table: &'static str,
    column: &'static str,
    micros: Option<i64>,
) -> Result<Option<Stamp>, StoreError> {
    micros.map(|micros| stamp(table, column, micros)).transpose()
}

/// Converts every row, or returns the first error.
pub(crate) fn convert_all<Row, T>(rows: Vec<Row>) -> Result<Vec<T>, StoreError>
where
    T: TryFrom<Row, Error = StoreError>,
{
    rows.into_iter().map(T::try_from).collect()
}
