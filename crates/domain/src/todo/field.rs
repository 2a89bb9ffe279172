//! Fields and their versions.

/// A part of a todo that has its own version, so that changes of different fields can be merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    Title,
    Description,
    Completed,
    Deleted,
}

impl Field {
    /// Every field, in the order in which a conflict lists them.
    pub const ALL: [Self; 4] = [Self::Title, Self::Description, Self::Completed, Self::Deleted];
}

/// The version of a todo and of each of its fields.
///
/// `version` is 1 at creation and grows by one with each accepted change. A field's version is the
/// todo's version at which the field last changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Versions {
    pub version: i64,
    pub title: i64,
    pub description: i64,
    pub completed: i64,
    pub deleted: i64,
}

impl Versions {
    /// The versions of a new todo.
    pub const FIRST: Self = Self { version: 1, title: 1, description: 1, completed: 1, deleted: 1 };

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
