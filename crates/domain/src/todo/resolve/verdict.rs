//! The strategies: whether a change of an existing todo applies.

use super::context::{ResolveContext, Since};
use super::desired::DesiredFields;
use crate::time::Stamp;
use crate::todo::entity::Todo;
use crate::todo::field::Field;
use crate::todo::strategy::Strategy;

/// What a change says about itself, besides the values that it names.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    pub since: Since,
    /// The time of the change by the client's clock.
    pub edited_at: Option<Stamp>,
    /// Whether the change gives back what the server lost.
    pub healing: bool,
}

pub(super) enum Verdict {
    InPlace,
    /// `fields` are applied and `contested` are not. With `restoring`, the todo becomes live again
    /// although the change does not request it.
    Apply {
        fields: Vec<Field>,
        contested: Vec<Field>,
        restoring: bool,
    },
    Conflict {
        fields: Vec<Field>,
        server_wins: bool,
    },
}

/// `differing` are the fields of which `desired` names another value than `todo` has.
pub(super) fn judge(
    todo: &Todo,
    desired: &DesiredFields<'_>,
    mut differing: Vec<Field>,
    terms: Terms,
    context: &ResolveContext<'_>,
) -> Verdict {
    let deletes_tombstone = todo.deleted() && desired.deleted == Some(true);
    if differing.is_empty() || deletes_tombstone {
        return Verdict::InPlace;
    }
    let apply = |fields, restoring| Verdict::Apply { fields, contested: Vec::new(), restoring };
    let conflict = |fields, server_wins| Verdict::Conflict { fields, server_wins };
    if !terms.healing && context.is_current(todo, terms.since) {
        return apply(differing, false);
    }
    differing.retain(|field| !context.is_superseded(todo, field));
    if differing.is_empty() {
        return Verdict::InPlace;
    }
    let since = match terms.since {
        Since::Version(since) if !terms.healing => since,
        _ => return conflict(differing, false),
    };
    if context.is_on_top(todo, since) {
        return apply(differing, false);
    }
    let contested = |field: &Field| context.is_contested(todo, since, field);
    let deleted_since = todo.deleted() && contested(&Field::Deleted);
    let restoring = deleted_since && desired.deleted.is_none();
    match context.strategy {
        Strategy::Manual => conflict(differing, false),
        Strategy::LastWriteWins if !is_later(terms.edited_at, todo, context) => conflict(differing, true),
        // The server no longer has the values that the change leaves out.
        _ if deleted_since && todo.is_shrunk() => conflict(differing, false),
        Strategy::ClientWins | Strategy::LastWriteWins => apply(differing, restoring),
        Strategy::Merge if desired.deleted == Some(true) && context.is_any_contested(todo, since) => {
            conflict(vec![Field::Deleted], true)
        }
        Strategy::Merge => merge(differing, desired.deleted, restoring, contested),
    }
}

/// Whether the client made the change after the last write of another batch. A clock ahead of the
/// server's counts as the server's.
fn is_later(edited_at: Option<Stamp>, todo: &Todo, context: &ResolveContext<'_>) -> bool {
    edited_at.is_some_and(|at| at.min(context.now) > context.others_stamp(todo))
}

/// Decides field by field.
fn merge(
    differing: Vec<Field>,
    deleted: Option<bool>,
    restoring: bool,
    is_contested: impl Fn(&Field) -> bool,
) -> Verdict {
    let is_edit = |field: &Field| *field != Field::Deleted;
    // A client that always sends whole todos says `deleted: false` with each change. Together with
    // a new value, this is an edit, which beats a deletion. Without one, the change is no edit, and
    // must not undo a deletion that the client does not know of.
    let edit_beats_deletion = deleted == Some(false) && differing.iter().any(is_edit);
    let (mut contested, uncontested): (Vec<_>, Vec<_>) = differing
        .into_iter()
        .partition(|field| is_contested(field) && (is_edit(field) || !edit_beats_deletion));
    if contested.is_empty() || uncontested.iter().any(is_edit) {
        Verdict::Apply { fields: uncontested, contested, restoring }
    } else {
        // A restoration alone does not apply while the values that it came with are contested.
        contested.extend(uncontested);
        contested.sort_unstable();
        Verdict::Conflict { fields: contested, server_wins: false }
    }
}
