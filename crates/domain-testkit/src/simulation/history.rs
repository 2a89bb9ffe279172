//! The checks on the record of a simulation, by rules stated independently of the domain's code:
//! every version of every todo is there, and no change replaced a value that it did not know unless
//! the strategy permits it.

use std::collections::BTreeMap;
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
                for (change, outcome) in record.batch.changes.iter().zip(outcomes) {
                    history.add(record, change, found[&change.id].as_deref(), outcome);
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

    /// `found` is the todo before the batch.
    fn add(&mut self, record: &Record, change: &Change, found: Option<&Todo>, outcome: &Outcome) {
        let before = self.last(change.id).map(Arc::as_ref);
        let wanted = wanted(&change.action, before);
        match outcome {
            Outcome::Applied { todo, .. } => {
                let stamp = self.accepted.last().map(|todo| todo.updated_at());
                assert!(Some(todo.updated_at()) > stamp, "stamps rise: {todo:?}");
                assert!(todo.updated_at() >= record.now, "no stamp is earlier than its request: {todo:?}");
                assert_eq!(
                    todo.version(),
                    before.map_or(0, Todo::version) + 1,
                    "each version follows the one before"
                );
                let replaced = replaced(before, &wanted, todo);
                if let (Some(found), Some(before)) = (found, before) {
                    assert!(
                        !is_hidden_in_tombstone(change, found, &wanted, todo),
                        "{change:?} is accepted, but hidden in a tombstone: {todo:?}"
                    );
                    for field in &replaced {
                        assert_may_replace(record, change, [found, before], *field, &replaced);
                    }
                }
                self.accepted.push(Arc::clone(todo));
                self.versions.entry(change.id).or_default().push(Arc::clone(todo));
            }
            Outcome::Unchanged { todo, .. } => {
                assert_eq!(todo.as_deref(), before, "an unchanged todo equals the stored one");
                if let Some(todo) = todo {
                    assert!(holds(todo, &wanted), "{todo:?} holds {wanted:?}");
                }
            }
            Outcome::Conflict(conflict) => {
                assert_eq!(Some(&*conflict.current), before, "a conflict shows the stored todo");
                assert!(!holds(&conflict.current, &wanted), "the values conflict");
            }
            Outcome::NotFound | Outcome::IdInUse | Outcome::Rejected(_) => {}
        }
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
    let changed: Vec<_> = (0..Field::ALL.len()).filter(|field| old[*field] != new[*field]).collect();
    assert!(!changed.is_empty(), "an accepted change alters something: {after:?}");
    for field in &changed {
        let restored = Field::ALL[*field] == Field::Deleted && before.deleted();
        assert!(
            named[*field].is_some() || restored,
            "the change does not name {:?}: {after:?}",
            Field::ALL[*field]
        );
    }
    changed.into_iter().map(|field| Field::ALL[field]).collect()
}

/// Whether an edit was applied to a todo that was deleted after the edit's base, without restoring
/// it.
fn is_hidden_in_tombstone(change: &Change, found: &Todo, wanted: &Fields, after: &Todo) -> bool {
    let base = match change.base {
        Base::Current => return false,
        Base::Unknown => 0,
        Base::Version(base) => base,
    };
    let their_tombstone = found.deleted() && found.versions().of(Field::Deleted) > base;
    let still = after.versions().of(Field::Deleted) == found.versions().of(Field::Deleted);
    wanted.deleted.is_none() && their_tombstone && still
}

/// Fails if `change` replaced a value of `field` that it did not know, unless the strategy permits
/// it. `found` is the todo before the batch, `before` the todo before the change, and `replaced`
/// all fields that the change replaced.
fn assert_may_replace(
    record: &Record,
    change: &Change,
    [found, before]: [&Todo; 2],
    field: Field,
    replaced: &[Field],
) {
    let Batch { strategy, .. } = &record.batch;
    let base = match change.base {
        Base::Current => return,
        Base::Unknown => 0,
        Base::Version(base) => base,
    };
    if base >= found.version() {
        return;
    }
    let knew = |field: &Field| {
        let at = before.versions().of(*field);
        base >= at || at > found.version()
    };
    let edits = [Field::Title, Field::Description, Field::Completed];
    let by_rule = match strategy {
        Strategy::Manual => false,
        Strategy::ClientWins => true,
        Strategy::LastWriteWins => edited_at(change).min(record.now) > found.updated_at(),
        Strategy::Merge => match field {
            // An edit restores a todo that it did not know to be deleted. A deletion has to know
            // every edit.
            Field::Deleted if before.deleted() => knew(&field) || replaced.len() > 1,
            Field::Deleted => knew(&field) && edits.iter().all(knew),
            _ => knew(&field),
        },
    };
    assert!(by_rule, "{change:?} of {found:?} overwrote {field:?} under {strategy:?}");
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
