//! The decision about a batch: what to write, what to answer, what to publish.
//!
//! A [`Plan`] is sealed: only [`Plan::decide`] makes one, so a store can't write what the rule did
//! not decide.

mod draft;
mod state;

use std::sync::Arc;

use self::draft::Draft;
pub use self::state::UserState;
use super::batch::Batch;
use super::entity::Todo;
use super::event::BatchEvents;
use super::outcome::{Decided, Outcome};
use super::user_row::UserRow;
use crate::error::StoreError;
use crate::ids::TodoId;
use crate::sync::cursor::{Cursor, StaleCursor};
use crate::time::Stamp;

/// The result of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Decided(Decided),
    /// The batch's cursor can't be continued. No todo is written.
    StaleCursor(StaleCursor),
}

/// The decision about one batch. A store writes exactly what the decision contains.
#[derive(Debug)]
pub struct Plan {
    decision: Decision,
    written: Vec<Written>,
    swept: Vec<TodoId>,
    user_row: Option<UserRow>,
    events: Option<BatchEvents>,
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
        if let Some(cursor) = &batch.cursor {
            let began = cursor.shows_unannounced_restore(&state.position);
            if began {
                state.begin_epoch();
            }
            if let Err(stale) = cursor.check(&state.position) {
                return Ok(Self {
                    decision: Decision::StaleCursor(stale),
                    user_row: began.then(|| state.row()),
                    ..Self::nothing()
                });
            }
        }
        let before = state.position.clock;
        let mut draft = Draft::new(state, batch, now);
        let mut outcomes = Vec::with_capacity(batch.changes.len());
        for (position, change) in batch.changes.iter().enumerate() {
            outcomes.push(draft.decide(position, change)?);
        }
        let plan = draft.finish();
        let up_to_date = plan.leaves_up_to_date(batch, before, &outcomes).then(|| state.position.clone());
        Ok(Self { decision: Decision::Decided(Decided { outcomes, up_to_date }), ..plan })
    }

    /// Whether a device whose batch this is has everything once the plan is written.
    fn leaves_up_to_date(&self, batch: &Batch, before: Stamp, outcomes: &[Outcome]) -> bool {
        if batch.cursor.as_ref().and_then(Cursor::stamp) != Some(before) {
            return false;
        }
        let held = Outcome::held_by_sending(outcomes);
        self.written.iter().all(|Written { todo, .. }| held.get(&todo.id()) == Some(&Some(todo.version())))
    }

    const fn nothing() -> Self {
        Self {
            decision: Decision::Decided(Decided { outcomes: Vec::new(), up_to_date: None }),
            written: Vec::new(),
            swept: Vec::new(),
            user_row: None,
            events: None,
        }
    }

    /// The todos to store, each once, in the order in which the batch first wrote them.
    #[must_use]
    pub fn written(&self) -> &[Written] {
        &self.written
    }

    /// The tombstones to remove, before [`Plan::written`] is stored: a later batch of the same
    /// transaction may create a todo under such an id anew. No event is published for them.
    #[must_use]
    pub fn swept(&self) -> &[TodoId] {
        &self.swept
    }

    /// The user's row to store. `None` if the row stays as it is; then there is no todo to write
    /// either. A plan may write the row alone.
    #[must_use]
    pub const fn user_row(&self) -> Option<&UserRow> {
        self.user_row.as_ref()
    }

    /// Returns the answer, and the events to publish if the batch changed a todo.
    #[must_use]
    pub fn into_parts(self) -> (Decision, Option<BatchEvents>) {
        (self.decision, self.events)
    }
}
