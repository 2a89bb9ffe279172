//! The decision about a batch: what to write, what to answer, what to publish.
//!
//! A [`Plan`] is sealed: only [`Plan::decide`] makes one, so a store can't write what the rule did
//! not decide.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::batch::Batch;
use super::change::Change;
use super::entity::Todo;
use super::event::{EventKind, TodoEvent};
use super::outcome::{Outcome, Rejection};
use super::resolve::{EarlierChanges, ResolveContext, resolve};
use super::values::TodoNumber;
use crate::error::StoreError;
use crate::ids::TodoId;
use crate::sync::cursor::Position;
use crate::time::Stamp;

/// The result of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// An outcome for each change, in the batch's order. If the batch is all-or-nothing and one
    /// change does not succeed, nothing is written, and the `Applied` outcomes are void.
    Decided(Vec<Outcome>),
    /// The batch's cursor can't be continued. Nothing is written.
    StaleCursor,
}

/// The data of one user that a store loads under that user's lock to decide a batch.
#[derive(Clone, Debug)]
pub struct UserState {
    position: Position,
    live: u32,
    todos: HashMap<TodoId, Arc<Todo>>,
    numbers: Vec<TodoNumber>,
}

impl UserState {
    /// `live` counts all live todos of the user. `todos` are the existing todos among those that
    /// the batch names. `numbers` are fresh, at least as many as [`Batch::possible_creations`].
    #[must_use]
    pub fn new(
        position: Position,
        live: u32,
        todos: impl IntoIterator<Item = Todo>,
        mut numbers: Vec<TodoNumber>,
    ) -> Self {
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        let todos = todos.into_iter().map(|todo| (todo.id(), Arc::new(todo))).collect();
        Self { position, live, todos, numbers }
    }

    /// The user's last stamp.
    #[must_use]
    pub const fn clock(&self) -> Stamp {
        self.position.clock
    }

    /// The number of live todos of the user.
    #[must_use]
    pub const fn live(&self) -> u32 {
        self.live
    }
}

/// The decision about one batch. A store writes exactly what the decision contains.
#[derive(Debug)]
pub struct Plan {
    decision: Decision,
    written: Vec<Written>,
    events: Vec<TodoEvent>,
}

/// A todo to store, in its state after the whole batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub todo: Arc<Todo>,
    /// Whether to insert the todo. Otherwise the row with its id is replaced.
    pub is_new: bool,
}

impl Plan {
    /// Decides `batch` against `state` at `now`, and updates `state` to what it is once the plan is
    /// written. A store that commits several batches together decides the next one against the
    /// updated state.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if `state` offers fewer numbers than the batch creates todos;
    /// `state` must then not be used again.
    pub fn decide(state: &mut UserState, batch: &Batch, now: Stamp) -> Result<Self, StoreError> {
        if batch.cursor.as_ref().is_some_and(|cursor| !cursor.continues(&state.position)) {
            return Ok(Self { decision: Decision::StaleCursor, written: Vec::new(), events: Vec::new() });
        }
        let mut draft = Draft::new(state, batch, now);
        let mut outcomes = Vec::with_capacity(batch.changes.len());
        let mut remaining = &*batch.changes;
        while let [change, later @ ..] = remaining {
            outcomes.push(draft.decide(change, later)?);
            remaining = later;
        }
        let refused = batch.all_or_nothing && !outcomes.iter().all(Outcome::succeeded);
        let (written, events) = if refused { (Vec::new(), Vec::new()) } else { draft.finish() };
        Ok(Self { decision: Decision::Decided(outcomes), written, events })
    }

    /// The todos to store, each once, in the order in which the batch first wrote them.
    #[must_use]
    pub fn written(&self) -> &[Written] {
        &self.written
    }

    /// Returns the answer, and the events to publish.
    #[must_use]
    pub fn into_parts(self) -> (Decision, Vec<TodoEvent>) {
        (self.decision, self.events)
    }
}

