//! What the rule knows besides the todo and the change.

use crate::sync::cursor::Cursor;
use crate::time::Stamp;
use crate::todo::change::{Base, Change};
use crate::todo::entity::Todo;
use crate::todo::strategy::Strategy;
use crate::todo::values::TodoNumber;

/// What [`resolve`](super::resolve()) needs to know besides the todo and the change.
#[derive(Clone, Copy, Debug)]
pub struct ResolveContext<'a> {
    /// Decides about a stale change.
    pub strategy: Strategy,
    /// The stamp of the todo if the change is accepted.
    pub stamp: Stamp,
    /// The server's current time. A client's clock that is ahead of it counts as this.
    pub now: Stamp,
    /// The number of the todo if the change creates it.
    pub number: TodoNumber,
    /// Up to where the device knows the user's todos, if it said so.
    pub cursor: Option<&'a Cursor>,
    /// Set if the same batch has already changed the todo.
    pub earlier: Option<&'a EarlierChanges>,
}

impl ResolveContext<'static> {
    /// The context of a change that is decided on its own at `stamp`.
    #[must_use]
    pub const fn new(strategy: Strategy, stamp: Stamp) -> Self {
        Self { strategy, stamp, now: stamp, number: TodoNumber(1), cursor: None, earlier: None }
    }
}

impl ResolveContext<'_> {
    /// The last version of `todo` that another batch made.
    pub(super) fn others_version(&self, todo: &Todo) -> i64 {
        self.earlier.map_or(todo.version(), |earlier| earlier.version)
    }

    /// The stamp of that version.
    pub(super) fn others_stamp(&self, todo: &Todo) -> Stamp {
        self.earlier.and_then(|earlier| earlier.updated_at).unwrap_or(todo.updated_at())
    }

    /// Whether the device has seen the last version of `todo` that another batch made. A device
    /// that starts from the beginning can name that version and still hold nothing of the todo.
    pub(super) fn device_has_seen(&self, todo: &Todo) -> bool {
        let created_here = self.earlier.is_some_and(|earlier| earlier.updated_at.is_none());
        created_here || self.cursor.is_none_or(|cursor| cursor.stamp() >= Some(self.others_stamp(todo)))
    }

    /// The version that the change was made against: 0 if the client did not say, `None` if it asks
    /// for no check. If this batch created the todo, the base that the creating change named also
    /// counts as 0.
    pub(super) fn effective_base(&self, base: Base) -> Option<i64> {
        match base {
            Base::Current => None,
            Base::Unknown => Some(0),
            Base::Version(version) if self.earlier.is_some_and(|e| e.creation_base == Some(version)) => {
                Some(0)
            }
            Base::Version(version) => Some(version),
        }
    }

    /// Whether no other batch has changed `todo` since `base`.
    pub(super) fn is_current(&self, todo: &Todo, base: Option<i64>) -> bool {
        base.is_none_or(|base| (self.others_version(todo)..=todo.version()).contains(&base))
    }
}

/// What a batch has to remember of a todo that it has already changed, so that a later change of
/// the same todo counts as made on top of the earlier one: a device is never in conflict with
/// itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlierChanges {
    /// The last version that another batch made; 0 if this batch created the todo.
    version: i64,
    /// The stamp of that version.
    updated_at: Option<Stamp>,
    /// The version that the creating change named, whatever it meant.
    creation_base: Option<i64>,
}

impl EarlierChanges {
    /// Remembers `current` as the batch's first accepted change of the todo found it.
    #[must_use]
    pub fn before(change: &Change, current: Option<&Todo>) -> Self {
        Self {
            version: current.map_or(0, Todo::version),
            updated_at: current.map(Todo::updated_at),
            creation_base: if current.is_none() { change.named_base() } else { None },
        }
    }
}
