//! Todos and their changes in the token contract.

use domain::UserId;
use domain::todo::{self, Description, Edit, NewTodo};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::Problem;
use crate::extract::{Member, Text, Validation};
use crate::rfc3339::Rfc3339;
use crate::wire::{as_is, completed_schema, description, title};

/// The maximum number of characters in the title of a request. Other contracts allow more, so a
/// response may contain a longer title.
const TITLE_MAX: usize = 255;

/// A todo.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TodoItem)]
pub struct Item<'a> {
    /// The todo's id.
    id: Uuid,
    /// The id of the todo's user.
    user_id: Uuid,
    /// What is to be done.
    #[schema(min_length = 1, max_length = 500, example = "Buy milk")]
    title: &'a str,
    /// Notes.
    #[schema(required = true, max_length = 10_000, example = "The one in the blue carton")]
    description: Option<&'a str>,
    /// Whether the todo is completed.
    #[schema(example = false)]
    is_completed: bool,
    /// When the todo was created.
    #[schema(value_type = String, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
    created_at: Rfc3339,
    /// When the todo was completed; null if it is not completed.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = json!(null))]
    completed_at: Option<Rfc3339>,
    /// When the todo was last changed.
    #[schema(value_type = String, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
    updated_at: Rfc3339,
}

impl<'a> Item<'a> {
    pub fn new(user: UserId, todo: &'a todo::Todo) -> Self {
        Self {
            id: todo.id().0,
            user_id: user.0,
            title: todo.title().as_str(),
            description: todo.description().map(Description::as_str),
            is_completed: todo.completed(),
            created_at: Rfc3339(todo.created_at()),
            completed_at: todo.completed_at().map(Rfc3339),
            updated_at: Rfc3339(todo.updated_at()),
        }
    }
}

/// A new todo.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = TodoItemCreate, example = json!({"title": "Buy milk", "description": "The one in the blue carton"}))]
pub struct Create<'a> {
    /// What is to be done. The server removes white space at both ends.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true, min_length = 1, max_length = 255)]
    title: Member<Text<'a>>,
    /// Notes, stored unchanged.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 10_000)]
    description: Member<Text<'a>>,
}

impl Create<'_> {
    pub fn parse(self) -> Result<NewTodo, Problem> {
        let mut validation = Validation::default();
        let title = validation.required("title", self.title, title(TITLE_MAX));
        let description = validation.optional("description", self.description, description);
        let Some(title) = title.filter(|_| validation.is_ok()) else { return Err(validation.into()) };
        Ok(NewTodo { description, ..NewTodo::new(title) })
    }
}

/// Changes to a todo. Absent members remain unchanged.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = TodoItemUpdate, example = json!({"is_completed": true}))]
pub struct Update<'a> {
    /// What is to be done. The server removes white space at both ends.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 255)]
    title: Member<Text<'a>>,
    /// Notes; null removes them.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 10_000)]
    description: Member<Text<'a>>,
    #[serde(default)]
    #[schema(schema_with = completed_schema, required = false)]
    is_completed: Member<bool>,
}

impl Update<'_> {
    pub fn parse(self) -> Result<Edit, Problem> {
        let mut validation = Validation::default();
        let edit = Edit {
            title: validation.optional("title", self.title, title(TITLE_MAX)),
            description: validation.clearable("description", self.description, description),
            completed: validation.optional("is_completed", self.is_completed, as_is),
            ..Edit::default()
        };
        validation.finish()?;
        Ok(edit)
    }
}
