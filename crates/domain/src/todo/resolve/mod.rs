//! The conflict rule for one todo: (current todo or none, change, strategy, stamp) → written todo or outcome.
//!
//! The rule, whatever the surface:
//! 1. A change whose effect is already in place changes nothing, whatever its base: a retry is harmless.
//! 2. A base that can't be right (below 1, above the current version) is a conflict under every strategy.
//! 3. A change made against the current version applies.
//! 4. Any other is stale, and the strategy decides. A strategy that accepts an edit of a todo that was deleted since the
//!    edit's base restores the todo: an accepted edit is never hidden in a tombstone.

mod ground;
mod wanted;

use super::plan::{Conflict, Outcome, Rejection, Resolved};
use super::{Action, Base, Change, Field, NewTodo, Strategy, Todo, TodoNumber, Upsert, Versions};
use crate::event::EventKind;
use crate::time::Stamp;

pub(super) use ground::{Ground, Own};
use ground::{effective_base, is_current};
use wanted::{Wanted, edited};

pub(super) enum Resolution {
    Write { todo: Todo, event: EventKind, known: bool },
    Settled(Outcome),
}

enum Verdict {
    InPlace,
    Apply { restoring: bool },
    Conflict { fields: Vec<Field>, resolved: Option<Resolved> },
}

/// Decides one change. `number` gives a fresh number where the change creates the todo.
pub(super) fn resolve(
    current: Option<&Todo>,
    change: &Change,
    ground: &Ground<'_>,
    number: impl FnOnce() -> Option<TodoNumber>,
) -> Option<Resolution> {
    let settled = |outcome| Some(Resolution::Settled(outcome));
    let create = |new: &NewTodo| {
        if !ground.quota_left {
            return settled(Outcome::Rejected(Rejection::Quota { limit: ground.quota }));
        }
        let todo = created(change, new, ground, number()?);
        let known = is_verbatim(change, &todo);
        Some(Resolution::Write { todo, event: EventKind::Created, known })
    };
    match (&change.action, current) {
        (Action::Create(new), None) => create(new),
        (Action::Create(new), Some(todo)) => settled(if same_content(todo, new) {
            Outcome::Unchanged { todo: Some(todo.clone()), known: true }
        } else {
            Outcome::IdInUse
        }),
        (Action::Edit(edit), Some(todo)) if !todo.deleted() => {
            Some(settle(todo, &Wanted::of_edit(edit), change, None, ground))
        }
        (Action::Toggle, Some(todo)) if !todo.deleted() => {
            let turned = Wanted::only(Some(!todo.completed()), None);
            Some(settle(todo, &turned, change, None, ground))
        }
        (Action::Delete, Some(todo)) => {
            Some(settle(todo, &Wanted::only(None, Some(true)), change, None, ground))
        }
        (Action::Restore, Some(todo)) => {
            Some(settle(todo, &Wanted::only(None, Some(false)), change, None, ground))
        }
        (Action::Edit(_) | Action::Toggle, _) | (Action::Delete | Action::Restore, None) => {
            settled(Outcome::NotFound)
        }
        (Action::Upsert(upsert), Some(todo)) => {
            if ground.strategy == Strategy::LastWriteWins && upsert.updated_at.is_none() {
                return settled(Outcome::Rejected(Rejection::UpdatedAtRequired));
            }
            let wanted = Wanted { deleted: upsert.deleted, ..Wanted::of_edit(&upsert.edit) };
            Some(settle(todo, &wanted, change, upsert.updated_at, ground))
        }
        (Action::Upsert(upsert), None) => match creation(upsert, ground.strategy) {
            Ok(Some(new)) => create(&new),
            Ok(None) => settled(Outcome::Unchanged { todo: None, known: true }),
            Err(rejection) => settled(Outcome::Rejected(rejection)),
        },
    }
}

/// What an upsert of an unknown id creates; `None` where it deletes what is not there.
fn creation(upsert: &Upsert, strategy: Strategy) -> Result<Option<NewTodo>, Rejection> {
    if strategy == Strategy::LastWriteWins && upsert.updated_at.is_none() {
        return Err(Rejection::UpdatedAtRequired);
    }
    if upsert.deleted == Some(true) {
        return Ok(None);
    }
    let title = upsert.edit.title.clone().ok_or(Rejection::TitleRequired)?;
    Ok(Some(NewTodo {
        title,
        description: upsert.edit.description.clone().flatten(),
        completed: upsert.edit.completed.unwrap_or(false),
        created_at: upsert.created_at,
    }))
}

fn created(change: &Change, new: &NewTodo, ground: &Ground<'_>, number: TodoNumber) -> Todo {
    Todo {
        id: change.id,
        number,
        title: new.title.clone(),
        description: new.description.clone(),
        completed_at: new.completed.then_some(ground.stamp),
        created_at: new.created_at.filter(|at| *at <= ground.now).unwrap_or(ground.stamp),
        updated_at: ground.stamp,
        deleted_at: None,
        client_id: change.client_id.clone(),
        versions: Versions::FIRST,
    }
}

