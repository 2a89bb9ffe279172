//! What a device does when its cursor can't be continued.

use std::collections::BTreeSet;

use domain::{Stamp, TodoId};

use super::Device;
use super::rebase::equate_equal;
use crate::simulation::outbox::{Change, Part, SetAside};
use crate::simulation::values::{Fields, Held, Key, Row, Value, deletes};

impl Device {
    /// The server no longer keeps the tombstones that the device has not seen. The device keeps its
    /// own tombstones and all that is unsent, and reads everything again.
    pub(super) fn start_again(&mut self, epoch: &str) {
        self.stats.forgotten += 1;
        if self.table.is_some() {
            // What is missing in the table may have been deleted meanwhile.
            self.asks = true;
            self.start_repair();
            return;
        }
        self.doubt_beyond_cursor(epoch);
        let lost = self.take_lost(|accepted| accepted.doubtful);
        let lost_ids: BTreeSet<_> = lost.keys().copied().collect();
        for (id, accepted) in lost {
            let change = self.undo(id, accepted);
            self.in_flight.insert(id, change);
        }
        let mut awaiting = std::mem::take(&mut self.awaiting);
        for id in self.outbox_ids() {
            let in_flight = self.in_flight.remove(&id);
            let unsent = self.unsent.remove(&id);
            let fields = in_flight.as_ref().map(Change::fields).unwrap_or_default();
            let Some(change) = joined(in_flight, unsent) else { continue };
            let accepted = awaiting.remove(&id).map(|accepted| accepted.shown);
            let in_flight = accepted.clone().unwrap_or_else(|| change.seen.clone()).with(&fields);
            // A deletion that the user did not see is not part of what the user made.
            let is_seen = |row: &&Row| row.has_text() && (change.seen.is_tombstone() || !row.is_tombstone());
            let held = accepted.as_ref().or(self.rows.get(&id)).filter(is_seen);
            let held = held.unwrap_or(&change.seen).clone();
            let whole = held.with(&change.fields()).whole();
            let may_be_lost = lost_ids.contains(&id);
            self.set_aside.insert(id, SetAside { in_flight, change, whole, may_be_lost });
        }
        self.read_again();
    }

    /// The database lost what was written after `to`. The device gives back what it acknowledged
    /// since.
    pub(super) fn heal(&mut self, epoch: String, to: Option<Stamp>, horizon: Stamp) {
        self.stats.restored += 1;
        for (id, accepted) in self.take_lost(|accepted| to.is_none_or(|to| accepted.shown.updated_at > to)) {
            self.put_back(id, accepted);
        }
        // The device has seen everything up to where the histories part.
        self.settle();
        let is_old = to.is_some_and(|to| to < horizon);
        let Some(to) = to.filter(|_| self.table.is_none()) else {
            // A repair compares everything with what the server has now.
            self.asks |= is_old;
            self.unsure_until = self.unsure_until.max(Some(horizon).filter(|_| to.is_none()));
            self.epoch = Some(epoch);
            self.start_repair();
            return;
        };
        let lost: Vec<_> = self.rows.values().filter(|row| row.updated_at > to).map(|row| row.id).collect();
        for id in lost {
            self.give_back(id, to);
        }
        self.epoch = Some(epoch);
        if is_old {
            self.ask_later();
            self.read_again();
        } else {
            self.last_sync = Some(to.into());
            self.behind = true;
        }
    }

    /// Gives back what the device acknowledged after its cursor, if `epoch` is another than the one
    /// that it read from: the server continues the cursor although it lost that. Between two pages,
    /// these are the device's own accepted changes and todos that came with conflicts; while the
    /// device reads from the beginning, tombstones.
    ///
    /// Of a todo with an accepted change, the device does not know yet what others changed before.
    /// So it sends the change again as it was, unless a later page shows that it is not lost.
    pub(super) fn heal_beyond_cursor(&mut self, epoch: &str) {
        if self.table.is_some() || self.epoch.as_deref().is_none_or(|known| known == epoch) {
            return;
        }
        let cursor = self.cursor().unwrap_or(Stamp::MIN);
        self.doubt_beyond_cursor(epoch);
        let is_sent = |id| {
            let change = self.in_flight.get(id).or_else(|| self.unsent.get(id).filter(|c| c.is_healing()));
            change.is_some() || self.awaiting.contains_key(id)
        };
        let beyond = self.rows.values().filter(|row| row.updated_at > cursor && !is_sent(&row.id));
        for id in beyond.map(|row| row.id).collect::<Vec<_>>() {
            self.give_back(id, cursor);
        }
    }

