//! Todos in requests.

use domain::ids::{ForeignId, ForeignKey};
use domain::secret::SecretSource;
use domain::text::ClientId;
use domain::todo::{Base, Edit, NewTodo, Title};
use domain::{TodoId, UserId};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

use crate::extract::{Entries, Int, Member, Text, TextOrNumber, Validation, uuid};
use crate::wire::{
    as_is, client_id, completed_schema, description, metadata, metadata_edit_schema, timestamp, title,
};

/// A new todo.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"text": "Buy milk", "client_id": "phone"}))]
pub struct TodoCreate<'a> {
    #[serde(default, borrow)]
    #[schema(schema_with = any_id, required = false)]
    id: Member<TextOrNumber<'a>>,
    /// What is to be done. The server removes white space at both ends. `title` is an alias.
    #[schema(value_type = String, required = true, min_length = 1, max_length = 500)]
    #[serde(default)]
    text: Member<Text<'a>>,
    #[schema(ignore)]
    #[serde(default)]
    title: Member<Text<'a>>,
    /// Notes, stored unchanged.
    #[schema(value_type = Option<String>, max_length = 10_000)]
    #[serde(default)]
    description: Member<Text<'a>>,
    #[schema(schema_with = completed_schema, required = false)]
    #[serde(default)]
    completed: Member<bool>,
    #[schema(schema_with = metadata_edit_schema, required = false)]
    #[serde(default, borrow)]
    metadata: Member<Entries<'a>>,
    /// The name of the device.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100)]
    #[serde(default)]
    client_id: Member<Text<'a>>,
    /// When the todo was created elsewhere. A time in the future counts as now. `createdAt` is an alias.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(default)]
    created_at: Member<Text<'a>>,
    #[schema(ignore)]
    #[serde(default, rename = "createdAt")]
    created_at_in_camel_case: Member<Text<'a>>,
    /// When the todo was completed elsewhere, if it is completed. A time in the future counts as now.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(default)]
    completed_at: Member<Text<'a>>,
}

/// The id, content and device of a new todo.
pub type Creation = (TodoId, NewTodo, Option<ClientId>);

impl TodoCreate<'_> {
    /// Returns `None` if the input is invalid. `secrets` generates a missing id.
    pub fn parse(
        self,
        validation: &mut Validation,
        user: UserId,
        secrets: &dyn SecretSource,
    ) -> Option<Creation> {
        let (text, created_at) =
            (self.text.or(self.title), self.created_at.or(self.created_at_in_camel_case));
        let id = validation.optional("id", self.id, as_is).map(|id| {
            let id = ForeignId::Given(id.as_str());
            todo_id(user, &ForeignKey { id, created_at: sent(&created_at), text: sent(&text) })
        });
        let title = validation.required("text", text, title(Title::MAX));
        let description = validation.optional("description", self.description, description);
        let completed = validation.optional("completed", self.completed, as_is).unwrap_or(false);
        let client_id = validation.optional("client_id", self.client_id, client_id);
        let created_at = validation.optional("created_at", created_at, timestamp);
        let completed_at = validation.optional("completed_at", self.completed_at, timestamp);
        let metadata = metadata(validation, self.metadata);
        let title = title.filter(|_| validation.is_ok())?;
        let id = id.unwrap_or_else(|| TodoId(secrets.uuid()));
        Some((id, NewTodo { title, description, completed, metadata, created_at, completed_at }, client_id))
    }
}

/// The todo's id in the store: an id that is not a UUID becomes one that depends on the user, the id,
/// the creation time and the text.
pub fn todo_id(user: UserId, key: &ForeignKey<'_>) -> TodoId {
    let given = if let ForeignId::Given(id) = key.id { uuid(id) } else { None };
    given.map_or_else(|| TodoId::imported(user, key), TodoId)
}

fn sent<'a>(member: &'a Member<Text<'_>>) -> &'a str {
    if let Member::Value(text) = member { &text.0 } else { "" }
}

/// Changes to a todo. Absent members remain unchanged.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"completed": true, "version": 1}))]
pub struct TodoPatch<'a> {
    /// What is to be done. The server removes white space at both ends.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 500)]
    text: Member<Text<'a>>,
    /// Notes; null removes them.
    #[schema(value_type = Option<String>, max_length = 10_000)]
    #[serde(default)]
    description: Member<Text<'a>>,
    #[schema(schema_with = completed_schema, required = false)]
    #[serde(default)]
    completed: Member<bool>,
    #[schema(schema_with = metadata_edit_schema, required = false)]
    #[serde(default, borrow)]
    metadata: Member<Entries<'a>>,
    /// The name of the device.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100)]
    #[serde(default)]
    client_id: Member<Text<'a>>,
    /// The version on which the change is based; the current one by default.
    #[schema(value_type = Option<i64>, minimum = -9_007_199_254_740_991i64, maximum = 9_007_199_254_740_991i64)]
    #[serde(default)]
    version: Member<Int>,
}

/// Parsed changes.
#[derive(Debug)]
pub struct Patch {
    pub version: Option<i64>,
    pub edit: Edit,
    pub client_id: Option<ClientId>,
}

impl TodoPatch<'_> {
    pub fn parse(self, validation: &mut Validation) -> Patch {
        let edit = Edit {
            title: validation.optional("text", self.text, title(Title::MAX)),
            description: validation.clearable("description", self.description, description),
            completed: validation.optional("completed", self.completed, as_is),
            metadata: metadata(validation, self.metadata),
        };
        let client_id = validation.optional("client_id", self.client_id, client_id);
        let version = validation.optional("version", self.version, as_is).map(|version| version.0);
        Patch { version, edit, client_id }
    }
}

/// The base of a change whose version is optional.
pub fn base(version: Option<i64>) -> Base {
    version.map_or(Base::Current, Base::Version)
}

pub fn any_id() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Number, Type::Null]))
        .description(Some(
            "The client's id of the todo. The server maps an id that is not a UUID to a UUID that depends on the user, the id, \
             and the creation time and text as sent, so that a repeated import creates no duplicates. Without an id the \
             server generates one.",
        ))
        .build()
}
