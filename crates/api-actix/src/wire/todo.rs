//! The todo of the sync contract, which its events and error details carry too.

use domain::text::ClientId;
use domain::todo::{self, Description};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::moment::Moment;

/// A thing to do. Deleted ones are kept as tombstones for a while, so that other devices learn of the deletion.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Todo<'a> {
    /// Unique within its user.
    id: Uuid,
    /// What is to do.
    #[schema(min_length = 1, max_length = 500, example = "Buy milk")]
    text: &'a str,
    /// Notes to it.
    #[schema(required = true, max_length = 10_000, example = "The one in the blue carton")]
    description: Option<&'a str>,
    /// Whether it is done.
    #[schema(example = false)]
    completed: bool,
    /// When it became done; null while it is not.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = json!(null))]
    completed_at: Option<Moment>,
    /// 1 at creation, one more with each accepted change.
    #[schema(minimum = 1, example = 1)]
    version: i64,
    /// The device that last changed it, where it said so.
    #[schema(required = true, max_length = 100, example = "phone")]
    client_id: Option<&'a str>,
    /// When it was created.
    #[schema(value_type = String, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
    created_at: Moment,
    /// The stamp of its last change: unique and strictly increasing within its user.
    #[schema(value_type = String, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
    updated_at: Moment,
    /// When it became a tombstone; null while it is none.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = json!(null))]
    deleted_at: Option<Moment>,
}

impl<'a> From<&'a todo::Todo> for Todo<'a> {
    fn from(todo: &'a todo::Todo) -> Self {
        Self {
            id: todo.id().0,
            text: todo.title().as_str(),
            description: todo.description().map(Description::as_str),
            completed: todo.completed(),
            completed_at: todo.completed_at().map(Moment),
            version: todo.version(),
            client_id: todo.client_id().map(ClientId::as_str),
            created_at: Moment(todo.created_at()),
            updated_at: Moment(todo.updated_at()),
            deleted_at: todo.deleted_at().map(Moment),
        }
    }
}
