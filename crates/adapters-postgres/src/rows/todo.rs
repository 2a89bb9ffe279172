//! Rows of `todos`.

use diesel::pg::data_types::PgTimestamp;
use diesel::prelude::Queryable;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz};
use domain::todo::{StoredTodo, Todo, Versions};
use domain::{StoreError, TodoId};
use uuid::Uuid;

use super::{optional_stamp, stamp};

/// The columns of a [`TodoRow`]. The statement must call the table `t`.
macro_rules! todo_columns {
    () => {
        "t.id, t.number, t.title, t.description, t.completed_at, t.created_at, t.updated_at, t.deleted_at, \
         t.client_id, t.version, t.title_version, t.description_version, t.completed_version, t.deleted_version"
    };
}
pub(crate) use todo_columns;

/// The SQL types of [`todo_columns`].
pub(crate) type TodoColumns = (
    diesel::sql_types::Uuid,
    BigInt,
    Text,
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

#[derive(Queryable)]
pub(crate) struct TodoRow {
    id: Uuid,
    number: i64,
    title: String,
    description: Option<String>,
    completed_at: Option<PgTimestamp>,
    created_at: PgTimestamp,
    updated_at: PgTimestamp,
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
            title: Some(row.title),
            description: row.description,
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
            metadata: None,
            metadata_versions: None,
        })
    }
}