fn same_content(todo: &Todo, new: &NewTodo) -> bool {
    todo.title == new.title && todo.description == new.description && todo.completed() == new.completed
}

/// Whether what the change names stands in the todo as its device holds it.
fn is_verbatim(change: &Change, todo: &Todo) -> bool {
    match &change.action {
        Action::Upsert(upsert) => upsert.is_verbatim(todo),
        Action::Create(_) | Action::Edit(_) | Action::Toggle | Action::Delete | Action::Restore => true,
    }
}

/// Decides a change of a todo that exists.
fn settle(
    todo: &Todo,
    wanted: &Wanted<'_>,
    change: &Change,
    edited_at: Option<Stamp>,
    ground: &Ground<'_>,
) -> Resolution {
    let held = wanted.names_all()
        || (is_current(todo, effective_base(change.base, ground), ground) && ground.has_seen(todo));
    let known = held && is_verbatim(change, todo);
    match judge(todo, wanted, change.base, edited_at, ground) {
        Verdict::InPlace => Resolution::Settled(Outcome::Unchanged { todo: Some(todo.clone()), known }),
        Verdict::Conflict { fields, resolved } => Resolution::Settled(Outcome::Conflict(Conflict {
            current: todo.clone(),
            base: match change.base {
                Base::Version(version) => Some(version),
                Base::Current | Base::Unknown => None,
            },
            fields,
            strategy: ground.strategy,
            resolved,
        })),
        Verdict::Apply { restoring } => {
            let after = edited(todo, wanted, change.client_id.as_ref(), restoring, ground.stamp);
            let revived = todo.deleted() && !after.deleted();
            if revived && !ground.quota_left {
                return Resolution::Settled(Outcome::Rejected(Rejection::Quota { limit: ground.quota }));
            }
            let event = match (todo.deleted(), after.deleted()) {
                (true, false) => EventKind::Restored,
                // A tombstone that was edited and stays one too: sockets know nothing else of it.
                (_, true) => EventKind::Deleted,
                (false, false) => EventKind::Updated,
            };
            Resolution::Write { todo: after, event, known }
        }
    }
}

fn judge(
    todo: &Todo,
    wanted: &Wanted<'_>,
    base: Base,
    edited_at: Option<Stamp>,
    ground: &Ground<'_>,
) -> Verdict {
    let differing = wanted.differing(todo);
    if differing.is_empty() {
        return Verdict::InPlace;
    }
    let since = effective_base(base, ground);
    let Some(since) = since.filter(|_| !is_current(todo, since, ground)) else {
        return Verdict::Apply { restoring: false };
    };
    if since > todo.version() || (since < 1 && base != Base::Unknown) {
        return Verdict::Conflict { fields: differing, resolved: None };
    }
    // By anybody but this batch itself.
    let changed_since =
        |field: Field| (since + 1..=ground.others_version(todo)).contains(&todo.versions.of(field));
    let restoring = todo.deleted() && wanted.deleted.is_none() && changed_since(Field::Deleted);
    match ground.strategy {
        Strategy::Manual => Verdict::Conflict { fields: differing, resolved: None },
        Strategy::ClientWins => Verdict::Apply { restoring },
        Strategy::LastWriteWins => {
            let edited_at = edited_at.map(|at| at.min(ground.now));
            if edited_at.is_some_and(|at| at > ground.others_stamp(todo)) {
                Verdict::Apply { restoring }
            } else {
                Verdict::Conflict { fields: differing, resolved: Some(Resolved::Server) }
            }
        }
        Strategy::Merge => merge(&differing, wanted, restoring, changed_since),
    }
}

fn merge(
    differing: &[Field],
    wanted: &Wanted<'_>,
    restoring: bool,
    changed_since: impl Fn(Field) -> bool,
) -> Verdict {
    let edits = [Field::Title, Field::Description, Field::Completed];
    if wanted.deleted == Some(true)
        && differing.contains(&Field::Deleted)
        && edits.into_iter().any(&changed_since)
    {
        return Verdict::Conflict { fields: vec![Field::Deleted], resolved: Some(Resolved::Server) };
    }
    let edits_a_value = differing.iter().any(|field| *field != Field::Deleted);
    let fields: Vec<_> = differing
        .iter()
        .copied()
        .filter(|field| changed_since(*field))
        // An edit that says `deleted: false` of a todo deleted meanwhile is an edit against a deletion, and wins. Without a
        // new value it is none: whoever sends whole todos says `false` of each, and must not undo a deletion with it.
        .filter(|field| !(*field == Field::Deleted && wanted.deleted == Some(false) && edits_a_value))
        .collect();
    if fields.is_empty() {
        Verdict::Apply { restoring }
    } else {
        Verdict::Conflict { fields, resolved: None }
    }
}
