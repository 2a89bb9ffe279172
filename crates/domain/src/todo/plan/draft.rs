//! A batch that is being decided.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::state::Totals;
use super::{Plan, UserState, Written};
use crate::error::StoreError;
use crate::ids::TodoId;
use crate::time::Stamp;
use crate::todo::batch::Batch;
use crate::todo::change::Change;
use crate::todo::entity::Todo;
use crate::todo::event::{BatchEvents, EventKind, TodoEvent};
use crate::todo::outcome::{Outcome, Rejection};
use crate::todo::resolve::{EarlierChanges, Effect, NamedValues, ResolveContext, resolve};
use crate::todo::values::TodoNumber;

/// A batch that is being decided. Nothing of it is in the state yet, apart from the numbers that it
/// used.
pub(super) struct Draft<'a> {
    state: &'a mut UserState,
    batch: &'a Batch,
    now: Stamp,
    /// The clock before the batch.
    previous: Stamp,
    clock: Stamp,
    totals: Totals,
    changed: HashMap<TodoId, Arc<Todo>>,
    /// The ids of `changed` in the order in which they were first changed.
    order: Vec<TodoId>,
    /// The values that the batch names for todos that it names more than once.
    repeated: HashMap<TodoId, NamedValues<'a>>,
    /// What the batch shows its device to know about the todos that it names more than once.
    earlier: HashMap<TodoId, EarlierChanges>,
    /// Why a change of such a todo was rejected.
    rejected: HashMap<TodoId, Rejection>,
    events: Vec<TodoEvent>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(state: &'a mut UserState, batch: &'a Batch, now: Stamp) -> Self {
        let (clock, totals) = (state.position.clock, state.totals);
        Self {
            state,
            batch,
            now,
            previous: clock,
            clock,
            totals,
            changed: HashMap::new(),
            order: Vec::new(),
            repeated: repeated(&batch.changes),
            earlier: HashMap::new(),
            rejected: HashMap::new(),
            events: Vec::new(),
        }
    }

    /// Decides `change`, the one at `position` in the batch.
    pub(super) fn decide(&mut self, position: usize, change: &Change) -> Result<Outcome, StoreError> {
        let current = self.changed.get(&change.id).or_else(|| self.state.todos.get(&change.id));
        let repeated = self.repeated.get(&change.id);
        if let Some(rejection) = self.rejected.get(&change.id).filter(|_| change.rests_on_earlier()) {
            return Ok(Outcome::Rejected(*rejection));
        }
        // A batch of which a change was rejected is not one that was applied before.
        let later = repeated.filter(|_| !self.rejected.contains_key(&change.id));
        let number = self.state.numbers.last().copied();
        let context = ResolveContext {
            strategy: self.batch.strategy,
            stamp: self.now.max(self.clock.next()),
            now: self.now,
            number: number.unwrap_or(TodoNumber(0)),
            cursor: self.batch.cursor.as_ref(),
            earlier: self.earlier.get(&change.id),
            later: later.map(|named| named.after(position)),
        };
        let mut outcome = resolve(current, change, &context);
        let mut totals = self.totals;
        if let Some((todo, _)) = outcome.written() {
            totals.replace(current.map(Arc::as_ref), todo);
            if let Some(rejection) = self.exceeded(totals) {
                outcome = Outcome::Rejected(rejection);
            }
        }
        if let Outcome::Rejected(rejection) = &outcome
            && repeated.is_some()
            && change.rests_on_earlier()
        {
            self.rejected.insert(change.id, *rejection);
        }
        if repeated.is_some() {
            remember(&mut self.earlier, change, current.map(Arc::as_ref), &outcome);
        }
        let Some((todo, event)) = outcome.written() else { return Ok(outcome) };
        if current.is_none() && self.state.numbers.pop().is_none() {
            return Err(StoreError::corrupt("todos", "number", "the store offered too few fresh numbers"));
        }
        self.totals = totals;
        self.record(Arc::clone(todo), event);
        Ok(outcome)
    }

    /// The limit that a change exceeds which leads to `totals`. A user beyond a limit, because it
    /// was lowered, may still do what adds nothing.
    fn exceeded(&self, totals: Totals) -> Option<Rejection> {
        let limits = self.batch.limits;
        if totals.live > self.totals.live.max(limits.live) {
            Some(Rejection::Quota { limit: limits.live })
        } else if totals.bytes > self.totals.bytes.max(limits.bytes) {
            Some(Rejection::ByteQuota { limit: limits.bytes })
        } else {
            None
        }
    }

    fn record(&mut self, todo: Arc<Todo>, kind: EventKind) {
        self.clock = todo.updated_at();
        if self.changed.insert(todo.id(), Arc::clone(&todo)).is_none() {
            self.order.push(todo.id());
        }
        self.events.push(TodoEvent { kind, todo });
    }

    /// Moves what was decided into the state. The plan's decision is left to the caller.
    pub(super) fn finish(mut self) -> Plan {
        if self.order.is_empty() {
            return Plan::nothing();
        }
        let mut written = Vec::with_capacity(self.order.len());
        for id in self.order {
            if let Some(todo) = self.changed.remove(&id) {
                let is_new = self.state.put(Arc::clone(&todo));
                written.push(Written { todo, is_new });
            }
        }
        self.state.totals = self.totals;
        self.state.advance(self.clock);
        let swept = self.state.sweep(self.batch.limits.tombstones, self.batch.limits.sweep);
        let events = BatchEvents { previous: self.previous, events: self.events };
        Plan { written, swept, user_row: Some(self.state.row()), events: Some(events), ..Plan::nothing() }
    }
}

impl Totals {
    /// Counts `after` in place of `before`.
    fn replace(&mut self, before: Option<&Todo>, after: &Todo) {
        if let Some(before) = before {
            *self.of(before) = self.of(before).saturating_sub(1);
            self.bytes = self.bytes.saturating_sub(before.stored_bytes());
        }
        *self.of(after) += 1;
        self.bytes += after.stored_bytes();
    }

    /// The count that includes `todo`.
    const fn of(&mut self, todo: &Todo) -> &mut u32 {
        if todo.deleted() { &mut self.tombstones } else { &mut self.live }
    }
}

/// The ids that `changes` name more than once, and the values that they name for each.
fn repeated(changes: &[Change]) -> HashMap<TodoId, NamedValues<'_>> {
    if changes.len() < 2 {
        return HashMap::new();
    }
    let mut seen = HashSet::with_capacity(changes.len());
    let again = changes.iter().filter(|change| !seen.insert(change.id));
    let mut repeated: HashMap<_, _> = again.map(|change| (change.id, NamedValues::default())).collect();
    if !repeated.is_empty() {
        for (position, change) in changes.iter().enumerate() {
            if let Some(named) = repeated.get_mut(&change.id) {
                named.add(position, change);
            }
        }
    }
    repeated
}

/// Records what `change` shows its device to know about `current`, the todo before the change.
fn remember(
    earlier: &mut HashMap<TodoId, EarlierChanges>,
    change: &Change,
    current: Option<&Todo>,
    outcome: &Outcome,
) {
    let Some((todo, effect)) = Effect::of(outcome) else { return };
    let entry = earlier.entry(change.id).or_insert_with(|| EarlierChanges::before(change, current));
    entry.add(change, todo, effect);
}
