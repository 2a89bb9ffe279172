//! Fields and their versions.

use super::metadata::MetadataKey;

/// A part of a todo that has its own version, so that changes of different fields can be merged.
///
/// The order of fields is that in which a conflict lists them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    Title,
    Description,
    Completed,
    Deleted,
    /// One key of the metadata.
    Metadata(MetadataKey),
}

impl Field {
    /// The fields that every todo has.
    pub const OWN: [Self; 4] = [Self::Title, Self::Description, Self::Completed, Self::Deleted];
}

/// The version of a todo and of each field that every todo has. The metadata keeps the versions of
/// its keys itself.
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
}
