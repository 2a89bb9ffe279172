//! The conflict rule.
//!
//! [`resolve`] decides one change of one todo. It is a pure function: the same todo, change and
//! context always give the same outcome, on the server, in a client or in a tool.
//!
//! # The rule
//!
//! A change names the version that it was made against, its [`Base`]. The first line that applies
//! decides:
//!
//! 1. The effect of the change is already in place: the outcome is [`Outcome::Unchanged`], whatever
//!    the base. This makes a retry harmless.
//! 2. The change was made against the current version: it is applied.
//! 3. The base can't be right, because it is below 1 or above the current version: the change is a
//!    conflict under every strategy.
//! 4. The change is *stale*, and the [`Strategy`] decides:
//!
//! | strategy | a stale change |
//! |---|---|
//! | [`Manual`](Strategy::Manual) | is a conflict |
//! | [`Merge`](Strategy::Merge) | is decided field by field: a field that the server has not changed since the base is applied. A field that has since changed to another value is contested: it is returned as a conflict, and the other fields are applied all the same. An edit beats a deletion: a stale edit restores a tombstone, and a stale deletion of an edited todo is a conflict that the server wins |
//! | [`LastWriteWins`](Strategy::LastWriteWins) | is applied if its `updated_at` is later than the todo's, else it is a conflict that the server wins |
//! | [`ClientWins`](Strategy::ClientWins) | is applied |
//!
//! A strategy that accepts an edit of a todo that was deleted since the edit's base also restores
//! the todo: an accepted edit is never hidden in a tombstone. An accepted change raises the todo's
//! version by one; each field that it alters takes the new version.
//!
//! A later change of the same todo in the same batch counts as made on top of the earlier one
//! ([`EarlierChanges`]), whether that one is applied now or was applied before and its answer was
//! lost. So a device that repeats what it sent, and adds to it, is never in conflict with itself.
//! A deletion of a tombstone is in place, whatever else it names.
//!
//! Deliberately absent: quotas and stamps. They concern all of a user's todos, and
//! [`Plan::decide`](super::plan::Plan::decide) handles them.
//!
//! # One example per strategy
//!
//! In each example the todo "milk" was created as version 1. Then another device changed its title
//! to "oat milk", which is version 2, with the stamp 10:00. This device has not seen that, and its
//! changes name the base 1.
//!
//! **Manual** refuses the change and shows the server's todo.
//! ```
#![doc = include_str!("situation.md")]
//! let outcome = resolve(Some(&todo), &complete, &ResolveContext::new(Strategy::Manual, stamp));
//! let Outcome::Conflict(conflict) = outcome else { panic!("{outcome:?}") };
//! assert_eq!(conflict.fields, [Field::Completed]);
//! assert_eq!(conflict.current.title().as_str(), "oat milk");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//! **Merge** applies a change of another field, and refuses a change of the same field.
//! ```
#![doc = include_str!("situation.md")]
//! let outcome = resolve(Some(&todo), &complete, &ResolveContext::new(Strategy::Merge, stamp));
//! let Outcome::Applied { todo: merged, .. } = outcome else { panic!("{outcome:?}") };
//! assert_eq!((merged.title().as_str(), merged.completed(), merged.version()), ("oat milk", true, 3));
//!
//! let outcome = resolve(Some(&todo), &rename, &ResolveContext::new(Strategy::Merge, stamp));
//! let Outcome::Conflict(conflict) = outcome else { panic!("{outcome:?}") };
//! assert_eq!(conflict.fields, [Field::Title]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//! **Last write wins** compares the clocks: 09:59 loses to 10:00, and 10:01 wins.
//! ```
#![doc = include_str!("situation.md")]
//! let context = ResolveContext::new(Strategy::LastWriteWins, stamp);
//! let outcome = resolve(Some(&todo), &made_at(rename.clone(), "2026-01-09T09:59:00Z")?, &context);
//! assert!(matches!(outcome, Outcome::Conflict(conflict) if conflict.server_wins));
//!
//! let outcome = resolve(Some(&todo), &made_at(rename, "2026-01-09T10:01:00Z")?, &context);
//! assert!(matches!(outcome, Outcome::Applied { todo, .. } if todo.title().as_str() == "soy milk"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//! **Client wins** always applies the change.
//! ```
#![doc = include_str!("situation.md")]
//! let outcome = resolve(Some(&todo), &rename, &ResolveContext::new(Strategy::ClientWins, stamp));
//! assert!(matches!(outcome, Outcome::Applied { todo, .. } if todo.title().as_str() == "soy milk"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod context;
mod desired;
mod verdict;

use std::sync::Arc;

use super::change::{Action, Change, NewTodo, Upsert};
use super::entity::Todo;
use super::event::EventKind;
use super::field::Versions;
use super::outcome::{AppliedPart, Conflict, Outcome, Rejection};
use super::strategy::Strategy;
use crate::time::Stamp;

pub use context::{EarlierChanges, ResolveContext};
use desired::DesiredFields;
use verdict::{Verdict, judge};

#[cfg(doc)]
use super::change::Base;

