//! A change that was refused, in whole or in part, because the todo had changed.

use std::borrow::Cow;

use domain::todo::{self, Field, Strategy};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa::openapi::schema::{SchemaType, Type};
use utoipa::openapi::{Object, ObjectBuilder, Ref};
use uuid::Uuid;

use super::Todo;

/// A field that is merged by itself: `text`, `description`, `completed`, `deleted`, or `metadata.` followed
/// by a key.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(value_type = String, example = "text")]
pub struct FieldName(Cow<'static, str>);

impl From<&Field> for FieldName {
    fn from(field: &Field) -> Self {
        Self(match field {
            Field::Title => "text".into(),
            Field::Description => "description".into(),
            Field::Completed => "completed".into(),
            Field::Deleted => "deleted".into(),
            Field::Metadata(key) => format!("metadata.{key}").into(),
        })
    }
}

/// How the server resolves a conflict: a change that is based on an old version.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StrategyName {
    /// The server refuses the change, and the client decides.
    Manual,
    /// The server decides field by field and applies the fields that no other device changed. An edit takes
    /// precedence over a deletion that did not know of it.
    Merge,
    /// The later `updated_at` takes precedence.
    LastWriteWins,
    /// The server applies the change.
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

/// Which side of a conflict took precedence.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum ResolvedName {
    /// The server's todo. The client replaces its own.
    Server,
}

fn resolved_schema() -> Object {
    word_or_null(["server"], "The side that took precedence; null if the client has to decide.")
}

/// The schema of a member whose values are words, or null. A `oneOf` with a branch for null would say
/// the same, but some client generators leave such members out.
pub fn word_or_null<const N: usize>(words: [&str; N], description: &str) -> Object {
    let values = words.into_iter().map(Value::from).chain([Value::Null]);
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .enum_values(Some(values))
        .description(Some(description))
        .build()
}

/// A reference to the schema of a change of the sync contract, which belongs to a higher layer.
fn change_schema() -> Ref {
    let mut reference = Ref::from_schema_name("SyncTodo");
    "The change as the client sent it.".clone_into(&mut reference.description);
    reference
}

/// A change that was refused, in whole or in part, because the todo had changed, with both sides.
#[derive(Debug, Serialize, ToSchema)]
pub struct Conflict<'a> {
    /// The todo's id.
    id: Uuid,
    /// The version that the client sent, if it sent one.
    #[schema(required = true, example = 1)]
    client_version: Option<i64>,
    /// The todo's current version.
    #[schema(minimum = 1, example = 2)]
    server_version: i64,
    /// The current todo.
    server_data: Todo<'a>,
    #[schema(schema_with = change_schema)]
    client_data: &'a RawValue,
    /// The fields in conflict.
    fields: Vec<FieldName>,
    /// The fields of the change that `merge` applied; `server_data` includes them.
    applied_fields: Vec<FieldName>,
    /// The conflict strategy.
    resolution_strategy: StrategyName,
    #[schema(required = true, schema_with = resolved_schema)]
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
            fields: names(&conflict.fields),
            applied_fields: conflict.applied.as_ref().map_or_else(Vec::new, |part| names(&part.fields)),
            resolution_strategy: conflict.strategy.into(),
            resolved: conflict.server_wins.then_some(ResolvedName::Server),
        }
    }
}

fn names(fields: &[Field]) -> Vec<FieldName> {
    fields.iter().map(FieldName::from).collect()
}
