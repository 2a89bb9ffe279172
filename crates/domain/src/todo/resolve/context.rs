//! The inputs of the rule besides the todo and the change.

use super::desired::DesiredFields;
use crate::sync::cursor::Cursor;
use crate::time::Stamp;
use crate::todo::change::{Action, Base, Change};
use crate::todo::entity::Todo;
use crate::todo::field::Field;
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
    /// The changes that follow in the same batch.
    pub later: &'a [Change],
}

impl ResolveContext<'static> {
    /// The context of a change that is decided on its own at `stamp`.
    #[must_use]
    pub const fn new(strategy: Strategy, stamp: Stamp) -> Self {
        Self { strategy, stamp, now: stamp, number: TodoNumber(1), cursor: None, earlier: None, later: &[] }
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

    /// The version that the change was made against: 0 if the client named none, `None` if the
    /// client requests no check. If an earlier change of the batch created the todo, or found what
    /// it creates in place, the base that it named also counts as 0.
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

    /// Whether the base can't be right. The base of a creation can be anything.
    pub(super) fn is_impossible(&self, todo: &Todo, base: Base) -> bool {
        let creates = |version| self.earlier.is_some_and(|e| e.creation_base == Some(version));
        matches!(base, Base::Version(version) if !(1..=todo.version()).contains(&version) && !creates(version))
    }

    /// Whether another batch changed `field` after `since`, to a value that this batch has not
    /// shown its device to know.
    pub(super) fn is_contested(&self, todo: &Todo, since: i64, field: Field) -> bool {
        let known = self.earlier.is_some_and(|earlier| earlier.in_place.contains(&field));
        !known && (since + 1..=self.others_version(todo)).contains(&todo.versions().of(field))
    }

    /// Whether no other batch has changed `todo` since `base`.
    pub(super) fn is_current(&self, todo: &Todo, base: Option<i64>) -> bool {
        base.is_none_or(|since| (self.others_version(todo)..=todo.version()).contains(&since))
    }

    /// Whether earlier changes of the batch, whose answer was lost when they were first sent, show
    /// that the device knows everything that changed after `since`.
    pub(super) fn is_on_top(&self, todo: &Todo, since: i64) -> bool {
        self.earlier.is_some_and(|earlier| !earlier.in_place.is_empty())
            && !Field::ALL.into_iter().any(|field| self.is_contested(todo, since, field))
    }

    /// Whether a later change of the batch replaces the value that this change names for `field`,
    /// and that later value is already in place. Then the batch repeats one that was applied, and
    /// this change was applied before the later one replaced it.
    pub(super) fn is_superseded(&self, todo: &Todo, field: Field) -> bool {
        // A creation replaces nothing.
        let replaces =
            |change: &&Change| change.id == todo.id() && !matches!(change.action, Action::Create(_));
        let of_todo = self.later.iter().filter(replaces);
        of_todo.map(|change| DesiredFields::of_action(&change.action)).any(|desired| {
            let deleted_since = desired.deleted == Some(true) && todo.deleted();
            deleted_since || desired.names(field) && !desired.differs(todo, field)
        })
    }
}

/// The facts about a todo that a batch records, so that a later change of the same todo counts as
/// made on top of the earlier ones: a device is never in conflict with itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierChanges {
    /// The last version that another batch made; 0 if this batch created the todo.
    version: i64,
    /// The stamp of that version.
    updated_at: Option<Stamp>,
    /// The version that the creating change named, regardless of its meaning.
    creation_base: Option<i64>,
    /// The fields whose current value an earlier change named: the device knows this value,
    /// whatever its base.
    in_place: Vec<Field>,
}

impl EarlierChanges {
    /// Records `current`, the todo before the batch's first change of it.
    #[must_use]
    pub fn before(change: &Change, current: Option<&Todo>) -> Self {
        Self {
            version: current.map_or(0, Todo::version),
            updated_at: current.map(Todo::updated_at),
            creation_base: if current.is_none() { change.named_base() } else { None },
            in_place: Vec::new(),
        }
    }

    /// Records the values that `change` shows the device to know: each value that the change names
    /// and that is in place in `todo`, the todo after the change. `altered` is whether the change
    /// altered the todo.
    pub fn add(&mut self, change: &Change, todo: &Todo, altered: bool) {
        let desired = DesiredFields::of_action(&change.action);
        let shown = |field| desired.names(field) && !desired.differs(todo, field);
        // A change with a base that no todo has may be a creation whose answer was lost. The fields
        // that it left out then have the values that a creation sets.
        let impossible = |version: &i64| !(1..=todo.version()).contains(version);
        let no_base = change.base == Base::Unknown || change.named_base().is_some_and(|v| impossible(&v));
        let created = !altered && desired.title.is_some() && no_base;
        let initial = |field| match field {
            field if desired.names(field) => false,
            Field::Title => false,
            Field::Description => todo.description().is_none(),
            Field::Completed => !todo.completed(),
            Field::Deleted => !todo.deleted(),
        };
        self.in_place.extend(Field::ALL.into_iter().filter(|f| shown(*f) || created && initial(*f)));
        if !altered {
            self.creation_base = self.creation_base.or(change.named_base().filter(impossible));
        }
    }
}
