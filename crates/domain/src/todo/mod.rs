//! The todo: what it holds, how it changes, who decides.
//!
//! A [`Todo`] can only be made by the conflict rule or by [`Todo::from_stored`] from a stored row; nothing else can
//! alter one.

mod change;
#[cfg(test)]
mod laws;
pub mod plan;
pub mod query;
pub mod resolve;
mod service;
mod store;

pub use change::{Action, Base, Batch, Change, Edit, NewTodo, Strategy, Upsert};
pub use plan::{Conflict, Outcome, Rejection, Resolved};
pub use service::TodoService;
#[cfg(test)]
pub use store::MockTodoStore;
pub use store::{Changes, Commit, Page, TodoStore};

use crate::error::StoreError;
use crate::ids::TodoId;
use crate::text::{ClientId, TextError, check, text_conversions, trimmed_text};
use crate::time::Stamp;

trimmed_text!(
    /// What is to do: 1–500 characters after trimming.
    Title,
    500,
    check
);

/// Notes to a todo: up to 10,000 characters, kept exactly as typed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Description(String);

impl Description {
    /// The most characters it may have.
    pub const MAX: usize = 10_000;

    /// Checks `text`; an empty one is a description too.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        check(text, Self::MAX)?;
        Ok(Self(text.to_owned()))
    }
}

text_conversions!(Description, TextError);

/// The integer id of a todo in the task contracts: positive, unique over all users, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TodoNumber(pub i64);

/// A field that changes are merged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// The title.
    Title,
    /// The description.
    Description,
    /// Whether it is done.
    Completed,
    /// Whether it is a tombstone.
    Deleted,
}

impl Field {
    /// Every field, in the order in which conflicts name them.
    pub const ALL: [Self; 4] = [Self::Title, Self::Description, Self::Completed, Self::Deleted];
}

/// A todo's counters: `version` is 1 at creation and grows by one with each accepted change; each field's is the
/// version at which it last changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Versions {
    /// The todo's own.
    pub version: i64,
    /// Of the title.
    pub title: i64,
    /// Of the description.
    pub description: i64,
    /// Of whether it is completed.
    pub completed: i64,
    /// Of whether it is deleted.
    pub deleted: i64,
}

impl Versions {
    const FIRST: Self = Self { version: 1, title: 1, description: 1, completed: 1, deleted: 1 };

    /// The version at which `field` last changed.
    #[must_use]
    pub const fn of(&self, field: Field) -> i64 {
        match field {
            Field::Title => self.title,
            Field::Description => self.description,
            Field::Completed => self.completed,
            Field::Deleted => self.deleted,
        }
    }
}

/// One todo of one user, live or a tombstone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Todo {
    id: TodoId,
    number: TodoNumber,
    title: Title,
    description: Option<Description>,
    completed_at: Option<Stamp>,
    created_at: Stamp,
    updated_at: Stamp,
    deleted_at: Option<Stamp>,
    client_id: Option<ClientId>,
    versions: Versions,
}

/// A todo's columns as a store keeps them.
#[derive(Clone, Debug)]
pub struct StoredTodo {
    pub id: TodoId,
    pub number: i64,
    pub title: String,
    pub description: Option<String>,
    pub completed_at: Option<Stamp>,
    pub created_at: Stamp,
    pub updated_at: Stamp,
    pub deleted_at: Option<Stamp>,
    pub client_id: Option<String>,
    pub versions: Versions,
}

impl Todo {
    /// A todo read back from a store. Its texts are trusted; the input rules of today do not apply to them.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] names the column whose value no sequence of changes can produce: a version or a number below 1,
    /// or a field version above the todo's own.
    pub fn from_stored(row: StoredTodo) -> Result<Self, StoreError> {
        let corrupt = |column, problem: &str| StoreError::corrupt("todos", column, problem);
        let v = row.versions;
        if v.version < 1 {
            return Err(corrupt("version", "below 1"));
        }
        if Field::ALL.iter().any(|f| !(1..=v.version).contains(&v.of(*f))) {
            return Err(corrupt("field versions", "outside 1 and the todo's version"));
        }
        if row.number < 1 {
            return Err(corrupt("number", "below 1"));
        }
        Ok(Self {
            id: row.id,
            number: TodoNumber(row.number),
            title: Title::from_stored(row.title),
            description: row.description.map(Description::from_stored),
            completed_at: row.completed_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
            client_id: row.client_id.map(ClientId::from_stored),
            versions: v,
        })
    }

    /// The id, unique within the user.
    #[must_use]
    pub const fn id(&self) -> TodoId {
        self.id
    }

    /// The integer id of the task contracts.
    #[must_use]
    pub const fn number(&self) -> TodoNumber {
        self.number
    }

    /// What is to do.
    #[must_use]
    pub const fn title(&self) -> &Title {
        &self.title
    }

    /// Notes to it.
    #[must_use]
    pub const fn description(&self) -> Option<&Description> {
        self.description.as_ref()
    }

    /// Whether it is done.
    #[must_use]
    pub const fn completed(&self) -> bool {
        self.completed_at.is_some()
    }

    /// When it became done.
    #[must_use]
    pub const fn completed_at(&self) -> Option<Stamp> {
        self.completed_at
    }

    /// Its first stamp, or the instant an import gave.
    #[must_use]
    pub const fn created_at(&self) -> Stamp {
        self.created_at
    }

    /// The stamp of its last change.
    #[must_use]
    pub const fn updated_at(&self) -> Stamp {
        self.updated_at
    }

    /// When it became a tombstone.
    #[must_use]
    pub const fn deleted_at(&self) -> Option<Stamp> {
        self.deleted_at
    }

    /// Whether it is a tombstone.
    #[must_use]
    pub const fn deleted(&self) -> bool {
        self.deleted_at.is_some()
    }

    /// The device that last changed it, where it said so.
    #[must_use]
    pub const fn client_id(&self) -> Option<&ClientId> {
        self.client_id.as_ref()
    }

    /// How often it was changed, creation included.
    #[must_use]
    pub const fn version(&self) -> i64 {
        self.versions.version
    }

    /// The version and the field versions.
    #[must_use]
    pub const fn versions(&self) -> Versions {
        self.versions
    }
}
