//! The todo of the sync contract, which its events and error details carry too.

use domain::text::ClientId;
use domain::todo::{self, Description};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::metadata::{MetadataObject, metadata_schema};
use crate::rfc3339::Rfc3339;

/// A todo. The server keeps a deleted todo as a tombstone for a while, so that other devices learn of the deletion.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Todo<'a> {
    /// The todo's id, unique per user.
    id: Uuid,
    /// What is to be done. Empty for a tombstone whose text is no longer stored.
    #[schema(max_length = 500, example = "Buy milk")]
    text: &'a str,
    /// Notes.
    #[schema(required = true, max_length = 10_000, example = "The one in the blue carton")]
    description: Option<&'a str>,
    /// Whether the todo is completed.
    #[schema(example = false)]
    completed: bool,
    /// When the todo was completed; null if it is not completed.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = json!(null))]
    completed_at: Option<Rfc3339>,
    #[schema(schema_with = metadata_schema)]
    metadata: MetadataObject<'a>,
    /// The todo's version: 1 after its creation, incremented by each accepted change.
    #[schema(minimum = 1, example = 1)]
    version: i64,
    /// The device that last changed the todo.
    #[schema(required = true, max_length = 100, example = "phone")]
    client_id: Option<&'a str>,
    /// When the todo was created.
    #[schema(value_type = String, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
    created_at: Rfc3339,
    /// The stamp of the last change: unique and strictly increasing per user.
    #[schema(value_type = String, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
    updated_at: Rfc3339,
    /// When the todo was deleted; null if it is not a tombstone.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = json!(null))]
    deleted_at: Option<Rfc3339>,
}

impl<'a> From<&'a todo::Todo> for Todo<'a> {
    fn from(todo: &'a todo::Todo) -> Self {
        Self {
            id: todo.id().0,
            text: todo.title().as_str(),
            description: todo.description().map(Description::as_str),
            completed: todo.completed(),
            completed_at: todo.completed_at().map(Rfc3339),
            metadata: MetadataObject(todo.metadata()),
            version: todo.version(),
            client_id: todo.client_id().map(ClientId::as_str),
            created_at: Rfc3339(todo.created_at()),
            updated_at: Rfc3339(todo.updated_at()),
            deleted_at: todo.deleted_at().map(Rfc3339),
        }
    }
}
