//! Rows as they are stored, and the way from them into the domain.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::prelude::*;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Binary;
use diesel::sqlite::Sqlite;
use domain::account::{DisplayName, Email, OneTimeId, PasswordHash, User};
use domain::todo::{StoredTodo, Todo, Versions};
use domain::{SessionId, Stamp, StoreError, TodoId, TokenId, UserId};
use uuid::Uuid;

use crate::schema::{todos, users};

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

stored_as_id!(UserId, TodoId, SessionId, TokenId, OneTimeId);

/// The most ids that a statement names: SQLite takes 32,766 variables in one.
pub(crate) const IDS_A_QUERY: usize = 30_000;

/// A stored instant.
pub(crate) fn stamp(table: &'static str, column: &'static str, micros: i64) -> Result<Stamp, StoreError> {
    let stamp = Stamp::from_micros(micros);
    stamp.ok_or_else(|| StoreError::corrupt(table, column, "outside the years 1 to 9999"))
}

/// A stored instant, or none.
pub(crate) fn stamp_or_none(
    table: &'static str,
    column: &'static str,
    micros: Option<i64>,
) -> Result<Option<Stamp>, StoreError> {
    micros.map(|micros| stamp(table, column, micros)).transpose()
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = todos)]
pub(crate) struct TodoRow {
    id: Id,
    number: i64,
    completed_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
    deleted_at: Option<i64>,
    version: i64,
    title_version: i64,
    description_version: i64,
    completed_version: i64,
    deleted_version: i64,
    client_id: Option<String>,
    title: String,
    description: Option<String>,
}

impl TryFrom<TodoRow> for Todo {
    type Error = StoreError;

    fn try_from(row: TodoRow) -> Result<Self, StoreError> {
        Self::from_stored(StoredTodo {
            id: TodoId(row.id.0),
            number: row.number,
            title: row.title,
            description: row.description,
            completed_at: stamp_or_none("todos", "completed_at", row.completed_at)?,
            created_at: stamp("todos", "created_at", row.created_at)?,
            updated_at: stamp("todos", "updated_at", row.updated_at)?,
            deleted_at: stamp_or_none("todos", "deleted_at", row.deleted_at)?,
            client_id: row.client_id,
            versions: Versions {
                version: row.version,
                title: row.title_version,
                description: row.description_version,
                completed: row.completed_version,
                deleted: row.deleted_version,
            },
        })
    }
}

/// Rows as the domain's type, failing at the first that is none.
pub(crate) fn all<Row, T>(rows: Vec<Row>) -> Result<Vec<T>, StoreError>
where
    T: TryFrom<Row, Error = StoreError>,
{
    rows.into_iter().map(T::try_from).collect()
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
pub(crate) struct UserRow {
    id: Id,
    email: Option<String>,
    password_hash: Option<String>,
    display_name: Option<String>,
    email_verified: bool,
    is_active: bool,
    created_at: i64,
    last_login_at: Option<i64>,
}

impl TryFrom<UserRow> for User {
    type Error = StoreError;

    fn try_from(row: UserRow) -> Result<Self, StoreError> {
        let corrupt =
            |column, problem: &dyn ToString| StoreError::corrupt("users", column, problem.to_string());
        let name = row.display_name.as_deref().map(DisplayName::parse).transpose();
        Ok(Self {
            id: UserId(row.id.0),
            email: row.email.as_deref().map(Email::parse).transpose().map_err(|e| corrupt("email", &e))?,
            password: row.password_hash.map(PasswordHash),
            display_name: name.map_err(|e| corrupt("display_name", &e))?,
            email_verified: row.email_verified,
            is_active: row.is_active,
            created_at: stamp("users", "created_at", row.created_at)?,
            last_login_at: stamp_or_none("users", "last_login_at", row.last_login_at)?,
        })
    }
}
