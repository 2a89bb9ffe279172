//! Tasks and their changes, as these contracts know them.

use domain::session::Principal;
use domain::todo::{self, Description, Edit, NewTodo};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::Problem;
use crate::extract::{Checks, Field, Text};
use crate::moment::Moment;
use crate::shared::{as_is, description, title};

/// The most characters of a title that is set here; one set elsewhere may have more.
const TITLE_MAX: usize = 200;

/// A thing to do.
#[derive(Debug, Serialize, ToSchema)]
pub struct Task<'a> {
    /// Its id: unique over all users, never used again.
    #[schema(minimum = 1, example = 17)]
    id: i64,
    /// Whose it is: the subject of the caller's token.
    #[schema(example = "0190163d-8694-739b-aea5-966c26f8ad91")]
    user_id: &'a str,
    /// What is to do.
    #[schema(min_length = 1, max_length = 500, example = "Buy milk")]
    title: &'a str,
    /// Notes to it.
    #[schema(required = true, max_length = 10_000, example = "The one in the blue carton")]
    description: Option<&'a str>,
    /// Whether it is done.
    #[schema(example = false)]
    completed: bool,
    /// When it was created.
    #[schema(value_type = String, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
    created_at: Moment,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
    updated_at: Moment,
}

impl<'a> Task<'a> {
    pub fn new(principal: &'a Principal, todo: &'a todo::Todo) -> Self {
        Self {
            id: todo.number().0,
            user_id: &principal.subject,
            title: todo.title().as_str(),
            description: todo.description().map(Description::as_str),
            completed: todo.completed(),
            created_at: Moment(todo.created_at()),
            updated_at: Moment(todo.updated_at()),
        }
    }
}

/// A task to be created.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = TaskCreate, example = json!({"title": "Buy milk", "description": "The one in the blue carton"}))]
pub struct Create<'a> {
    /// What is to do; white space around it is dropped.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true, min_length = 1, max_length = 200)]
    title: Field<Text<'a>>,
    /// Notes to it, kept as typed.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 10_000)]
    description: Field<Text<'a>>,
}

impl Create<'_> {
    pub fn parse(self) -> Result<NewTodo, Problem> {
        let mut checks = Checks::default();
        let title = checks.required("title", self.title, title(TITLE_MAX));
        let description = checks.optional("description", self.description, description());
        let Some(title) = title.filter(|_| checks.passed()) else { return Err(checks.into()) };
        Ok(NewTodo { title, description, completed: false, created_at: None })
    }
}

/// A task to be put in another's place; what may be absent stays as it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = TaskReplace, example = json!({"title": "Buy oat milk", "completed": false}))]
pub struct Replace<'a> {
    /// What is to do; white space around it is dropped.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true, min_length = 1, max_length = 200)]
    title: Field<Text<'a>>,
    /// Notes to it; null clears them.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 10_000)]
    description: Field<Text<'a>>,
    /// Whether it is done.
    #[serde(default)]
    #[schema(value_type = bool, required = false)]
    completed: Field<bool>,
}

impl Replace<'_> {
    pub fn parse(self) -> Result<Edit, Problem> {
        let mut checks = Checks::default();
        let title = checks.required("title", self.title, title(TITLE_MAX));
        let description = checks.clearable("description", self.description, description());
        let completed = checks.not_null("completed", self.completed, as_is);
        checks.finish()?;
        Ok(Edit { title, description, completed })
    }
}

/// Changes of a task; what is absent stays as it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = TaskUpdate, example = json!({"completed": true}))]
pub struct Update<'a> {
    /// What is to do; white space around it is dropped.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 200)]
    title: Field<Text<'a>>,
    /// Notes to it; null clears them.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 10_000)]
    description: Field<Text<'a>>,
    /// Whether it is done.
    #[serde(default)]
    #[schema(value_type = bool, required = false)]
    completed: Field<bool>,
}

impl Update<'_> {
    pub fn parse(self) -> Result<Edit, Problem> {
        let mut checks = Checks::default();
        let edit = Edit {
            title: checks.not_null("title", self.title, title(TITLE_MAX)),
            description: checks.clearable("description", self.description, description()),
            completed: checks.not_null("completed", self.completed, as_is),
        };
        checks.finish()?;
        Ok(edit)
    }
}

/// Whether a task is done.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = TaskCompletion, example = json!({"completed": true}))]
pub struct Completion {
    /// Whether it is done.
    #[serde(default)]
    #[schema(value_type = bool, required = true)]
    completed: Field<bool>,
}

impl Completion {
    pub fn parse(self) -> Result<Edit, Problem> {
        let mut checks = Checks::default();
        let completed = checks.required("completed", self.completed, as_is);
        checks.finish()?;
        Ok(Edit { completed, ..Edit::default() })
    }
}
