//! The checks on the record of a simulation, by rules stated independently of the domain's code:
//! every version of every todo is there, and no change replaced a value that it did not know unless
//! the strategy permits it.

use std::collections::{BTreeMap, BTreeSet};
use std::slice;
use std::sync::Arc;

use domain::todo::{Action, Base, Batch, Change, Commit, Description, Edit, Field, Outcome, Strategy, Todo};
use domain::{Stamp, TodoId};

use super::recording_store::Record;
use super::wire::{Fields, Row};

/// Every version of every todo, and every accepted change.
#[derive(Debug, Default)]
pub struct History {
    /// The versions of each todo, the first at index 0.
    pub versions: BTreeMap<TodoId, Vec<Arc<Todo>>>,
    /// The todo after each accepted change, in the order of commits.
    pub accepted: Vec<Arc<Todo>>,
}

impl History {
    /// Builds the history from `records`, and checks each change.
    #[must_use]
    pub fn of(records: &[Record]) -> Self {
        let mut history = Self::default();
        for record in records {
            if let Commit::Done(outcomes) = &record.commit {
                assert_eq!(outcomes.len(), record.batch.changes.len(), "one outcome for each change");
                let found: BTreeMap<_, _> =
                    record.batch.ids().into_iter().map(|id| (id, history.last(id).cloned())).collect();
                let mut shown = BTreeMap::<_, BTreeSet<_>>::new();
                for (index, (change, outcome)) in record.batch.changes.iter().zip(outcomes).enumerate() {
                    let shown = shown.entry(change.id).or_default();
                    let later = &record.batch.changes[index + 1..];
                    let attempt =
                        Attempt { record, change, later, found: found[&change.id].as_deref(), shown };
                    history.add(&attempt, outcome);
                    shown.extend(shown_to_know(change, outcome));
                }
            }
        }
        history
    }

    /// The current state of the todo.
    #[must_use]
    pub fn last(&self, id: TodoId) -> Option<&Arc<Todo>> {
        self.versions.get(&id).and_then(|versions| versions.last())
    }

    fn add(&mut self, attempt: &Attempt<'_>, outcome: &Outcome) {
        let change = attempt.change;
        let before = self.last(change.id).map(Arc::as_ref);
        let wanted = wanted(&change.action, before);
        match outcome {
            Outcome::Applied { todo, .. } => {
                let in_force = attempt.in_force(&wanted, before, todo);
                self.add_version(attempt, &in_force, todo);
            }
            Outcome::Unchanged { todo, .. } => {
                assert_eq!(todo.as_deref(), before, "an unchanged todo equals the stored one");
                if let Some(todo) = todo {
                    attempt.assert_in_place(&wanted, todo);
                }
            }
            Outcome::Conflict(conflict) => {
                assert!(!holds(&conflict.current, &wanted), "the values conflict");
                if let Some(part) = &conflict.applied {
                    assert_eq!(conflict.strategy, Strategy::Merge, "other strategies decide whole changes");
                    self.add_version(attempt, &only(&wanted, &part.fields), &conflict.current);
                } else {
                    assert_eq!(Some(&*conflict.current), before, "a conflict shows the stored todo");
                }
            }
            Outcome::NotFound | Outcome::TextGone | Outcome::IdInUse(_) | Outcome::Rejected(_) => {}
        }
    }

    /// Adds `todo` as a version. `wanted` is the part of the change that was applied.
    fn add_version(&mut self, attempt: &Attempt<'_>, wanted: &Fields, todo: &Arc<Todo>) {
        let before = self.last(todo.id()).map(Arc::as_ref);
        let stamp = self.accepted.last().map(|todo| todo.updated_at());
        assert!(Some(todo.updated_at()) > stamp, "stamps rise: {todo:?}");
        assert!(todo.updated_at() >= attempt.record.now, "no stamp is earlier than its request: {todo:?}");
        let version = before.map_or(0, Todo::version) + 1;
        assert_eq!(todo.version(), version, "each version follows the one before");
        let replaced = replaced(before, wanted, todo);
        if let (Some(found), Some(before)) = (attempt.found, before) {
            assert!(
                !attempt.is_hidden_in_tombstone(found, wanted, todo),
                "{:?} is accepted, but hidden in a tombstone: {todo:?}",
                attempt.change
            );
            for field in &replaced {
                attempt.assert_may_replace([found, before], field, &replaced);
            }
        }
        self.accepted.push(Arc::clone(todo));
        self.versions.entry(todo.id()).or_default().push(Arc::clone(todo));
    }
}

