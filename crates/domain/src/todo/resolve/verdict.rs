//! The strategies: whether a change of an existing todo applies.

use super::context::ResolveContext;
use super::desired::DesiredFields;
use crate::time::Stamp;
use crate::todo::change::Base;
use crate::todo::entity::Todo;
use crate::todo::field::Field;
use crate::todo::strategy::Strategy;

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

pub(super) fn judge(
    todo: &Todo,
    desired: &DesiredFields<'_>,
    base: Base,
    edited_at: Option<Stamp>,
    context: &ResolveContext<'_>,
) -> Verdict {
    let mut differing = desired.differing(todo);
    let deletes_tombstone = todo.deleted() && desired.deleted == Some(true);
    if differing.is_empty() || deletes_tombstone {
        return Verdict::InPlace;
    }
    let apply = |fields, restoring| Verdict::Apply { fields, contested: Vec::new(), restoring };
    let conflict = |fields, server_wins| Verdict::Conflict { fields, server_wins };
    let since = context.effective_base(base);
    let Some(since) = since.filter(|_| !context.is_current(todo, since)) else {
        return apply(differing, false);
    };
    differing.retain(|field| !context.is_superseded(todo, *field));
    if differing.is_empty() {
        return Verdict::InPlace;
    }
    if context.is_impossible(todo, base) {
        return conflict(differing, false);
    }
    if context.is_on_top(todo, since) {
        return apply(differing, false);
    }
    let contested = |field| context.is_contested(todo, since, field);
    let restoring = todo.deleted() && desired.deleted.is_none() && contested(Field::Deleted);
    match context.strategy {
        Strategy::Manual => conflict(differing, false),
        Strategy::ClientWins => apply(differing, restoring),
        Strategy::LastWriteWins => {
            let edited_at = edited_at.map(|at| at.min(context.now));
            if edited_at.is_some_and(|at| at > context.others_stamp(todo)) {
                apply(differing, restoring)
            } else {
                conflict(differing, true)
            }
        }
        Strategy::Merge => merge(differing, desired, restoring, contested),
    }
}

/// Decides field by field.
fn merge(
    differing: Vec<Field>,
    desired: &DesiredFields<'_>,
    restoring: bool,
    is_contested: impl Fn(Field) -> bool,
) -> Verdict {
    let is_edit = |field: &Field| *field != Field::Deleted;
    if desired.deleted == Some(true) && Field::ALL.into_iter().any(&is_contested) {
        return Verdict::Conflict { fields: vec![Field::Deleted], server_wins: true };
    }
    // A client that always sends whole todos says `deleted: false` with each change. Together with
    // a new value, this is an edit, which beats a deletion. Without one, the change is no edit, and
    // must not undo a deletion that the client does not know of.
    let edit_beats_deletion = desired.deleted == Some(false) && differing.iter().any(is_edit);
    let (contested, uncontested): (Vec<_>, Vec<_>) = differing
        .into_iter()
        .partition(|field| is_contested(*field) && (is_edit(field) || !edit_beats_deletion));
    if contested.is_empty() || uncontested.iter().any(is_edit) {
        Verdict::Apply { fields: uncontested, contested, restoring }
    } else {
        // A restoration alone does not apply while the values that it came with are contested.
        let fields = Field::ALL.into_iter().filter(|f| contested.contains(f) || uncontested.contains(f));
        Verdict::Conflict { fields: fields.collect(), server_wins: false }
    }
}
