//! What the earlier changes of a batch show.

use std::collections::BTreeSet;

use super::desired::DesiredFields;
use crate::time::Stamp;
use crate::todo::change::{Base, Change};
use crate::todo::entity::Todo;
use crate::todo::field::Field;
use crate::todo::metadata::MetadataKey;
use crate::todo::outcome::Outcome;
use crate::todo::strategy::Strategy;

/// The facts about a todo that a batch records, so that a later change of the same todo counts as
/// made on top of the earlier ones: a device is never in conflict with itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierChanges {
    /// The last version that another batch made; 0 if this batch created the todo.
    pub(super) version: i64,
    /// The stamp of that version.
    pub(super) updated_at: Option<Stamp>,
    /// The version that the creating change named, regardless of its meaning.
    pub(super) creation_base: Option<i64>,
    /// The fields whose current value an earlier change named: the device knows this value,
    /// whatever its base.
    pub(super) known: BTreeSet<Field>,
    /// The metadata keys that the first change named, if it may be a creation whose answer was
    /// lost. The device knows of any other key that it is absent, if it was never present.
    pub(super) creation_keys: Option<BTreeSet<MetadataKey>>,
    /// The number of changes that were added.
    count: i64,
}

/// What a change did to the todo, as far as it shows what its device knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Altered,
    InPlace,
    /// A merge refused the whole change. Under the other strategies, a refused change shows
    /// nothing: no later change is on top of it.
    Refused,
}

impl Effect {
    /// The todo after the change, and the effect; `None` if the outcome shows nothing.
    #[must_use]
    pub fn of(outcome: &Outcome) -> Option<(&Todo, Self)> {
        match outcome {
            Outcome::Unchanged { todo: Some(todo), .. } => Some((todo, Self::InPlace)),
            Outcome::Conflict(conflict)
                if conflict.applied.is_none() && conflict.strategy == Strategy::Merge =>
            {
                Some((&conflict.current, Self::Refused))
            }
            outcome => outcome.written().map(|(todo, _)| (&**todo, Self::Altered)),
        }
    }
}

impl EarlierChanges {
    /// Records `current`, the todo before the batch's first change of it.
    #[must_use]
    pub fn before(change: &Change, current: Option<&Todo>) -> Self {
        Self {
            version: current.map_or(0, Todo::version),
            updated_at: current.map(Todo::updated_at),
            creation_base: if current.is_none() { change.named_base() } else { None },
            known: BTreeSet::new(),
            creation_keys: None,
            count: 0,
        }
    }

    /// Records what `change` shows its device to know, where `todo` is the todo after the change:
    /// each value that the change names, that is in place, and that this change can have put there.
    /// Each change raises the version by one at most. So a field with a later version was set anew
    /// since, to the same value by chance, and a late copy of the batch does not know of it.
    pub fn add(&mut self, change: &Change, todo: &Todo, effect: Effect) {
        let desired = DesiredFields::of_action(&change.action);
        let impossible = |version: &i64| !(1..=todo.version()).contains(version);
        let no_base = change.base == Base::Unknown || change.named_base().is_some_and(|v| impossible(&v));
        self.count += 1;
        let latest = match change.base {
            Base::Current => todo.version(),
            Base::Version(base) if !no_base => base + self.count,
            Base::Version(_) | Base::Unknown => self.count,
        };
        let can_have_set = |version: i64| version <= latest || version > self.version;
        let in_place = desired.named().filter(|field| !desired.differs(todo, field));
        self.known.extend(in_place.filter(|field| can_have_set(todo.version_of(field))));
        // A device creates a todo before it changes it. So the first change may be a creation whose
        // answer was lost, if its base is one that no todo has. The fields that it left out then
        // have the values that a creation sets.
        let is_first = self.count == 1;
        let may_create = match effect {
            Effect::Altered => false,
            Effect::InPlace => is_first,
            Effect::Refused => is_first && desired.title == Some(todo.title()),
        };
        if may_create && desired.title.is_some() && no_base {
            let initial = [
                (Field::Description, todo.description().is_none()),
                (Field::Completed, !todo.completed()),
                (Field::Deleted, !todo.deleted()),
            ];
            let left_out = |(field, is_initial): &(Field, bool)| {
                *is_initial && is_as_created(todo, field) && !desired.names(field)
            };
            self.known.extend(initial.into_iter().filter(left_out).map(|(field, _)| field));
            let named = desired.metadata.into_iter().flat_map(|edit| edit.keys());
            self.creation_keys = Some(named.cloned().collect());
        }
        if may_create || effect == Effect::InPlace {
            self.creation_base = self.creation_base.or(change.named_base().filter(impossible));
        }
    }

    /// Whether the device knows the value of `field` in `todo`.
    pub(super) fn knows(&self, todo: &Todo, field: &Field) -> bool {
        let was_never_set =
            |key: &MetadataKey| todo.metadata().get(key.as_str()).is_none() && is_as_created(todo, field);
        let left_out =
            |key: &MetadataKey| self.creation_keys.as_ref().is_some_and(|keys| !keys.contains(key));
        self.known.contains(field)
            || matches!(field, Field::Metadata(key) if was_never_set(key) && left_out(key))
    }
}

/// Whether no change after the creation of `todo` set `field`.
fn is_as_created(todo: &Todo, field: &Field) -> bool {
    todo.version_of(field) == 1
}
