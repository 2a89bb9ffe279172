//! Rows of `todos`.

use diesel::pg::data_types::PgTimestamp;
use diesel::prelude::Queryable;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::todo::{StoredTodo, Todo, Versions};
use domain::{StoreError, TodoId, UserId};
use uuid::Uuid;

use super::{optional_stamp, stamp};
use crate::sql::{Sql, few, sql};

/// The columns of a [`TodoRow`]. The statement must call the table `t`.
macro_rules! todo_columns {
    () => {
        "t.id, t.number, t.title, t.description, t.metadata, t.metadata_versions, t.completed_at, t.created_at, \
         t.updated_at, t.deleted_at, t.client_id, t.version, t.title_version, t.description_version, \
         t.completed_version, t.deleted_version"
    };
}
pub(crate) use todo_columns;

/// A null for each of [`todo_columns`].
macro_rules! no_todo_columns {
    () => {
        "null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null"
    };
}
pub(crate) use no_todo_columns;

/// [`Todo::stored_bytes`] of a row of the table `t`.
macro_rules! stored_bytes {
    () => {
        "coalesce(octet_length(t.title), 0) + coalesce(octet_length(t.description), 0) \
         + coalesce(octet_length(t.metadata), 0) + coalesce(octet_length(t.metadata_versions), 0)"
    };
}
pub(crate) use stored_bytes;

/// The SQL types of [`todo_columns`].
pub(crate) type TodoColumns = (
    SqlUuid,
    BigInt,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Timestamptz>,
    Timestamptz,
    Timestamptz,
    Nullable<Timestamptz>,
    Nullable<Text>,
    BigInt,
    BigInt,
    BigInt,
    BigInt,
    BigInt,
);

/// The keys as a sub-select of `user_id` and `id`. The name of it follows.
pub(crate) fn rows_of_keys<'a>(keys: &[(UserId, TodoId)]) -> Sql<'a, ()> {
    let (users, ids): (Vec<_>, Vec<_>) = keys.iter().map(|(user, id)| (user.0, id.0)).unzip();
    // In the list of a `select`, PostgreSQL stores no intermediate rows.
    sql("(select unnest(")
        .bind::<Array<SqlUuid>, _>(users)
        .sql("::uuid[]) as user_id, unnest(")
        .bind::<Array<SqlUuid>, _>(ids)
        .sql("::uuid[]) as id")
        .append(few(keys.len()))
        .sql(")")
}

/// The condition that a row of the table `t` has the key of `$key`.
///
/// A session keeps the plans of its statements. The planner expects a single todo of a user as long as
/// there are few, and then any index of a user's todos seems as good to it as that of the keys. Only
/// that one can use the last comparison.
macro_rules! has_key {
    ($key:literal) => {
        concat!(
            "t.user_id = ",
            $key,
            ".user_id and t.id = ",
            $key,
            ".id \
             and (t.user_id, t.id) >= (",
            $key,
            ".user_id, ",
            $key,
            ".id)"
        )
    };
}
pub(crate) use has_key;

#[derive(Queryable)]
pub(crate) struct TodoRow {
    id: Uuid,
    number: i64,
    title: Option<String>,
    description: Option<String>,
    metadata: Option<String>,
    metadata_versions: Option<String>,
    completed_at: Option<PgTimestamp>,
    created_at: PgTimestamp,
    pub(crate) updated_at: PgTimestamp,
    deleted_at: Option<PgTimestamp>,
    client_id: Option<String>,
    version: i64,
    title_version: i64,
    description_version: i64,
    completed_version: i64,
    deleted_version: i64,
}

impl TryFrom<TodoRow> for Todo {
    type Error = StoreError;

    fn try_from(row: TodoRow) -> Result<Self, StoreError> {
        Self::from_stored(StoredTodo {
            id: TodoId(row.id),
            number: row.number,
            title: row.title,
            description: row.description,
            metadata: row.metadata,
            metadata_versions: row.metadata_versions,
            completed_at: optional_stamp("todos", "completed_at", row.completed_at)?,
            created_at: stamp("todos", "created_at", row.created_at)?,
            updated_at: stamp("todos", "updated_at", row.updated_at)?,
            deleted_at: optional_stamp("todos", "deleted_at", row.deleted_at)?,
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
