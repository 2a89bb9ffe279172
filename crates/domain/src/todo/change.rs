//! The changes that a client can request.

use super::entity::Todo;
use super::metadata::{MetadataEdit, MetadataKey, MetadataValue};
use super::values::{Description, Title};
use crate::ids::TodoId;
use crate::text::ClientId;
use crate::time::Stamp;

/// The version that a change was made against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Base {
    /// Any version: the client requests no check.
    Current,
    /// The client did not name a version. Everything may have changed since.
    Unknown,
    /// This version. A version below 1 or above the current one is a conflict under every strategy.
    Version(i64),
}

/// New values for some fields of a todo. `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    pub title: Option<Title>,
    /// `Some(None)` removes the description.
    pub description: Option<Option<Description>>,
    pub completed: Option<bool>,
    pub metadata: MetadataEdit,
}

/// The content of a todo to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTodo {
    pub title: Title,
    pub description: Option<Description>,
    pub completed: bool,
    /// Removals are ignored.
    pub metadata: MetadataEdit,
    /// When the todo was created elsewhere. The server ignores an instant in the future.
    pub created_at: Option<Stamp>,
    /// When the todo was completed elsewhere, if it is completed. The server ignores an instant in
    /// the future.
    pub completed_at: Option<Stamp>,
}

impl NewTodo {
    /// An active todo with a title only.
    #[must_use]
    pub const fn new(title: Title) -> Self {
        Self {
            title,
            description: None,
            completed: false,
            metadata: MetadataEdit::new(),
            created_at: None,
            completed_at: None,
        }
    }
}

/// A todo as a device sends it in a sync: an edit, a deletion, a restoration or, if the server does
/// not know the id, a creation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upsert {
    pub edit: Edit,
    /// `true` deletes the todo, `false` restores it.
    pub deleted: Option<bool>,
    /// As in [`NewTodo`].
    pub created_at: Option<Stamp>,
    /// As in [`NewTodo`]. It counts only where the upsert creates the todo.
    pub completed_at: Option<Stamp>,
    /// When the device changed the todo, by the device's clock.
    pub updated_at: Option<Stamp>,
    /// Whether parsing altered a value, such as by trimming the title, so that the device holds
    /// something else.
    pub normalised: bool,
    /// Whether the device gives back a todo that the server acknowledged and then lost, such as by
    /// the restore of a backup. Such an upsert is applied where it is in place, creates the todo, or
    /// its tombstone without texts, where the id is unknown, and else is a conflict under every
    /// strategy. It needs no `updated_at`. With `deleted` false it is the whole todo: a metadata key
    /// that it does not name is one that the todo does not have.
    pub healing: bool,
}

impl Upsert {
    /// Whether a device that sent this upsert holds the same values as `todo`, provided that `todo`
    /// has every value named here.
    #[must_use]
    pub fn is_verbatim(&self, todo: &Todo) -> bool {
        // JavaScript's Date cuts instants to milliseconds.
        let to_millis = |at: Stamp| at.as_micros().div_euclid(1000);
        let created_at = |at| to_millis(at) == to_millis(todo.created_at());
        let completed_at = |at| Some(to_millis(at)) == todo.completed_at().map(to_millis);
        !self.normalised
            && self.created_at.is_none_or(created_at)
            && self.completed_at.is_none_or(completed_at)
    }
}

/// An operation on one todo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Creates the todo. If the id already has the same content, nothing changes.
    Create(NewTodo),
    /// Changes some fields of a live todo.
    Edit(Edit),
    /// Inverts `completed` of a live todo.
    Toggle,
    /// Makes the todo a tombstone.
    Delete,
    /// Makes a tombstone live again.
    Restore,
    /// The upload of one todo in a sync.
    Upsert(Upsert),
}

/// One change of one todo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub id: TodoId,
    pub base: Base,
    pub action: Action,
    /// The device that requests the change.
    pub client_id: Option<ClientId>,
}

impl Change {
    /// A change from a client that does not name itself.
    #[must_use]
    pub const fn new(id: TodoId, base: Base, action: Action) -> Self {
        Self { id, base, action, client_id: None }
    }

    /// The version that the client named.
    #[must_use]
    pub const fn named_base(&self) -> Option<i64> {
        match self.base {
            Base::Version(version) => Some(version),
            Base::Current | Base::Unknown => None,
        }
    }

    /// The size of the texts and metadata that the change sets, in bytes.
    pub(super) fn text_bytes(&self) -> usize {
        let (title, description, metadata) = match &self.action {
            Action::Create(new) => (Some(&new.title), new.description.as_ref(), &new.metadata),
            Action::Edit(edit) | Action::Upsert(Upsert { edit, .. }) => {
                (edit.title.as_ref(), edit.description.as_ref().and_then(Option::as_ref), &edit.metadata)
            }
            Action::Toggle | Action::Delete | Action::Restore => return 0,
        };
        let entry = |(key, value): (&MetadataKey, &Option<MetadataValue>)| {
            key.as_str().len() + value.as_ref().map_or(0, |value| value.as_str().len())
        };
        title.map_or(0, |title| title.as_str().len())
            + description.map_or(0, |description| description.as_str().len())
            + metadata.iter().map(entry).sum::<usize>()
    }

    /// Whether the change is rejected with an earlier one of the same todo in the same request: the
    /// device made it on top of that one. A deletion replaces whatever was there.
    #[must_use]
    pub fn rests_on_earlier(&self) -> bool {
        matches!(&self.action, Action::Upsert(upsert) if upsert.deleted != Some(true))
    }

    /// Whether the client holds exactly the values that this change left in `todo`.
    pub(super) fn is_verbatim(&self, todo: &Todo) -> bool {
        match &self.action {
            Action::Upsert(upsert) => upsert.is_verbatim(todo),
            Action::Create(_) | Action::Edit(_) | Action::Toggle | Action::Delete | Action::Restore => true,
        }
    }
}
