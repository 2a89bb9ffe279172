//! Accepted changes before the last page: another history may begin meanwhile, without them.

use std::collections::BTreeMap;

use domain::{Stamp, TodoId};

use super::Device;
use super::heal::joined;
use super::rebase::{equate_equal, is_contested};
use crate::simulation::outbox::{Accepted, Change, Healing};
use crate::simulation::values::Row;

impl Device {
    /// Takes an accepted change that may be lost back into the outbox, with later edits in it.
    pub(super) fn put_back(&mut self, id: TodoId, accepted: Accepted) {
        let created = accepted.change.base == 0 || accepted.shown.version == 1;
        let change = self.undo(id, accepted);
        let later = self.unsent.remove(&id);
        let Some(mut change) = joined(Some(change), later) else { return };
        if (created || change.seen.is_tombstone()) && change.deletes() {
            // Other devices may have seen the todo live before the server lost that, so the server has
            // to keep the deletion.
            change.base = 0;
            change.healing = Some(Healing { lost_after: Stamp::EPOCH, resent: false });
        }
        self.unsent.insert(id, change);
    }

    /// Forgets that the change was accepted.
    pub(super) fn undo(&mut self, id: TodoId, accepted: Accepted) -> Change {
        let Accepted { shown, before, change, .. } = accepted;
        if self.rows.get(&id).is_some_and(|row| row.is_same_version(&shown)) {
            self.rows.remove(&id);
            self.rows.extend(before.map(|row| (id, row)));
        }
        change
    }

    /// Takes the accepted changes that may be lost out of those that wait for the last page.
    pub(super) fn take_lost(&mut self, is_lost: impl Fn(&Accepted) -> bool) -> BTreeMap<TodoId, Accepted> {
        self.awaiting.extract_if(.., |_, accepted| !accepted.confirmed && is_lost(accepted)).collect()
    }

    /// A database with another epoch may have lost the accepted changes that the cursor does not
    /// include.
    pub(super) fn doubt_beyond_cursor(&mut self, epoch: &str) {
        if self.epoch.as_deref().is_some_and(|known| known != epoch) {
            let cursor = self.cursor().unwrap_or(Stamp::MIN);
            for accepted in self.awaiting.values_mut() {
                accepted.doubtful |= accepted.shown.updated_at > cursor;
            }
        }
    }

    /// The server has `now`. If an accepted change or a row of healing led to this version, it was
    /// not lost: of the row of healing, only the user's edits are left to be sent.
    pub(super) fn confirm(&mut self, now: &Row) {
        if let Some(accepted) = self.awaiting.get_mut(&now.id) {
            accepted.confirmed |= accepted.shown.is_same_version(now);
        }
        let gives_back = |change: &Change| change.is_healing() && change.seen.is_same_version(now);
        let Some(change) = self.unsent.get(&now.id).filter(|change| gives_back(change)).cloned() else {
            return;
        };
        self.unsent.remove(&now.id);
        let edits = self.lacking(&change.seen, &change.fields());
        equate_equal(&self.ghosts, now, &change.seen);
        if is_contested(&edits, &now.differing(&change.seen), now) {
            self.open_conflict(now.id, edits, change.fields(), false);
        } else if !edits.is_empty() {
            self.unsent.insert(now.id, Change::new(now.clone(), edits, change.made_at()));
        }
    }
}
