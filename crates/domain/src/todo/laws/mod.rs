//! The laws of the conflict rule, checked on [`Plan::decide`], the entry point that stores use.
//!
//! - [`every_change`]: what holds for any change under any strategy
//! - [`strategies`], [`merge`]: what each strategy promises about stale changes
//! - [`batches`], [`same_todo`]: what holds for several changes decided together, and for several of
//!   the same todo
//! - [`repeats`]: what holds for a request sent again
//! - [`healing`], [`shrunk`]: what holds for todos that the server lost, and for tombstones whose
//!   texts it dropped
//! - [`storage`]: the limits of what a user may store
//! - [`examples`]: the same rules as tables to read

mod any;
mod batches;
mod every_change;
mod examples;
mod healing;
mod merge;
mod repeats;
mod same_todo;
mod shrunk;
mod storage;
mod strategies;
mod uploads;

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::plan::{Decision, Plan, UserState, Written};
use super::{
    Action, Base, Batch, Change, Edit, Field, MetadataKey, OldTombstone, Outcome, StorageLimits, Strategy,
    Title, Todo, TodoEvent, TodoNumber, Upsert, UserRow,
};
use crate::ids::TodoId;
use crate::sync::Epochs;
use crate::time::Stamp;

/// `micros` after an arbitrary beginning.
fn at(micros: i64) -> Stamp {
    Stamp::from_micros(1_700_000_000_000_000 + micros).expect("a stamp")
}

fn id(n: u128) -> TodoId {
    TodoId(Uuid::from_u128(n))
}

/// The keys of all metadata in the laws.
const KEYS: [&str; 2] = ["due", "list"];

fn key(text: &str) -> MetadataKey {
    MetadataKey::parse(text).expect("a key")
}

/// Every field that a todo in the laws can have.
fn fields() -> Vec<Field> {
    Field::OWN.into_iter().chain(KEYS.map(key).map(Field::Metadata)).collect()
}

fn title(text: &str) -> Title {
    Title::parse(text).expect("a title")
}

fn titled(text: &str) -> Edit {
    Edit { title: Some(title(text)), ..Edit::default() }
}

fn change(id: TodoId, base: Base, action: Action) -> Change {
    Change::new(id, base, action)
}

fn upsert(edit: Edit, deleted: Option<bool>) -> Upsert {
    Upsert { edit, deleted, ..Upsert::default() }
}

fn batch(strategy: Strategy, changes: Vec<Change>) -> Batch {
    Batch { changes, strategy, cursor: None, limits: StorageLimits::default() }
}

/// The result of a decided batch.
#[derive(Debug, PartialEq)]
struct Done {
    decision: Decision,
    events: Vec<TodoEvent>,
    written: Vec<Written>,
    swept: Vec<TodoId>,
}

impl Done {
    fn outcomes(&self) -> &[Outcome] {
        match &self.decision {
            Decision::Decided(decided) => &decided.outcomes,
            Decision::StaleCursor(_) => panic!("the cursor is stale"),
        }
    }

    fn applied(&self) -> Vec<&Todo> {
        self.outcomes().iter().filter_map(applied).collect()
    }
}

/// The todo after the change, if the change altered it, wholly or in part.
fn applied(outcome: &Outcome) -> Option<&Todo> {
    outcome.written().map(|(todo, _)| &**todo)
}

fn in_place(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unchanged { .. })
}

/// One user's list, which works as a store does: it loads the todos that a batch names and writes
/// those of the plan.
#[derive(Clone, Debug, PartialEq)]
struct List {
    row: UserRow,
    epochs: Arc<Epochs>,
    todos: BTreeMap<TodoId, Todo>,
    last_number: i64,
}

impl List {
    fn new(clock: Stamp, todos: impl IntoIterator<Item = Todo>) -> Self {
        let todos: BTreeMap<_, _> = todos.into_iter().map(|todo| (todo.id(), todo)).collect();
        let row = recount(&UserRow { horizon: at(0), ..UserRow::new(clock, 1) }, &todos);
        let epochs = Arc::new(Epochs::new([(1, "first".to_owned())]).expect("an epoch"));
        Self { row, epochs, todos, last_number: 100 }
    }

    fn live(&self) -> u32 {
        self.todos.values().map(|todo| u32::from(!todo.deleted())).sum()
    }

    /// Loads the state for `batch`.
    fn load(&mut self, batch: &Batch) -> UserState {
        self.load_for(batch, std::slice::from_ref(batch))
    }

    /// Loads the todos that `batch` names, to decide `batches`.
    fn load_for(&mut self, batch: &Batch, batches: &[Batch]) -> UserState {
        let numbers: Vec<_> =
            (self.last_number + 1..).take(batch.possible_creations()).map(TodoNumber).collect();
        self.last_number += i64::try_from(numbers.len()).expect("few numbers");
        let named = batch.ids().into_iter().filter_map(|id| self.todos.get(&id).cloned());
        let candidates = usize::try_from(self.row.sweep_candidates(batches)).expect("few");
        let mut tombstones: Vec<_> = self.todos.values().filter(|todo| todo.deleted()).collect();
        tombstones.sort_unstable_by_key(|todo| todo.updated_at());
        let oldest = tombstones.into_iter().take(candidates).map(|todo| OldTombstone {
            id: todo.id(),
            stamp: todo.updated_at(),
            bytes: todo.stored_bytes(),
        });
        UserState::new(self.row.clone(), self.epochs.clone(), named, numbers, oldest.collect())
    }

