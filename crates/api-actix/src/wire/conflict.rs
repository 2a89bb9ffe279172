//! A change that was refused because the todo had changed meanwhile.

use domain::todo::{self, Field, Strategy};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Todo;

/// A field that is merged by itself.
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
    pub fn new(conflict: &'a todo::Conflict, client_data: &'a RawValue) -> Self {
        Self {
            id: conflict.current.id().0,
            client_version: conflict.base,
            server_version: conflict.current.version(),
            server_data: Todo::from(&*conflict.current),
            client_data,
            fields: conflict.fields.iter().copied().map(FieldName::from).collect(),
            resolution_strategy: conflict.strategy.into(),
            resolved: conflict.server_wins.then_some(ResolvedName::Server),
        }
    }
}