/// One change of a batch, and its context in the batch.
struct Attempt<'a> {
    record: &'a Record,
    change: &'a Change,
    /// The changes that follow in the batch.
    later: &'a [Change],
    /// The todo before the batch.
    found: Option<&'a Todo>,
    /// The fields whose values the earlier changes of the batch named as they are.
    shown: &'a BTreeSet<Field>,
}

impl Attempt<'_> {
    /// The version that the change was made against; `None` if it asks for no check.
    fn base(&self) -> Option<i64> {
        match self.change.base {
            Base::Current => None,
            Base::Unknown => Some(0),
            Base::Version(base) => Some(base),
        }
    }

    /// Fails unless `todo` has each value that the change names and no later change of the batch
    /// replaces, or is a tombstone that the change would delete.
    fn assert_in_place(&self, wanted: &Fields, todo: &Todo) {
        let deletes = wanted.deleted == Some(true) && todo.deleted();
        let in_force = self.in_force(wanted, Some(todo), todo);
        assert!(deletes || holds(todo, &in_force), "{todo:?} holds {in_force:?}");
    }

    /// The part of `wanted` that `after` must hold. If the batch repeats one that was applied, a field
    /// may be replaced already: a later change of the batch names the value that `before` has, or a
    /// deletion that is in place.
    fn in_force(&self, wanted_now: &Fields, before: Option<&Todo>, after: &Todo) -> Fields {
        let Some(before) = before.filter(|_| self.base().is_some()) else { return wanted_now.clone() };
        let later = self.later.iter().filter(|change| change.id == before.id());
        let later: Vec<_> = later.map(|change| wanted(&change.action, None)).collect();
        let replaced = |field: &Field| {
            later.iter().any(|later| {
                let value = only(later, slice::from_ref(field));
                let names_it = value != Fields::default() && holds(before, &value);
                names_it || (later.deleted == Some(true) && before.deleted())
            })
        };
        let in_force =
            |field: &Field| holds(after, &only(wanted_now, slice::from_ref(field))) || !replaced(field);
        only(wanted_now, &Field::OWN.into_iter().filter(in_force).collect::<Vec<_>>())
    }

    /// Whether an edit was applied to a todo that was deleted after the edit's base, without
    /// restoring it.
    fn is_hidden_in_tombstone(&self, found: &Todo, wanted: &Fields, after: &Todo) -> bool {
        let Some(base) = self.base() else { return false };
        let known = self.shown.contains(&Field::Deleted);
        let their_tombstone = found.deleted() && !known && found.version_of(&Field::Deleted) > base;
        let still = after.version_of(&Field::Deleted) == found.version_of(&Field::Deleted);
        wanted.deleted.is_none() && their_tombstone && still
    }

    /// Fails if the change replaced a value of `field` that it did not know, unless the strategy
    /// permits it. `found` is the todo before the batch, `before` the todo before the change, and
    /// `replaced` all fields that the change replaced.
    fn assert_may_replace(&self, [found, before]: [&Todo; 2], field: &Field, replaced: &[Field]) {
        let Batch { strategy, .. } = &self.record.batch;
        let Some(base) = self.base().filter(|base| *base < found.version()) else { return };
        let knew = |field: &Field| {
            let at = before.version_of(field);
            base >= at || at > found.version() || self.shown.contains(field)
        };
        // The earlier changes of the batch show that the device knew everything.
        let on_top = !self.shown.is_empty() && Field::OWN.iter().all(knew);
        let by_rule = on_top
            || match strategy {
                Strategy::Manual => false,
                Strategy::ClientWins => true,
                Strategy::LastWriteWins => edited_at(self.change).min(self.record.now) > found.updated_at(),
                Strategy::Merge => match field {
                    // An edit restores a todo that it did not know to be deleted. A deletion has to
                    // know every edit.
                    Field::Deleted if before.deleted() => knew(field) || replaced.len() > 1,
                    Field::Deleted => Field::OWN.iter().all(knew),
                    _ => knew(field),
                },
            };
        assert!(by_rule, "{:?} of {found:?} overwrote {field:?} under {strategy:?}", self.change);
    }
}

