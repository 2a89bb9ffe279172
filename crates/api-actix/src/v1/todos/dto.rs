//! Todos as this surface shows them.

use domain::code::ErrorCode;
use domain::todo::{self, Field, Resolved, Strategy};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::Problem;
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
            description: todo.description().map(todo::Description::as_str),
            completed: todo.completed(),
            completed_at: todo.completed_at().map(Moment),
            version: todo.version(),
            client_id: todo.client_id().map(domain::text::ClientId::as_str),
            created_at: Moment(todo.created_at()),
            updated_at: Moment(todo.updated_at()),
            deleted_at: todo.deleted_at().map(Moment),
        }
    }
}

/// A field that changes are merged by.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldName {
    /// What is to do.
    Text,
    /// The notes.
    Description,
    /// Whether it is done.
    Completed,
    /// Whether it is a tombstone.
    Deleted,
}

impl From<Field> for FieldName {
    fn from(field: Field) -> Self {
        match field {
            Field::Title => Self::Text,
            Field::Description => Self::Description,
            Field::Completed => Self::Completed,
            Field::Deleted => Self::Deleted,
        }
    }
}

/// What decides about a change made against a version that is not the current one.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StrategyName {
    /// It is refused as a conflict.
    Manual,
    /// Fields that nobody else changed are applied; an edit beats a deletion that did not know of it.
    Merge,
    /// The later of both `updated_at` stays.
    LastWriteWins,
    /// It is applied.
    ClientWins,
}

impl From<Strategy> for StrategyName {
    fn from(strategy: Strategy) -> Self {
        match strategy {
            Strategy::Manual => Self::Manual,
            Strategy::Merge => Self::Merge,
            Strategy::LastWriteWins => Self::LastWriteWins,
            Strategy::ClientWins => Self::ClientWins,
        }
    }
}

/// Whose todo a conflict left standing.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResolvedName {
    /// The server's; the client takes it.
    Server,
}

/// A change that was not applied because the todo was changed meanwhile; both sides are shown.
#[derive(Debug, Serialize, ToSchema)]
pub struct Conflict<'a> {
    /// Which todo.
    id: Uuid,
    /// The version that the client named, if it named one.
    #[schema(required = true, example = 1)]
    client_version: Option<i64>,
    /// The version that the server has.
    #[schema(minimum = 1, example = 2)]
    server_version: i64,
    /// The todo as the server has it.
    server_data: Todo<'a>,
    /// The todo as the client sent it.
    #[schema(value_type = Object)]
    client_data: &'a RawValue,
    /// The fields in conflict.
    fields: Vec<FieldName>,
    /// What decided.
    resolution_strategy: StrategyName,
    /// Whose todo stands; null where the client has to decide.
    #[schema(required = true)]
    resolved: Option<ResolvedName>,
}

impl<'a> Conflict<'a> {
    pub(super) fn new(conflict: &'a todo::Conflict, client_data: &'a RawValue) -> Self {
        Self {
            id: conflict.current.id().0,
            client_version: conflict.base,
            server_version: conflict.current.version(),
            server_data: Todo::from(&conflict.current),
            client_data,
            fields: conflict.fields.iter().copied().map(FieldName::from).collect(),
            resolution_strategy: conflict.strategy.into(),
            resolved: conflict.resolved.map(|Resolved::Server| ResolvedName::Server),
        }
    }
}

/// The refusal of a single change.
pub(super) fn conflict_problem(conflict: &todo::Conflict, code: ErrorCode) -> Problem {
    Problem::new(code, "The todo was changed meanwhile; `details` shows it as it is")
        .with("client_version", conflict.base)
        .with("server_version", conflict.current.version())
        .with("server_data", json(&Todo::from(&conflict.current)))
        .with("resolution_strategy", json(&StrategyName::from(conflict.strategy)))
}

fn json(part: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(part).unwrap_or_default()
}
