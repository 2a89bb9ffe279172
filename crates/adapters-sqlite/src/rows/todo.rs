//! Rows of `todos`, in the form for reading.

use diesel::prelude::*;
use domain::todo::{StoredTodo, Todo, Versions};
use domain::{StoreError, TodoId};

use super::{Id, optional_stamp, stamp};
use crate::schema::todos;

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
    title: Option<String>,
    description: Option<String>,
    metadata: Option<String>,
    metadata_versions: Option<String>,
}

impl TryFrom<TodoRow> for Todo {
    type Error = StoreError;

    fn try_from(row: TodoRow) -> Result<Self, StoreError> {
        Self::from_stored(StoredTodo {
            id: TodoId(row.id.0),
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