/// Decides the outcome of `change`, where `current` is the todo that it names, if there is one. The
/// [module](self) describes the rule.
///
/// The outcome shares `current` where it shows the todo unchanged.
#[must_use]
pub fn resolve(current: Option<&Arc<Todo>>, change: &Change, context: &ResolveContext<'_>) -> Outcome {
    match (&change.action, current) {
        (Action::Create(new), None) => create(new, change, context),
        (Action::Create(new), Some(todo)) if same_content(todo, new) => {
            Outcome::Unchanged { todo: Some(Arc::clone(todo)), client_is_current: true }
        }
        (Action::Create(_), Some(_)) => Outcome::IdInUse,
        (Action::Edit(_) | Action::Toggle, Some(todo)) if todo.deleted() => Outcome::NotFound,
        (Action::Edit(_) | Action::Toggle | Action::Delete | Action::Restore, None) => Outcome::NotFound,
        (Action::Edit(edit), Some(todo)) => alter(todo, &DesiredFields::of_edit(edit), change, None, context),
        (Action::Toggle, Some(todo)) => {
            let inverted = DesiredFields { completed: Some(!todo.completed()), ..DesiredFields::default() };
            alter(todo, &inverted, change, None, context)
        }
        (Action::Delete, Some(todo)) => {
            let deleted = DesiredFields { deleted: Some(true), ..DesiredFields::default() };
            alter(todo, &deleted, change, None, context)
        }
        (Action::Restore, Some(todo)) => {
            let live = DesiredFields { deleted: Some(false), ..DesiredFields::default() };
            alter(todo, &live, change, None, context)
        }
        (Action::Upsert(upsert), _)
            if context.strategy == Strategy::LastWriteWins && upsert.updated_at.is_none() =>
        {
            Outcome::Rejected(Rejection::UpdatedAtRequired)
        }
        (Action::Upsert(upsert), Some(todo)) => {
            let desired = DesiredFields { deleted: upsert.deleted, ..DesiredFields::of_edit(&upsert.edit) };
            alter(todo, &desired, change, upsert.updated_at, context)
        }
        (Action::Upsert(upsert), None) if upsert.deleted == Some(true) => {
            Outcome::Unchanged { todo: None, client_is_current: true }
        }
        (Action::Upsert(upsert), None) => match new_todo(upsert) {
            Some(new) => create(&new, change, context),
            None => Outcome::Rejected(Rejection::TitleRequired),
        },
    }
}

/// The todo that an upsert of an unknown id creates. `None` if the upsert has no title.
fn new_todo(upsert: &Upsert) -> Option<NewTodo> {
    Some(NewTodo {
        title: upsert.edit.title.clone()?,
        description: upsert.edit.description.clone().flatten(),
        completed: upsert.edit.completed.unwrap_or(false),
        created_at: upsert.created_at,
    })
}

fn create(new: &NewTodo, change: &Change, context: &ResolveContext<'_>) -> Outcome {
    let stamp = context.stamp;
    let todo = Todo {
        id: change.id,
        number: context.number,
        title: new.title.clone(),
        description: new.description.clone(),
        completed_at: new.completed.then_some(stamp),
        created_at: new.created_at.filter(|at| *at <= context.now).unwrap_or(stamp),
        updated_at: stamp,
        deleted_at: None,
        client_id: change.client_id.clone(),
        versions: Versions::FIRST,
    };
    let client_is_current = change.is_verbatim(&todo);
    Outcome::Applied { todo: Arc::new(todo), event: EventKind::Created, client_is_current }
}

fn same_content(todo: &Todo, new: &NewTodo) -> bool {
    todo.title == new.title && todo.description == new.description && todo.completed() == new.completed
}

/// Decides a change of a todo that exists. `edited_at` is the time of the change by the client's
/// clock.
fn alter(
    todo: &Arc<Todo>,
    desired: &DesiredFields<'_>,
    change: &Change,
    edited_at: Option<Stamp>,
    context: &ResolveContext<'_>,
) -> Outcome {
    let base = context.effective_base(change.base);
    let client_holds_all =
        desired.names_all() || (context.is_current(todo, base) && context.device_has_seen(todo));
    let client_is_current = client_holds_all && change.is_verbatim(todo);
    match judge(todo, desired, change.base, edited_at, context) {
        Verdict::InPlace => Outcome::Unchanged { todo: Some(Arc::clone(todo)), client_is_current },
        Verdict::Conflict { fields, server_wins } => Outcome::Conflict(Conflict {
            current: Arc::clone(todo),
            base: change.named_base(),
            fields,
            applied: None,
            strategy: context.strategy,
            server_wins,
        }),
        Verdict::Apply { fields, contested, restoring } => {
            let after =
                desired.only(&fields).applied_to(todo, change.client_id.as_ref(), restoring, context.stamp);
            let event = match (todo.deleted(), after.deleted()) {
                (true, false) => EventKind::Restored,
                (_, true) => EventKind::Deleted,
                (false, false) => EventKind::Updated,
            };
            let after = Arc::new(after);
            if contested.is_empty() {
                return Outcome::Applied { todo: after, event, client_is_current };
            }
            Outcome::Conflict(Conflict {
                current: after,
                base: change.named_base(),
                fields: contested,
                applied: Some(AppliedPart { fields, event }),
                strategy: context.strategy,
                server_wins: false,
            })
        }
    }
}
