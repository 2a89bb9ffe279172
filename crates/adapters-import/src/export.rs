//! What an export contains.

use std::fmt;

use domain::TodoId;
use domain::todo::NewTodo;
use thiserror::Error;

/// A program whose exports can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Todoist,
    TickTick,
    MicrosoftToDo,
    GoogleTasks,
    TasksOrg,
    SuperProductivity,
}

impl Program {
    /// The prefix of metadata that only this program knows. Part of the ids of tasks: never change one.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Todoist => "todoist",
            Self::TickTick => "ticktick",
            Self::MicrosoftToDo => "microsoft",
            Self::GoogleTasks => "google",
            Self::TasksOrg => "tasks-org",
            Self::SuperProductivity => "super-productivity",
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Todoist => "Todoist",
            Self::TickTick => "TickTick",
            Self::MicrosoftToDo => "Microsoft To Do",
            Self::GoogleTasks => "Google Tasks",
            Self::TasksOrg => "Tasks.org",
            Self::SuperProductivity => "Super Productivity",
        })
    }
}

/// The tasks of a file, in its order.
#[derive(Clone, Debug)]
pub struct Export {
    pub program: Program,
    pub entries: Vec<Entry>,
}

/// One task.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where the task is in the file, such as `line 7`.
    pub place: String,
    /// The title as the file has it.
    pub title: String,
    /// What was changed or left out, in sentences without a full stop.
    pub changes: Vec<String>,
    /// The todo, or why there is none.
    pub todo: Result<(TodoId, NewTodo), String>,
}

/// Why a file can't be read.
#[derive(Debug, Error)]
pub enum ReadError {
    #[error("the file is not text in UTF-8")]
    NotText,
    #[error("the file is not valid JSON: {0}")]
    NotJson(String),
    /// No program is known that writes such files.
    #[error(
        "the file is not an export of Todoist (CSV), TickTick (CSV), Microsoft To Do (JSON), Google Tasks \
         (Tasks.json), Tasks.org (JSON) or Super Productivity (JSON)"
    )]
    Unknown,
    /// The file looks like an export, but has another form.
    #[error("the export of {program} can't be read: {problem}")]
    Malformed { program: Program, problem: String },
}

impl ReadError {
    pub(crate) fn malformed(program: Program, problem: &impl ToString) -> Self {
        Self::Malformed { program, problem: problem.to_string() }
    }
}
