//! Todos and their changes, as this surface knows them.

use domain::UserId;
use domain::todo::{self, Description, Edit, NewTodo};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::extract::{Checks, Field, Text};
use crate::moment::Moment;
use crate::shared::{as_is, description, title};

/// The most characters of a title that is set here; one set elsewhere may have more.
const TITLE_MAX: usize = 255;

/// A thing to do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TodoItem)]
pub struct Item<'a> {
    /// Its id.
    id: Uuid,
    /// Whose it is.
    user_id: Uuid,
    /// What is to do.
    #[schema(min_length = 1, max_length = 500, example = "Buy milk")]
    title: &'a str,
    /// Notes to it.
    #[schema(required = true, max_length = 10_000, example = "The one in the blue carton")]
    description: Option<&'a str>,
    /// Whether it is done.
    #[schema(example = false)]
    is_completed: bool,
    /// When it was created.
    #[schema(value_type = String, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
    created_at: Moment,
    /// When it became done; null while it is not.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = json!(null))]
    completed_at: Option<Moment>,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
    updated_at: Moment,
}

impl<'a> Item<'a> {
    pub fn new(user: UserId, todo: &'a todo::Todo) -> Self {
        Self {
            id: todo.id().0,
            user_id: user.0,
            title: todo.title().as_str(),
            description: todo.description().map(Description::as_str),
            is_completed: todo.completed(),
            created_at: Moment(todo.created_at()),
            completed_at: todo.completed_at().map(Moment),
            updated_at: Moment(todo.updated_at()),
        }
    }
}

/// A todo to be created.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = TodoItemCreate, example = json!({"title": "Buy milk", "description": "The one in the blue carton"}))]
pub struct Create<'a> {
    /// What is to do; white space around it is dropped.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true, min_length = 1, max_length = 255)]
    title: Field<Text<'a>>,
    /// Notes to it, kept as typed.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 10_000)]
    description: Field<Text<'a>>,
}

impl Create<'_> {
    /// `None` where anything is wrong.
    pub fn parse(self, checks: &mut Checks) -> Option<NewTodo> {
        let title = checks.required("title", self.title, title(TITLE_MAX));
        let description = checks.optional("description", self.description, description());
        let title = title.filter(|_| checks.passed())?;
        Some(NewTodo { title, description, completed: false, created_at: None })
    }
}

/// Changes of a todo; what is absent stays as it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = TodoItemUpdate, example = json!({"is_completed": true}))]
pub struct Update<'a> {
    /// What is to do; white space around it is dropped.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 255)]
    title: Field<Text<'a>>,
    /// Notes to it; null clears them.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 10_000)]
    description: Field<Text<'a>>,
    /// Whether it is done.
    #[serde(default)]
    #[schema(value_type = bool, required = false)]
    is_completed: Field<bool>,
}

impl Update<'_> {
    pub fn parse(self, checks: &mut Checks) -> Edit {
        Edit {
            title: checks.not_null("title", self.title, title(TITLE_MAX)),
            description: checks.clearable("description", self.description, description()),
            completed: checks.not_null("is_completed", self.is_completed, as_is),
        }
    }
}
