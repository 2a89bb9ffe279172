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
mod earlier;
mod later;
mod verdict;

use std::sync::Arc;

use super::change::{Action, Change, NewTodo, Upsert};
use super::entity::Todo;
use super::event::EventKind;
use super::field::Versions;
use super::metadata::Metadata;
use super::outcome::{AppliedPart, Conflict, Outcome, Rejection};
use super::strategy::Strategy;
use crate::time::Stamp;

pub use context::ResolveContext;
use desired::DesiredFields;
pub use earlier::{EarlierChanges, Effect};
pub use later::{LaterChanges, NamedValues};
use verdict::{Terms, Verdict, judge};

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
        (Action::Create(_), Some(todo)) => Outcome::IdInUse(Arc::clone(todo)),
        (Action::Edit(_) | Action::Toggle, Some(todo)) if todo.deleted() => Outcome::NotFound,
        (Action::Restore, Some(todo)) if todo.is_shrunk() => Outcome::TextGone,
        (Action::Edit(_) | Action::Toggle | Action::Delete | Action::Restore, None) => Outcome::NotFound,
        (Action::Upsert(upsert), _)
            if context.strategy == Strategy::LastWriteWins
                && upsert.updated_at.is_none()
                && !upsert.healing =>
        {
            Outcome::Rejected(Rejection::UpdatedAtRequired)
        }
        (Action::Toggle, Some(todo)) => {
            let inverted = DesiredFields { completed: Some(!todo.completed()), ..DesiredFields::default() };
            alter(todo, &inverted, change, context)
        }
        (Action::Edit(_) | Action::Delete | Action::Restore | Action::Upsert(_), Some(todo)) => {
            alter(todo, &DesiredFields::of_action(&change.action), change, context)
        }
        (Action::Upsert(upsert), None) if upsert.deleted == Some(true) => {
            if upsert.healing {
                create_tombstone(upsert, change, context)
            } else {
                Outcome::Unchanged { todo: None, client_is_current: true }
            }
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
        metadata: upsert.edit.metadata.clone(),
        created_at: upsert.created_at,
        completed_at: upsert.completed_at,
    })
}

fn create(new: &NewTodo, change: &Change, context: &ResolveContext<'_>) -> Outcome {
    let mut metadata = Metadata::default();
    for (key, value) in &new.metadata {
        metadata.set(key, value.as_ref(), Versions::FIRST.version);
    }
    if let Err(error) = metadata.check_growth(&Metadata::default()) {
        return Outcome::Rejected(Rejection::Metadata(error));
    }
    let todo = Todo {
        title: Some(new.title.clone()),
        description: new.description.clone(),
        metadata,
        ..first_version(change, new.completed, [new.created_at, new.completed_at], context)
    };
    let client_is_current = change.is_verbatim(&todo);
    Outcome::Applied { todo: Arc::new(todo), event: EventKind::Created, client_is_current }
}

/// Keeps the deletion of a todo that the server lost altogether.
fn create_tombstone(upsert: &Upsert, change: &Change, context: &ResolveContext<'_>) -> Outcome {
    let completed = upsert.edit.completed.unwrap_or(false);
    let instants = [upsert.created_at, upsert.completed_at];
    let todo =
        Todo { deleted_at: Some(context.stamp), ..first_version(change, completed, instants, context) };
    // The device may hold texts, which the tombstone does not.
    Outcome::Applied { todo: Arc::new(todo), event: EventKind::Deleted, client_is_current: false }
}

/// A new todo without texts and metadata. The client names when it was created and completed.
fn first_version(
    change: &Change,
    completed: bool,
    [created_at, completed_at]: [Option<Stamp>; 2],
    context: &ResolveContext<'_>,
) -> Todo {
    let past = |at: Option<Stamp>| at.filter(|at| *at <= context.now).unwrap_or(context.stamp);
    Todo {
        id: change.id,
        number: context.number,
        title: None,
        description: None,
        completed_at: completed.then(|| past(completed_at)),
        created_at: past(created_at),
        updated_at: context.stamp,
        deleted_at: None,
        client_id: change.client_id.clone(),
        versions: Versions::FIRST,
        metadata: Metadata::default(),
    }
}

fn same_content(todo: &Todo, new: &NewTodo) -> bool {
    *todo.title() == new.title
        && todo.description == new.description
        && todo.completed() == new.completed
        && todo.metadata.is_what(&new.metadata)
}

/// Decides a change of a todo that exists.
fn alter(
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
    let differing = desired.differing(todo);
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