    /// A todo of which the device has learned that it was deleted since is not given back unasked:
    /// by the time that the server is asked, the tombstone may be gone.
    pub(super) fn ask_before_healing_deleted(&mut self) {
        let is_deleted = |(id, change): &(&TodoId, &Change)| {
            let lost_after = change.healing.filter(|_| change.is_healing() && !change.deletes());
            let now =
                self.rows.get(id).filter(|now| now.is_tombstone() && !now.is_same_version(&change.seen));
            lost_after.zip(now).is_some_and(|(healing, now)| now.updated_at > healing.lost_after)
        };
        let deleted: Vec<_> = self.unsent.iter().filter(is_deleted).map(|(id, _)| *id).collect();
        for id in deleted {
            let fields = self.unsent.remove(&id).expect("it was found above").fields();
            let mine = self.lacking(&self.rows[&id], &fields);
            self.open_conflict(id, mine, fields, true);
        }
    }

    /// Makes the todo, with what is unsent of it, a row of healing. An edit that was made before a
    /// change by another device arrived is not sent unasked where both concern the same field, or
    /// where the other change is a deletion.
    pub(super) fn give_back(&mut self, id: TodoId, to: Stamp) {
        let held = self.rows[&id].clone();
        let change = self.take_back(id);
        let fields = self.with_unsent(&held, change.as_ref());
        self.unsent.insert(id, Change::healing(held, fields, to, change.as_ref()));
    }

    /// The todo whole, with the change as far as it may be sent unasked.
    pub(super) fn with_unsent(&mut self, held: &Row, change: Option<&Change>) -> Fields {
        let mut fields = self.merged(held, change).whole();
        let live = || self.ghosts.token(held.id, Key::Deleted, []);
        fields.entry(Key::Deleted).or_insert_with(|| Held { value: Value::Flag(false), token: live() });
        fields
    }

    fn merged(&mut self, held: &Row, change: Option<&Change>) -> Row {
        let Some(change) = change else { return held.clone() };
        let fields = change.fields();
        // What is the same on both sides is sent as it was typed.
        self.lacking(held, &fields);
        equate_equal(&self.ghosts, held, &change.seen);
        let restores = fields.contains_key(&Key::Deleted) && change.seen.is_tombstone();
        let is_blind = if deletes(&fields) {
            !change.seen.differing(held).is_empty()
        } else {
            held.is_tombstone() && !restores
        };
        let contested = if is_blind { fields.clone() } else { change.unaware_of(held) };
        if contested.is_empty() {
            return held.clone().with(&fields);
        }
        let whole = change.seen.clone().with(&fields).whole();
        let sent = fields.into_iter().filter(|(key, _)| !contested.contains_key(key)).collect();
        self.open_conflict(held.id, contested, whole, change.healing.is_some());
        held.clone().with(&sent)
    }

    /// The server's tombstones do not reach back to where the histories part: nothing is sent
    /// unasked.
    fn ask_later(&mut self) {
        self.stats.asked += 1;
        for id in self.outbox_ids() {
            let seen = self.view(id).whole();
            let aside = self.set_aside.get(&id).map(|aside| aside.whole.clone());
            let mut fields = self.to_ask.remove(&id).unwrap_or_default();
            let change = self.take_back(id).map(|change| change.fields());
            for (key, held) in [change, aside, Some(seen)].into_iter().flatten().flatten() {
                fields.entry(key).or_insert(held);
            }
            self.to_ask.insert(id, fields);
        }
    }

    /// Takes everything that is unsent of a todo out of the outbox, as one change.
    pub(super) fn take_back(&mut self, id: TodoId) -> Option<Change> {
        let later = joined(self.in_flight.remove(&id), self.unsent.remove(&id));
        joined(self.set_aside.remove(&id).map(|aside| aside.change), later)
    }

    /// Takes what is in flight back into the outbox.
    pub(super) fn unfreeze(&mut self) {
        for (id, change) in std::mem::take(&mut self.in_flight) {
            let unsent = self.unsent.remove(&id);
            self.unsent.extend(joined(Some(change), unsent).map(|change| (id, change)));
        }
    }

    fn outbox_ids(&self) -> BTreeSet<TodoId> {
        let outbox = self.in_flight.keys().chain(self.unsent.keys());
        outbox.chain(self.set_aside.keys()).copied().collect()
    }

    /// Reads everything from the beginning. Of the todos, only tombstones are kept.
    fn read_again(&mut self) {
        self.rows.retain(|_, row| row.is_tombstone());
        self.begin_reading();
    }

    pub(super) fn begin_reading(&mut self) {
        self.last_sync = None;
        self.behind = true;
        self.holds_back = true;
        self.include_deleted = true;
    }
}

/// What is in flight and what was edited since, as one change.
pub(super) fn joined(in_flight: Option<Change>, unsent: Option<Change>) -> Option<Change> {
    let Some(mut change) = in_flight else { return unsent };
    if let Some(later) = unsent {
        let mut fields = change.fields();
        fields.extend(later.fields());
        change.parts = vec![Part { fields, made_at: later.made_at() }];
        change.edited |= later.edited;
    } else {
        change.parts = vec![Part { fields: change.fields(), made_at: change.made_at() }];
    }
    Some(change)
}
