//! The sealed decision about a batch: what is to be written, answered and told.

use std::collections::HashMap;

use super::resolve::{Ground, Own, Resolution, resolve};
use super::{Batch, Field, Strategy, Todo, TodoNumber};
use crate::error::StoreError;
use crate::event::{EventKind, TodoEvent};
use crate::ids::TodoId;
use crate::sync::Position;
use crate::time::Stamp;

/// Who a conflict left standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resolved {
    /// The server's todo stays; the client takes it.
    Server,
}

/// A change that was not applied because somebody else changed the todo meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The server's todo.
    pub current: Todo,
    /// The version the client named, where it named one.
    pub base: Option<i64>,
    /// The fields in conflict: those the change names with other values than the server's; under
    /// [`Strategy::Merge`] those of them that changed on both sides.
    pub fields: Vec<Field>,
    /// What decided.
    pub strategy: Strategy,
    /// Who it left standing; `None` where the client has to decide.
    pub resolved: Option<Resolved>,
}

/// Why a change can't be applied, whatever the versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The user has as many live todos as allowed.
    Quota {
        /// How many those are.
        limit: u32,
    },
    /// It would create a todo without a title.
    TitleRequired,
    /// [`Strategy::LastWriteWins`] needs the client's `updated_at`.
    UpdatedAtRequired,
}

/// What became of one change; each has exactly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is written.
    Applied {
        /// The todo after it.
        todo: Todo,
        /// What happened to it.
        event: EventKind,
        /// Whether the client, knowing its own change, knows the whole todo: it needs no copy.
        known: bool,
    },
    /// Its effect was in place already.
    Unchanged {
        /// The todo; `None` where a deletion named one the server does not have.
        todo: Option<Todo>,
        /// As in [`Outcome::Applied`].
        known: bool,
    },
    /// It was refused in favour of what the server has.
    Conflict(Conflict),
    /// There is no such todo, or only its tombstone.
    NotFound,
    /// A creation under an id that holds other content.
    IdInUse,
    /// It can't be applied.
    Rejected(Rejection),
}

/// What a batch came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// An outcome for each change, in the batch's order. Where the batch was all-or-nothing and one outcome is neither
    /// `Applied` nor `Unchanged`, nothing is written and the applied ones count for nothing.
    Decided(Vec<Outcome>),
    /// The batch's cursor can't be continued; nothing is written.
    StaleCursor,
}

/// Everything of one user that a store loads, under that user's lock, for a batch to be decided.
#[derive(Clone, Debug)]
pub struct UserState {
    position: Position,
    live: u32,
    todos: HashMap<TodoId, Todo>,
    numbers: Vec<TodoNumber>,
}

impl UserState {
    /// `todos` are those the batch names, as far as they exist; `numbers` are fresh, at least as many as
    /// [`Batch::possible_creations`]; `live` counts all the user's todos that are no tombstones.
    #[must_use]
    pub fn new(
        position: Position,
        live: u32,
        todos: impl IntoIterator<Item = Todo>,
        mut numbers: Vec<TodoNumber>,
    ) -> Self {
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        Self { position, live, todos: todos.into_iter().map(|todo| (todo.id(), todo)).collect(), numbers }
    }

    /// The user's last stamp.
    #[must_use]
    pub const fn clock(&self) -> Stamp {
        self.position.clock
    }

    /// How many live todos the user has.
    #[must_use]
    pub const fn live(&self) -> u32 {
        self.live
    }
}

/// The decision about one batch. Only [`Plan::decide`] makes one, and a store writes exactly what it says.
#[derive(Debug)]
pub struct Plan {
    decision: Decision,
    written: Vec<Written>,
    events: Vec<TodoEvent>,
}

/// A todo to store, as the whole batch leaves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The todo.
    pub todo: Todo,
    /// Whether the state held none under this id: insert it, else replace the one that is there.
    pub is_new: bool,
}

