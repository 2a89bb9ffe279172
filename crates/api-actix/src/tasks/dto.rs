//! Tasks and their changes in the task contracts.

use domain::session::Principal;
use domain::todo::{self, Description, Edit, NewTodo};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::Object;

use crate::error::Problem;
use crate::extract::{Member, Text, Validation};
use crate::rfc3339::Rfc3339;
use crate::wire::{as_is, completed_schema, description, required_flag_schema, title};

/// The maximum number of characters in the title of a request. Other contracts allow more, so a
/// response may contain a longer title.
const TITLE_MAX: usize = 200;

/// A task.
#[derive(Debug, Serialize, ToSchema)]
pub struct Task<'a> {
    /// The task's id: unique over all users, and never reused.
    #[schema(minimum = 1, example = 17)]
    id: i64,
    /// The task's user: the subject of the caller's token.
    #[schema(example = "0190163d-8694-739b-aea5-966c26f8ad91")]
    user_id: &'a str,
    /// What is to be done.
    #[schema(min_length = 1, max_length = 500, example = "Buy milk")]
    title: &'a str,
    /// Notes.
    #[schema(required = true, max_length = 10_000, example = "The one in the blue carton")]
    description: Option<&'a str>,
    /// Whether the task is completed.
    #[schema(example = false)]
    completed: bool,
    /// When the task was created.
    #[schema(value_type = String, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
    created_at: Rfc3339,
    /// When the task was last changed.
    #[schema(value_type = String, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
    updated_at: Rfc3339,
}

impl<'a> Task<'a> {
    pub fn new(principal: &'a Principal, todo: &'a todo::Todo) -> Self {
        Self {
            id: todo.number().0,
            user_id: &principal.subject,
            title: todo.title().as_str(),
            description: todo.description().map(Description::as_str),
            completed: todo.completed(),
            created_at: Rfc3339(todo.created_at()),
            updated_at: Rfc3339(todo.updated_at()),
        }
    }
}

/// A new task.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = TaskCreate, example = json!({"title": "Buy milk", "description": "The one in the blue carton"}))]
pub struct Create<'a> {
    /// What is to be done. The server removes white space at both ends.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true, min_length = 1, max_length = 200)]
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

/// A new title, and changes to the other members. Absent members remain unchanged.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = TaskReplace, example = json!({"title": "Buy oat milk", "completed": false}))]
pub struct Replace<'a> {
    /// What is to be done. The server removes white space at both ends.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true, min_length = 1, max_length = 200)]
    title: Member<Text<'a>>,
    /// Notes; null removes them.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 10_000)]
    description: Member<Text<'a>>,
    #[serde(default)]
    #[schema(schema_with = completed_schema, required = false)]
    completed: Member<bool>,
}

impl Replace<'_> {
    pub fn parse(self) -> Result<Edit, Problem> {
        let mut validation = Validation::default();
        let edit = Edit {
            title: validation.required("title", self.title, title(TITLE_MAX)),
            description: validation.clearable("description", self.description, description),
            completed: validation.optional("completed", self.completed, as_is),
            ..Edit::default()
        };
        validation.finish()?;
        Ok(edit)
    }
}

/// Changes to a task. Absent members remain unchanged.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = TaskUpdate, example = json!({"completed": true}))]
pub struct Update<'a> {
    /// What is to be done. The server removes white space at both ends.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    title: Member<Text<'a>>,
    /// Notes; null removes them.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 10_000)]
    description: Member<Text<'a>>,
    #[serde(default)]
    #[schema(schema_with = completed_schema, required = false)]
    completed: Member<bool>,
}

impl Update<'_> {
    pub fn parse(self) -> Result<Edit, Problem> {
        let mut validation = Validation::default();
        let edit = Edit {
            title: validation.optional("title", self.title, title(TITLE_MAX)),
            description: validation.clearable("description", self.description, description),
            completed: validation.optional("completed", self.completed, as_is),
            ..Edit::default()
        };
        validation.finish()?;
        Ok(edit)
    }
}

/// Whether a task is completed.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = TaskCompletion, example = json!({"completed": true}))]
pub struct Completion {
    #[serde(default)]
    #[schema(schema_with = required_completed, required = true)]
    completed: Member<bool>,
}

impl Completion {
    pub fn parse(self) -> Result<Edit, Problem> {
        let mut validation = Validation::default();
        let completed = validation.required("completed", self.completed, as_is);
        validation.finish()?;
        Ok(Edit { completed, ..Edit::default() })
    }
}

fn required_completed() -> Object {
    required_flag_schema("Whether the task is completed.")
}
