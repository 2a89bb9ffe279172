//! Changes of todos that exist.

use std::sync::Arc;

use super::context::ResolveContext;
use super::desired::DesiredFields;
use super::verdict::{Terms, Verdict, judge};
use crate::todo::change::{Action, Change};
use crate::todo::entity::Todo;
use crate::todo::event::EventKind;
use crate::todo::outcome::{AppliedPart, Conflict, Outcome, Rejection};

/// Decides a change of a todo that exists.
pub(super) fn alter(
    todo: &Arc<Todo>,
    desired: &DesiredFields<'_>,
    change: &Change,
    context: &ResolveContext<'_>,
) -> Outcome {
    let upsert = if let Action::Upsert(upsert) = &change.action { Some(upsert) } else { None };
    let terms = Terms {
        since: context.since(todo, change.base),
        edited_at: upsert.and_then(|upsert| upsert.updated_at),
        healing: upsert.is_some_and(|upsert| upsert.healing),
    };
    let client_holds_all =
        desired.names_all(todo) || (context.is_current(todo, terms.since) && context.device_has_seen(todo));
    let client_is_current = |after: &Todo| client_holds_all && change.is_verbatim(after);
    let conflict = |current, fields, applied, server_wins| {
        Outcome::Conflict(Conflict {
            current,
            base: change.named_base(),
            fields,
            applied,
            strategy: context.strategy,
            server_wins,
        })
    };
    let mut differing = desired.differing(todo);
    if terms.healing && desired.deleted == Some(false) && context.device_has_seen(todo) {
        // The device gives back the whole todo, in which these keys had been removed. Of a todo that
        // changed since, the device learns with the answer.
        differing.extend(desired.unnamed_keys(todo));
        differing.sort_unstable();
    }
    // The values that the deletion of a tombstone names besides do not count, and may differ.
    let names_others = todo.deleted() && !differing.is_empty();
    match judge(todo, desired, differing, terms, context) {
        Verdict::InPlace => {
            let client_is_current = !names_others && client_is_current(todo);
            Outcome::Unchanged { todo: Some(Arc::clone(todo)), client_is_current }
        }
        Verdict::Conflict { fields, server_wins } => conflict(Arc::clone(todo), fields, None, server_wins),
        Verdict::Apply { fields, contested, restoring } => {
            let after =
                desired.applied_to(todo, &fields, restoring, change.client_id.as_ref(), context.stamp);
            if !after.deleted() && after.is_shrunk() {
                return if contested.is_empty() {
                    Outcome::Rejected(Rejection::TitleRequired)
                } else {
                    let mut all = [fields, contested].concat();
                    all.sort_unstable();
                    conflict(Arc::clone(todo), all, None, false)
                };
            }
            if let Err(error) = after.metadata.check_growth(&todo.metadata) {
                return Outcome::Rejected(Rejection::Metadata(error));
            }
            let event = match (todo.deleted(), after.deleted()) {
                (true, false) => EventKind::Restored,
                (_, true) => EventKind::Deleted,
                (false, false) => EventKind::Updated,
            };
            let client_is_current = client_is_current(&after);
            let after = Arc::new(after);
            if contested.is_empty() {
                return Outcome::Applied { todo: after, event, client_is_current };
            }
            conflict(after, contested, Some(AppliedPart { fields, event }), false)
        }
    }
}
