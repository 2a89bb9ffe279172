//! The todo itself, and its columns in a store.

use super::field::{Field, Versions};
use super::metadata::Metadata;
use super::values::{Description, Title, TodoNumber};
use crate::error::StoreError;
use crate::ids::TodoId;
use crate::sync::digest::Digest;
use crate::text::ClientId;
use crate::time::Stamp;

/// One todo of one user, live or deleted.
///
/// A deleted todo stays as a *tombstone*, so that devices learn of the deletion. After some days, a
/// store drops the texts and metadata of a tombstone, which *shrinks* it. Only two functions make a
/// `Todo`: [`resolve`](super::resolve()), and [`Todo::from_stored`] for a store that reads one back.
/// Nothing can alter one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Todo {
    pub(super) id: TodoId,
    pub(super) number: TodoNumber,
    /// `None` in a shrunk tombstone.
    pub(super) title: Option<Title>,
    pub(super) description: Option<Description>,
    pub(super) completed_at: Option<Stamp>,
    pub(super) created_at: Stamp,
    pub(super) updated_at: Stamp,
    pub(super) deleted_at: Option<Stamp>,
    pub(super) client_id: Option<ClientId>,
    pub(super) versions: Versions,
    pub(super) metadata: Metadata,
}

/// The columns of a todo in a store.
#[derive(Clone, Debug)]
pub struct StoredTodo {
    pub id: TodoId,
    pub number: i64,
    /// `None` in a shrunk tombstone.
    pub title: Option<String>,
    pub description: Option<String>,
    pub completed_at: Option<Stamp>,
    pub created_at: Stamp,
    pub updated_at: Stamp,
    pub deleted_at: Option<Stamp>,
    pub client_id: Option<String>,
    pub versions: Versions,
    /// The first column of [`Metadata::to_columns`].
    pub metadata: Option<String>,
    /// The second column of [`Metadata::to_columns`].
    pub metadata_versions: Option<String>,
}

/// The title that a shrunk tombstone shows.
static NO_TITLE: Title = Title::from_stored(String::new());

impl Todo {
    /// A todo read back from a store. Its texts are trusted: the current input rules do not apply
    /// to them.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] names a column whose value no sequence of changes can produce: a
    /// version or a number below 1, a field version above the todo's own, a live todo without a
    /// title, or unreadable metadata.
    pub fn from_stored(row: StoredTodo) -> Result<Self, StoreError> {
        let corrupt = |column, problem: &str| StoreError::corrupt("todos", column, problem);
        let versions = row.versions;
        if versions.version < 1 {
            return Err(corrupt("version", "below 1"));
        }
        let of_fields = [versions.title, versions.description, versions.completed, versions.deleted];
        if of_fields.iter().any(|version| !(1..=versions.version).contains(version)) {
            return Err(corrupt("field versions", "outside 1 and the todo's version"));
        }
        if row.number < 1 {
            return Err(corrupt("number", "below 1"));
        }
        if row.title.is_none() && row.deleted_at.is_none() {
            return Err(corrupt("title", "null in a live todo"));
        }
        let metadata = Metadata::from_columns(
            [row.metadata.as_deref(), row.metadata_versions.as_deref()],
            versions.version,
        )
        .ok_or_else(|| corrupt("metadata", "not as it is written, or without matching versions"))?;
        Ok(Self {
            id: row.id,
            number: TodoNumber(row.number),
            title: row.title.map(Title::from_stored),
            description: row.description.map(Description::from_stored),
            completed_at: row.completed_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
            client_id: row.client_id.map(ClientId::from_stored),
            versions,
            metadata,
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

    /// The text of the todo; empty in a shrunk tombstone.
    #[must_use]
    pub const fn title(&self) -> &Title {
        match &self.title {
            Some(title) => title,
            None => &NO_TITLE,
        }
    }

    /// Whether the todo is a tombstone whose texts and metadata are no longer stored.
    #[must_use]
    pub const fn is_shrunk(&self) -> bool {
        self.title.is_none()
    }

    /// Notes on the todo.
    #[must_use]
    pub const fn description(&self) -> Option<&Description> {
        self.description.as_ref()
    }

    /// What the todo adds to the digest of a list. A tombstone adds nothing.
    #[must_use]
    pub fn digest(&self) -> Digest {
        if self.deleted() { Digest::EMPTY } else { Digest::of(self.id, self.version(), self.updated_at) }
    }

    /// Whether the todo is completed.
    #[must_use]
    pub const fn completed(&self) -> bool {
        self.completed_at.is_some()
    }

    /// The stamp of the change that completed the todo, while it is completed.
    #[must_use]
    pub const fn completed_at(&self) -> Option<Stamp> {
        self.completed_at
    }

    /// The first stamp of the todo, or an earlier instant that the client named when it created the
    /// todo.
    #[must_use]
    pub const fn created_at(&self) -> Stamp {
        self.created_at
    }

    /// The stamp of the last change.
    #[must_use]
    pub const fn updated_at(&self) -> Stamp {
        self.updated_at
    }

    /// The stamp of the deletion, while the todo is a tombstone.
    #[must_use]
    pub const fn deleted_at(&self) -> Option<Stamp> {
        self.deleted_at
    }

    /// Whether the todo is a tombstone.
    #[must_use]
    pub const fn deleted(&self) -> bool {
        self.deleted_at.is_some()
    }

    /// The device that made the last change, if it named itself.
    #[must_use]
    pub const fn client_id(&self) -> Option<&ClientId> {
        self.client_id.as_ref()
    }

    /// 1 after the creation, one more after each accepted change.
    #[must_use]
    pub const fn version(&self) -> i64 {
        self.versions.version
    }

    /// The version of the todo and of each field that every todo has.
    #[must_use]
    pub const fn versions(&self) -> Versions {
        self.versions
    }

    /// What clients keep with the todo.
    #[must_use]
    pub const fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The version at which `field` last changed.
    #[must_use]
    pub fn version_of(&self, field: &Field) -> i64 {
        match field {
            Field::Title => self.versions.title,
            Field::Description => self.versions.description,
            Field::Completed => self.versions.completed,
            Field::Deleted => self.versions.deleted,
            Field::Metadata(key) => self.metadata.version_of(key.as_str()),
        }
    }

    /// The length of what a store keeps of the user's input, in bytes of UTF-8: title, description
    /// and the columns of the metadata, in which removed keys have a part too.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        let title = self.title().as_str().len();
        let description = self.description().map_or(0, |description| description.as_str().len());
        (title + description + self.metadata.stored_bytes()) as u64
    }
}
