//! Repair: the device reads everything into a second table and compares it with what it holds.

use std::collections::BTreeMap;

use super::Device;
use crate::simulation::outbox::Change;
use crate::simulation::values::Row;

impl Device {
    /// Something happened outside the protocol.
    pub(super) fn start_repair(&mut self) {
        self.unfreeze();
        self.table = Some(BTreeMap::new());
        self.begin_reading();
    }

    /// Compares what was read with what the device holds. What is not the same version becomes a row
    /// of healing.
    pub(super) fn compare(&mut self) {
        let table = self.table.take().expect("a repair is going on");
        let before = std::mem::replace(&mut self.rows, table);
        for (_, held) in before {
            let now = self.rows.get(&held.id).cloned();
            if !now.as_ref().is_some_and(|now| now.is_same_version(&held)) {
                self.give_back_to(now, held);
            } else if self.unsent.get(&held.id).is_some_and(|change| change.seen.is_same_version(&held)) {
                // The device may have shown what it sent, without what others changed before.
                self.rebase(held.id, &held);
            }
        }
        self.asks = false;
        self.unsure_until = None;
        // One more round sends the rows of healing and compares the digests again.
        self.behind = true;
    }

    fn give_back_to(&mut self, now: Option<Row>, held: Row) {
        let id = held.id;
        if now.is_none() && held.is_tombstone() {
            self.rows.insert(id, held.clone());
        }
        let change = self.take_back(id);
        let fields = self.with_unsent(&held, change.as_ref());
        let now = now.unwrap_or(Row::unknown(id));
        let mine = self.lacking(&now, &fields);
        let may_be_deleted =
            now.version == 0 && !held.is_tombstone() && Some(held.updated_at) <= self.unsure_until;
        if self.asks || may_be_deleted {
            self.open_conflict(id, mine, fields, true);
        } else if !mine.is_empty() {
            let lost_after = held.updated_at;
            self.unsent.insert(id, Change::healing(held, fields, lost_after, change.as_ref()));
        }
    }
}
