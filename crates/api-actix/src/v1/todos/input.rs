//! Todos as clients send them.

#![expect(clippy::needless_pass_by_value, reason = "a parser is given what the field holds")]

use domain::secret::SecretSource;
use domain::text::{ClientId, TextError};
use domain::todo::{Base, Description, Edit, NewTodo, Title};
use domain::{Stamp, TodoId, UserId};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

use super::super::{as_is, client_id};
use crate::extract::{Checks, Fault, Field, Id, Int, Text, uuid};
use crate::moment::Moment;

/// A todo to be created.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"text": "Buy milk", "client_id": "phone"}))]
pub struct TodoCreate<'a> {
    #[serde(default, borrow)]
    #[schema(schema_with = any_id, required = false)]
    id: Field<Id<'a>>,
    /// What is to do; white space around it is dropped. `title` is taken for it where it is missing.
    #[schema(value_type = String, required = true, min_length = 1, max_length = 500)]
    #[serde(default)]
    text: Field<Text<'a>>,
    #[schema(ignore)]
    #[serde(default)]
    title: Field<Text<'a>>,
    /// Notes to it, kept as typed.
    #[schema(value_type = Option<String>, max_length = 10_000)]
    #[serde(default)]
    description: Field<Text<'a>>,
    /// Whether it is done already; without it, it is not.
    #[schema(value_type = bool, required = false)]
    #[serde(default)]
    completed: Field<bool>,
    /// The device that asks.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100)]
    #[serde(default)]
    client_id: Field<Text<'a>>,
    /// When it was created elsewhere; one in the future counts as now. `createdAt` is taken for it where it is missing.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(default)]
    created_at: Field<Text<'a>>,
    #[schema(ignore)]
    #[serde(default, rename = "createdAt")]
    created_at_in_camel_case: Field<Text<'a>>,
}

/// A todo that may be created.
pub type Creation = (TodoId, NewTodo, Option<ClientId>);

impl TodoCreate<'_> {
    /// `None` where anything is wrong. `secrets` makes an id where the client gave none.
    pub fn parse(self, checks: &mut Checks, user: UserId, secrets: &dyn SecretSource) -> Option<Creation> {
        let named = |id: Id<'_>| Ok::<_, Fault>(imported(user, &id));
        let id = checks.optional("id", self.id, named);
        let title = checks.required("text", self.text.or(self.title), title);
        let description = checks.optional("description", self.description, description);
        let completed = checks.not_null("completed", self.completed, as_is).unwrap_or(false);
        let client_id = checks.optional("client_id", self.client_id, client_id);
        let created_at = self.created_at.or(self.created_at_in_camel_case);
        let created_at = checks.optional("created_at", created_at, moment);
        let title = title.filter(|_| checks.passed())?;
        let id = id.unwrap_or_else(|| TodoId(secrets.uuid()));
        Some((id, NewTodo { title, description, completed, created_at }, client_id))
    }
}

fn imported(user: UserId, id: &Id<'_>) -> TodoId {
    uuid(&id.0).map_or_else(|| TodoId::imported(user, &id.0), TodoId)
}

/// Changes of a todo; what is absent stays as it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"completed": true, "version": 1}))]
pub struct TodoPatch<'a> {
    /// What is to do; white space around it is dropped.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 500)]
    text: Field<Text<'a>>,
    /// Notes to it; null clears them.
    #[schema(value_type = Option<String>, max_length = 10_000)]
    #[serde(default)]
    description: Field<Text<'a>>,
    /// Whether it is done.
    #[schema(value_type = bool, required = false)]
    #[serde(default)]
    completed: Field<bool>,
    /// The device that asks.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100)]
    #[serde(default)]
    client_id: Field<Text<'a>>,
    /// The version that the change was made against; without it the change applies to the current one.
    #[schema(value_type = Option<i64>, minimum = -9_007_199_254_740_991i64, maximum = 9_007_199_254_740_991i64)]
    #[serde(default)]
    version: Field<Int>,
}

/// Changes that may be made.
#[derive(Debug)]
pub struct Patch {
    pub version: Option<i64>,
    pub edit: Edit,
    pub client_id: Option<ClientId>,
}

impl TodoPatch<'_> {
    pub fn parse(self, checks: &mut Checks) -> Patch {
        let edit = Edit {
            title: checks.not_null("text", self.text, title),
            description: checks.clearable("description", self.description, description),
            completed: checks.not_null("completed", self.completed, as_is),
        };
        let client_id = checks.optional("client_id", self.client_id, client_id);
        let version = checks.optional("version", self.version, as_is).map(|version| version.0);
        Patch { version, edit, client_id }
    }
}

/// What a change is made against where it may leave out the version.
pub fn base(version: Option<i64>) -> Base {
    version.map_or(Base::Current, Base::Version)
}

pub fn title(text: Text<'_>) -> Result<Title, TextError> {
    Title::parse(&text.0)
}

pub fn description(text: Text<'_>) -> Result<Description, TextError> {
    Description::parse(&text.0)
}

pub fn moment(text: Text<'_>) -> Result<Stamp, Fault> {
    Moment::parse(&text.0).ok_or_else(no_moment)
}

pub fn no_moment() -> Fault {
    Fault::invalid(
        "must be an instant of the years 1 to 9999 in RFC 3339, such as 2026-01-09T10:15:00.000000Z",
    )
}

/// The id of a todo that is to be found, or named by the device that made it.
pub fn todo_id(text: Text<'_>) -> Result<TodoId, Fault> {
    uuid(&text.0).map(TodoId).ok_or_else(|| Fault::invalid("must be a UUID"))
}

fn any_id() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Number, Type::Null]))
        .description(Some(
            "Whatever the client knows the todo by. One that is no UUID is mapped to a UUID of user and id, so that the same \
             import twice creates nothing twice. Without one the server makes one.",
        ))
        .build()
}