impl Plan {
    /// Decides `batch` against `state` at `now`, and leaves in `state` what will hold once the plan is written: where a
    /// store commits several batches together, the next one is decided against that.
    ///
    /// [`StoreError::Corrupt`] where `state` offers fewer numbers than todos are created; `state` must not be used again then.
    pub fn decide(state: &mut UserState, batch: &Batch, now: Stamp) -> Result<Self, StoreError> {
        if !batch.cursor.as_ref().is_none_or(|cursor| cursor.continues(&state.position)) {
            return Ok(Self { decision: Decision::StaleCursor, written: Vec::new(), events: Vec::new() });
        }
        let mut draft =
            Draft { state, clock: None, live: 0, touched: HashMap::new(), order: Vec::new(), events: vec![] };
        draft.live = draft.state.live;
        let mut outcomes = Vec::with_capacity(batch.changes.len());
        for change in &batch.changes {
            let before = draft.touched.get(&change.id);
            let current = before.map(|(todo, _)| todo).or_else(|| draft.state.todos.get(&change.id));
            let last = draft.clock.unwrap_or(draft.state.position.clock);
            let stamp = now.max(last.next());
            let ground = Ground {
                strategy: batch.strategy,
                stamp,
                now,
                own: before.map(|(_, own)| own),
                cursor: batch.cursor.as_ref(),
                quota_left: draft.live < batch.quota,
                quota: batch.quota,
            };
            let numbers = &mut draft.state.numbers;
            let fresh = || numbers.pop();
            let resolution = resolve(current, change, &ground, fresh).ok_or_else(|| {
                StoreError::corrupt("todos", "number", "the store offered too few fresh numbers")
            })?;
            outcomes.push(match resolution {
                Resolution::Settled(outcome) => outcome,
                Resolution::Write { todo, event, known } => {
                    let was_live = current.is_some_and(|todo| !todo.deleted());
                    let own = Own::found(change, current);
                    draft.write(own, was_live, &todo, event);
                    draft.clock = Some(stamp);
                    Outcome::Applied { todo, event, known }
                }
            });
        }
        let spoilt = batch.all_or_nothing
            && outcomes
                .iter()
                .any(|outcome| !matches!(outcome, Outcome::Applied { .. } | Outcome::Unchanged { .. }));
        let (written, events) = if spoilt { (Vec::new(), Vec::new()) } else { draft.settle() };
        Ok(Self { decision: Decision::Decided(outcomes), written, events })
    }

    /// The todos to store, each once, in the order in which the batch first wrote them.
    #[must_use]
    pub fn written(&self) -> &[Written] {
        &self.written
    }

    /// What to answer and what to publish.
    #[must_use]
    pub fn into_parts(self) -> (Decision, Vec<TodoEvent>) {
        (self.decision, self.events)
    }
}

/// A batch half decided: nothing of it is in the state yet.
struct Draft<'a> {
    state: &'a mut UserState,
    clock: Option<Stamp>,
    live: u32,
    touched: HashMap<TodoId, (Todo, Own)>,
    order: Vec<TodoId>,
    events: Vec<TodoEvent>,
}

impl Draft<'_> {
    fn write(&mut self, own: Own, was_live: bool, todo: &Todo, event: EventKind) {
        match (was_live, !todo.deleted()) {
            (false, true) => self.live += 1,
            (true, false) => self.live = self.live.saturating_sub(1),
            (true, true) | (false, false) => {}
        }
        let order = &mut self.order;
        let (latest, _) = self.touched.entry(todo.id()).or_insert_with(|| {
            order.push(todo.id());
            (todo.clone(), own)
        });
        *latest = todo.clone();
        self.events.push(TodoEvent { kind: event, todo: todo.clone() });
    }

    fn settle(mut self) -> (Vec<Written>, Vec<TodoEvent>) {
        let mut written = Vec::with_capacity(self.order.len());
        for id in self.order {
            if let Some((todo, _)) = self.touched.remove(&id) {
                let is_new = self.state.todos.insert(id, todo.clone()).is_none();
                written.push(Written { todo, is_new });
            }
        }
        self.state.live = self.live;
        self.state.position.clock = self.clock.unwrap_or(self.state.position.clock);
        (written, self.events)
    }
}
