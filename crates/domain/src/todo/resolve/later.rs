//! What the later changes of a batch name.

use std::collections::HashMap;

use super::desired::{DesiredFields, Value};
use crate::todo::change::{Action, Change};
use crate::todo::entity::Todo;
use crate::todo::field::Field;

/// The values that the changes of one todo in a batch name, each with the position of the last
/// change that names it.
///
/// A device can send a thousand changes of one todo that name fifty keys each, so that looking
/// through all later changes for each field would take too long.
#[derive(Debug, Default)]
pub struct NamedValues<'a>(HashMap<Value<'a>, usize>);

impl<'a> NamedValues<'a> {
    /// Adds what `change` names, the one at `position` in the batch. A creation replaces nothing, so
    /// it counts for nothing.
    pub fn add(&mut self, position: usize, change: &'a Change) {
        if !matches!(change.action, Action::Create(_)) {
            let values = DesiredFields::of_action(&change.action).values();
            self.0.extend(values.map(|value| (value, position)));
        }
    }

    /// The values that the changes after `position` name.
    #[must_use]
    pub const fn after(&self, position: usize) -> LaterChanges<'_> {
        LaterChanges { named: self, position }
    }
}

/// The changes of one todo that follow in a batch.
#[derive(Clone, Copy, Debug)]
pub struct LaterChanges<'a> {
    named: &'a NamedValues<'a>,
    position: usize,
}

impl LaterChanges<'_> {
    /// Whether one of the changes replaces the value of `field`, and its own value is already in
    /// place in `todo`.
    pub(super) fn supersede(&self, todo: &Todo, field: &Field) -> bool {
        let name = |value: Value<'_>| self.named.0.get(&value).is_some_and(|last| *last > self.position);
        name(Value::of(todo, field)) || todo.deleted() && name(Value::Deleted(true))
    }
}
