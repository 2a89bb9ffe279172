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
    /// `restoring`: the todo becomes live again although the change does not ask for it.
    Apply {
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
    let differing = desired.differing(todo);
    if differing.is_empty() {
        return Verdict::InPlace;
    }
    let since = context.effective_base(base);
    let Some(since) = since.filter(|_| !context.is_current(todo, since)) else {
        return Verdict::Apply { restoring: false };
    };
    if since > todo.version() || (since < 1 && base != Base::Unknown) {
        return Verdict::Conflict { fields: differing, server_wins: false };
    }
    // Changed by another batch, not by this one.
    let changed_since =
        |field: Field| (since + 1..=context.others_version(todo)).contains(&todo.versions().of(field));
    let restoring = todo.deleted() && desired.deleted.is_none() && changed_since(Field::Deleted);
    match context.strategy {
        Strategy::Manual => Verdict::Conflict { fields: differing, server_wins: false },
        Strategy::ClientWins => Verdict::Apply { restoring },
        Strategy::LastWriteWins => {
            let edited_at = edited_at.map(|at| at.min(context.now));
            if edited_at.is_some_and(|at| at > context.others_stamp(todo)) {
                Verdict::Apply { restoring }
            } else {
                Verdict::Conflict { fields: differing, server_wins: true }
            }
        }
        Strategy::Merge => merge(&differing, desired, restoring, changed_since),
    }
}

fn merge(
    differing: &[Field],
    desired: &DesiredFields<'_>,
    restoring: bool,
    changed_since: impl Fn(Field) -> bool,
) -> Verdict {
    let is_edit = |field: &Field| *field != Field::Deleted;
    let deletes = desired.deleted == Some(true) && differing.contains(&Field::Deleted);
    if deletes && Field::ALL.into_iter().filter(is_edit).any(&changed_since) {
        return Verdict::Conflict { fields: vec![Field::Deleted], server_wins: true };
    }
    // A client that always sends whole todos says `deleted: false` with each change. Together with
    // a new value, this is an edit, which beats a deletion. Without one, the client has nothing to
    // say, and must not undo a deletion that it does not know of.
    let edit_beats_deletion = desired.deleted == Some(false) && differing.iter().any(is_edit);
    let contested: Vec<_> = differing
        .iter()
        .copied()
        .filter(|field| changed_since(*field) && !(*field == Field::Deleted && edit_beats_deletion))
        .collect();
    if contested.is_empty() {
        Verdict::Apply { restoring }
    } else {
        Verdict::Conflict { fields: contested, server_wins: false }
    }
}