    fn decide(&mut self, batch: &Batch, now: Stamp) -> Done {
        let mut state = self.load(batch);
        let before = self.row.clock;
        let plan = Plan::decide(&mut state, batch, now).expect("numbers enough");
        let written = plan.written().to_vec();
        for id in plan.swept() {
            assert!(self.todos.remove(id).is_some_and(|todo| todo.deleted()), "only tombstones are removed");
        }
        for Written { todo, is_new } in &written {
            assert_eq!(self.todos.insert(todo.id(), Todo::clone(todo)).is_none(), *is_new);
        }
        if let Some(row) = plan.user_row() {
            self.row = row.clone();
        }
        assert_eq!(state.row(), self.row, "the plan writes every change of the state");
        assert_eq!(self.row, recount(&self.row, &self.todos), "the sums equal those over all todos");
        let (swept, (decision, published)) = (plan.swept().to_vec(), plan.into_parts());
        assert!(published.as_ref().is_none_or(|batch| batch.previous == before), "events follow on");
        let events = published.map(|batch| batch.events).unwrap_or_default();
        Done { decision, events, written, swept }
    }

    fn one(&mut self, strategy: Strategy, change: Change, now: Stamp) -> Outcome {
        self.decide(&batch(strategy, vec![change]), now).outcomes()[0].clone()
    }
}

/// `row` with the sums over `todos`.
fn recount(row: &UserRow, todos: &BTreeMap<TodoId, Todo>) -> UserRow {
    let count = |deleted| todos.values().map(|todo| u32::from(todo.deleted() == deleted)).sum();
    UserRow {
        live: count(false),
        tombstones: count(true),
        stored_bytes: todos.values().map(Todo::stored_bytes).sum(),
        digest: todos.values().map(Todo::digest).sum(),
        ..row.clone()
    }
}

/// One change, the todo that it found, and its outcome.
struct Step<'a> {
    change: &'a Change,
    before: Option<Todo>,
    outcome: &'a Outcome,
}

impl Step<'_> {
    /// The todo before and after, if the change was applied to a todo that existed.
    fn altered(&self) -> Option<(&Todo, &Todo)> {
        Some((self.before.as_ref()?, applied(self.outcome)?))
    }
}

/// The steps of `batch`, which was decided on `list`, the list before the batch.
fn replay<'a>(list: &List, batch: &'a Batch, done: &'a Done) -> Vec<Step<'a>> {
    let mut todos = list.todos.clone();
    let step = |(change, outcome): (&'a Change, &'a Outcome)| {
        let before = todos.get(&change.id).cloned();
        if let Some(after) = applied(outcome) {
            todos.insert(after.id(), after.clone());
        }
        Step { change, before, outcome }
    };
    assert_eq!(batch.changes.len(), done.outcomes().len(), "each change has exactly one outcome");
    batch.changes.iter().zip(done.outcomes()).map(step).collect()
}

fn value(todo: &Todo, field: &Field) -> String {
    match field {
        Field::Title => todo.title().as_str().to_owned(),
        Field::Description => format!("{:?}", todo.description()),
        Field::Completed => todo.completed().to_string(),
        Field::Deleted => todo.deleted().to_string(),
        Field::Metadata(key) => format!("{:?}", todo.metadata().get(key.as_str())),
    }
}

/// The fields in which two todos differ.
fn differing(a: &Todo, b: &Todo) -> Vec<Field> {
    fields().into_iter().filter(|field| value(a, field) != value(b, field)).collect()
}

fn named_by_edit(edit: &Edit) -> Vec<Field> {
    let named = [
        (Field::Title, edit.title.is_some()),
        (Field::Description, edit.description.is_some()),
        (Field::Completed, edit.completed.is_some()),
    ];
    let own = named.into_iter().filter_map(|(field, is_named)| is_named.then_some(field));
    own.chain(edit.metadata.keys().cloned().map(Field::Metadata)).collect()
}

/// The fields that an action names.
fn named(action: &Action) -> Vec<Field> {
    match action {
        Action::Create(_) => fields(),
        Action::Edit(edit) => named_by_edit(edit),
        Action::Toggle => vec![Field::Completed],
        Action::Delete | Action::Restore => vec![Field::Deleted],
        Action::Upsert(upsert) => {
            let mut fields = named_by_edit(&upsert.edit);
            fields.extend(upsert.deleted.map(|_| Field::Deleted));
            fields.sort_unstable();
            fields
        }
    }
}

/// The fields that `upsert` would alter in `todo`. A deletion of a tombstone asks for nothing else.
fn would_alter(upsert: &Upsert, todo: &Todo) -> Vec<Field> {
    if todo.deleted() && upsert.deleted == Some(true) { Vec::new() } else { named_otherwise(upsert, todo) }
}

/// The fields that `upsert` names with a value other than the one that `todo` has.
fn named_otherwise(upsert: &Upsert, todo: &Todo) -> Vec<Field> {
    let differs = |field: &Field| match field {
        Field::Title => upsert.edit.title.as_ref() != Some(todo.title()),
        Field::Description => {
            upsert.edit.description.as_ref().map(Option::as_ref) != Some(todo.description())
        }
        Field::Completed => upsert.edit.completed != Some(todo.completed()),
        Field::Deleted => upsert.deleted != Some(todo.deleted()),
        Field::Metadata(key) => {
            upsert.edit.metadata.get(key).map(Option::as_ref) != Some(todo.metadata().get(key.as_str()))
        }
    };
    named(&Action::Upsert(upsert.clone())).into_iter().filter(differs).collect()
}