/// The fields whose current values the change names, which shows that its device knows them. A
/// change without a possible base that altered nothing may be a creation whose answer was lost:
/// then the fields that it left out, and that a creation leaves as they are, are included. A merge
/// knows this from a refused change too.
fn shown_to_know(change: &Change, outcome: &Outcome) -> Vec<Field> {
    let wanted = wanted(&change.action, None);
    let (todo, repeats) = match (outcome, outcome.written()) {
        (_, Some((todo, _))) => (todo, false),
        (Outcome::Unchanged { todo: Some(todo), .. }, None) => (todo, true),
        (Outcome::Conflict(refused), None) if refused.strategy == Strategy::Merge => {
            (&refused.current, wanted.text.as_deref() == Some(refused.current.title().as_str()))
        }
        _ => return Vec::new(),
    };
    let row = Row::from(&**todo);
    let no_base = !matches!(change.base, Base::Version(base) if (1..=todo.version()).contains(&base));
    let may_create = repeats && wanted.text.is_some() && no_base;
    let initial = Row { text: row.text.clone(), ..Row::unknown(row.id) };
    let knows = |field: &Field| {
        let named = only(&wanted, slice::from_ref(field));
        let left_out = may_create && holds(todo, &only(&initial.fields(), slice::from_ref(field)));
        if named == Fields::default() { left_out } else { holds(todo, &named) }
    };
    Field::OWN.into_iter().filter(knows).collect()
}

/// The part of `fields` that concerns `kept`.
fn only(fields: &Fields, kept: &[Field]) -> Fields {
    let keeps = |field| kept.contains(&field);
    Fields {
        text: fields.text.clone().filter(|_| keeps(Field::Title)),
        description: fields.description.clone().filter(|_| keeps(Field::Description)),
        completed: fields.completed.filter(|_| keeps(Field::Completed)),
        deleted: fields.deleted.filter(|_| keeps(Field::Deleted)),
    }
}

/// Whether the todo has each value in `fields`.
#[must_use]
pub fn holds(todo: &Todo, fields: &Fields) -> bool {
    let values = Row::from(todo).values();
    fields
        .values()
        .iter()
        .zip(values)
        .all(|(wanted, value)| wanted.as_ref().is_none_or(|wanted| *wanted == value))
}

/// The fields whose value the change replaced. Fails unless the change named each of them, or an
/// edit restored the todo.
fn replaced(before: Option<&Todo>, wanted: &Fields, after: &Todo) -> Vec<Field> {
    assert!(
        holds(after, &Fields { deleted: wanted.deleted.or(Some(after.deleted())), ..wanted.clone() }),
        "an accepted change is in place: {wanted:?} in {after:?}"
    );
    let Some(before) = before else { return Vec::new() };
    let (old, new, named) = (Row::from(before).values(), Row::from(after).values(), wanted.values());
    let changed: Vec<_> = (0..Field::OWN.len()).filter(|field| old[*field] != new[*field]).collect();
    assert!(!changed.is_empty(), "an accepted change alters something: {after:?}");
    for field in &changed {
        let restored = Field::OWN[*field] == Field::Deleted && before.deleted();
        assert!(
            named[*field].is_some() || restored,
            "the change does not name {:?}: {after:?}",
            Field::OWN[*field]
        );
    }
    changed.into_iter().map(|field| Field::OWN[field].clone()).collect()
}

fn edited_at(change: &Change) -> Stamp {
    match &change.action {
        Action::Upsert(upsert) => upsert.updated_at.expect("devices send it"),
        _ => panic!("only an upsert can be stale: {change:?}"),
    }
}

/// The values that an action asks for.
fn wanted(action: &Action, before: Option<&Todo>) -> Fields {
    match action {
        Action::Create(new) => Fields {
            text: Some(new.title.as_str().to_owned()),
            description: Some(new.description.as_ref().map(|text| text.as_str().to_owned())),
            completed: Some(new.completed),
            deleted: None,
        },
        Action::Edit(edit) => of_edit(edit),
        Action::Toggle => Fields { completed: before.map(|before| !before.completed()), ..Fields::default() },
        Action::Delete => Fields { deleted: Some(true), ..Fields::default() },
        Action::Restore => Fields { deleted: Some(false), ..Fields::default() },
        Action::Upsert(upsert) => Fields { deleted: upsert.deleted, ..of_edit(&upsert.edit) },
    }
}

fn of_edit(edit: &Edit) -> Fields {
    let text = |description: &Description| description.as_str().to_owned();
    Fields {
        text: edit.title.as_ref().map(|title| title.as_str().to_owned()),
        description: edit.description.as_ref().map(|description| description.as_ref().map(text)),
        completed: edit.completed,
        deleted: None,
    }
}
