//! The inputs of the rule besides the todo and the change.

use super::earlier::EarlierChanges;
use super::later::LaterChanges;
use crate::sync::cursor::Cursor;
use crate::time::Stamp;
use crate::todo::change::Base;
use crate::todo::entity::Todo;
use crate::todo::field::Field;
use crate::todo::metadata::MetadataKey;
use crate::todo::strategy::Strategy;
use crate::todo::values::TodoNumber;

/// The inputs of [`resolve`](super::resolve()) besides the todo and the change.
#[derive(Clone, Copy, Debug)]
pub struct ResolveContext<'a> {
    /// Decides about a stale change.
    pub strategy: Strategy,
    /// The stamp of the todo if the change is accepted.
    pub stamp: Stamp,
    /// The server's current time. A client's time that is later than this counts as this time.
    pub now: Stamp,
    /// The number of the todo if the change creates it.
    pub number: TodoNumber,
    /// The position up to which the device knows the user's todos, if the device named one.
    pub cursor: Option<&'a Cursor>,
    /// The results of earlier changes of the same todo in the same batch.
    pub earlier: Option<&'a EarlierChanges>,
    /// The changes of the same todo that follow in the same batch.
    pub later: Option<LaterChanges<'a>>,
}

impl ResolveContext<'static> {
    /// The context of a change that is decided on its own at `stamp`.
    #[must_use]
    pub const fn new(strategy: Strategy, stamp: Stamp) -> Self {
        Self { strategy, stamp, now: stamp, number: TodoNumber(1), cursor: None, earlier: None, later: None }
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

    /// What the change was made against. The base of a creation can be anything: if an earlier
    /// change of the batch created the todo, or found what it creates in place, the base that it
    /// named counts as no knowledge.
    pub(super) fn since(&self, todo: &Todo, base: Base) -> Since {
        match base {
            Base::Current => Since::Any,
            Base::Unknown => Since::Version(0),
            Base::Version(base) if self.earlier.is_some_and(|e| e.creation_base == Some(base)) => {
                Since::Version(0)
            }
            // A todo that this batch created has no version that another batch made: it has 0.
            Base::Version(base) if (self.others_version(todo).min(1)..=todo.version()).contains(&base) => {
                Since::Version(base)
            }
            Base::Version(_) => Since::Impossible,
        }
    }

    /// Whether no other batch has changed `todo` since then.
    pub(super) fn is_current(&self, todo: &Todo, since: Since) -> bool {
        match since {
            Since::Any => true,
            Since::Version(since) => (self.others_version(todo)..=todo.version()).contains(&since),
            Since::Impossible => false,
        }
    }

    /// Whether another batch changed `field` after `since`, to a value that this batch has not
    /// shown its device to know.
    pub(super) fn is_contested(&self, todo: &Todo, since: i64, field: &Field) -> bool {
        !self.earlier.is_some_and(|earlier| earlier.knows(todo, field))
            && self.is_others(todo, since, todo.version_of(field))
    }

    /// Whether [`Self::is_contested`] holds for any field.
    pub(super) fn is_any_contested(&self, todo: &Todo, since: i64) -> bool {
        let metadata = todo.metadata();
        let is_contested = |key: &MetadataKey| self.is_contested(todo, since, &Field::Metadata(key.clone()));
        let creation_keys = self.earlier.and_then(|earlier| earlier.creation_keys.as_ref());
        let keys = metadata.entries().map(|(key, _)| key).chain(metadata.removed());
        Field::OWN.iter().any(|field| self.is_contested(todo, since, field))
            || keys.chain(creation_keys.into_iter().flatten()).any(is_contested)
            || (creation_keys.is_none() || metadata.floor() > 1)
                && self.is_others(todo, since, metadata.floor())
    }

    /// Whether `version` is one that another batch made after `since`.
    fn is_others(&self, todo: &Todo, since: i64, version: i64) -> bool {
        (since + 1..=self.others_version(todo)).contains(&version)
    }

    /// Whether earlier changes of the batch, whose answer was lost when they were first sent, show
    /// that the device knows everything that changed after `since`.
    pub(super) fn is_on_top(&self, todo: &Todo, since: i64) -> bool {
        self.earlier.is_some_and(|earlier| !earlier.known.is_empty()) && !self.is_any_contested(todo, since)
    }

    /// Whether a later change of the batch replaces the value that this change names for `field`,
    /// and that later value is already in place. Then the batch repeats one that was applied, and
    /// this change was applied before the later one replaced it.
    pub(super) fn is_superseded(&self, todo: &Todo, field: &Field) -> bool {
        self.later.is_some_and(|later| later.supersede(todo, field))
    }
}

/// What a change was made against.
#[derive(Clone, Copy)]
pub(super) enum Since {
    /// The client requests no check.
    Any,
    /// This version: 0 if the client named none.
    Version(i64),
    /// A version that can't be right.
    Impossible,
}
