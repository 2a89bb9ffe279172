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
//! | [`Merge`](Strategy::Merge) | is decided field by field, each key of the metadata being a field of its own: a field that the server has not changed since the base is applied. A field that has since changed to another value is contested: it is returned as a conflict, and the other fields are applied all the same. An edit beats a deletion: a stale edit restores a tombstone, and a stale deletion of an edited todo is a conflict that the server wins |
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
//! It is on top of what this batch or an earlier copy of it can have stored: a field that was set
//! again since, even to the same value, counts as changed. If the earlier change is rejected, the
//! later one is rejected with it, unless it is a deletion.
//! A deletion of a tombstone is in place, whatever else it names.
//!
//! # What a server lost
//!
//! After some days a tombstone *shrinks*: its texts and its metadata are no longer stored. A change
//! that restores it needs a title. A stale edit that does not know of the deletion is a conflict
//! under every strategy, because an edit alone would bring back a todo without the values that the
//! edit leaves out.
//!
//! A *healing* upsert gives back a todo that the device holds and the server lost, such as by the
//! restore of a backup. In place, it succeeds. Of an unknown id, it creates the todo or, for a
//! deletion, a shrunk tombstone. Else it is a conflict under every strategy: the server may have
//! gone on since.
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

mod alter;
mod context;
mod create;
mod desired;
mod earlier;
mod later;
mod verdict;

use std::sync::Arc;

use alter::alter;
pub use context::ResolveContext;
use create::{create, create_tombstone, new_todo, same_content};
use desired::DesiredFields;
pub use earlier::{EarlierChanges, Effect};
pub use later::{LaterChanges, NamedValues};

use super::change::{Action, Change};
use super::entity::Todo;
use super::outcome::{Outcome, Rejection};
use super::strategy::Strategy;

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