/// A batch that is being decided. Nothing of it is in the state yet, apart from the numbers that it
/// used.
struct Draft<'a> {
    state: &'a mut UserState,
    batch: &'a Batch,
    now: Stamp,
    clock: Stamp,
    live: u32,
    changed: HashMap<TodoId, Arc<Todo>>,
    /// The ids of `changed` in the order in which they were first changed.
    order: Vec<TodoId>,
    /// The ids that the batch names more than once.
    repeated: HashSet<TodoId>,
    /// What the batch shows its device to know about the todos that it names more than once.
    earlier: HashMap<TodoId, EarlierChanges>,
    events: Vec<TodoEvent>,
}

impl<'a> Draft<'a> {
    fn new(state: &'a mut UserState, batch: &'a Batch, now: Stamp) -> Self {
        let (clock, live) = (state.clock(), state.live);
        Self {
            state,
            batch,
            now,
            clock,
            live,
            changed: HashMap::new(),
            order: Vec::new(),
            repeated: repeated(&batch.changes),
            earlier: HashMap::new(),
            events: Vec::new(),
        }
    }

    /// Decides `change`, which the changes in `later` follow.
    fn decide(&mut self, change: &Change, later: &[Change]) -> Result<Outcome, StoreError> {
        let current = self.changed.get(&change.id).or_else(|| self.state.todos.get(&change.id));
        let is_repeated = self.repeated.contains(&change.id);
        let number = self.state.numbers.last().copied();
        let context = ResolveContext {
            strategy: self.batch.strategy,
            stamp: self.now.max(self.clock.next()),
            now: self.now,
            number: number.unwrap_or(TodoNumber(0)),
            cursor: self.batch.cursor.as_ref(),
            earlier: self.earlier.get(&change.id),
            later: if is_repeated { later } else { &[] },
        };
        let outcome = resolve(current, change, &context);
        let becomes_live = matches!(outcome.written(), Some((_, EventKind::Created | EventKind::Restored)));
        if becomes_live && self.live >= self.batch.quota {
            return Ok(Outcome::Rejected(Rejection::Quota { limit: self.batch.quota }));
        }
        if is_repeated {
            remember(&mut self.earlier, change, current.map(Arc::as_ref), &outcome);
        }
        let Some((todo, event)) = outcome.written() else { return Ok(outcome) };
        let was_live = current.is_some_and(|todo| !todo.deleted());
        if current.is_none() && self.state.numbers.pop().is_none() {
            return Err(StoreError::corrupt("todos", "number", "the store offered too few fresh numbers"));
        }
        self.record(Arc::clone(todo), event, was_live);
        Ok(outcome)
    }

    fn record(&mut self, todo: Arc<Todo>, kind: EventKind, was_live: bool) {
        match (was_live, !todo.deleted()) {
            (false, true) => self.live += 1,
            (true, false) => self.live = self.live.saturating_sub(1),
            (true, true) | (false, false) => {}
        }
        self.clock = todo.updated_at();
        if self.changed.insert(todo.id(), Arc::clone(&todo)).is_none() {
            self.order.push(todo.id());
        }
        self.events.push(TodoEvent { kind, todo });
    }

    /// Moves what was decided into the state.
    fn finish(mut self) -> (Vec<Written>, Vec<TodoEvent>) {
        let mut written = Vec::with_capacity(self.order.len());
        for id in self.order {
            if let Some(todo) = self.changed.remove(&id) {
                let is_new = self.state.todos.insert(id, Arc::clone(&todo)).is_none();
                written.push(Written { todo, is_new });
            }
        }
        self.state.live = self.live;
        self.state.position.clock = self.clock;
        (written, self.events)
    }
}

/// The ids that `changes` name more than once.
fn repeated(changes: &[Change]) -> HashSet<TodoId> {
    let mut seen = HashSet::with_capacity(changes.len());
    changes.iter().map(|change| change.id).filter(|id| !seen.insert(*id)).collect()
}

/// Records what `change` shows its device to know about `current`, the todo before the change.
fn remember(
    earlier: &mut HashMap<TodoId, EarlierChanges>,
    change: &Change,
    current: Option<&Todo>,
    outcome: &Outcome,
) {
    let (todo, altered) = match outcome {
        Outcome::Unchanged { todo: Some(todo), .. } => (todo, false),
        outcome => match outcome.written() {
            Some((todo, _)) => (todo, true),
            None => return,
        },
    };
    let entry = earlier.entry(change.id).or_insert_with(|| EarlierChanges::before(change, current));
    entry.add(change, todo, altered);
}
