//! After the last page: accepted changes become final, and later edits are rebased on them.

use domain::{Stamp, TodoId};

use super::Device;
use crate::simulation::digest::digest;
use crate::simulation::ghosts::Ghosts;
use crate::simulation::outbox::{Change, Conflict, SetAside};
use crate::simulation::values::{Fields, Key, Row, deletes};

impl Device {
    /// The most repairs in a row; more are a loop.
    const MAX_REPAIRS: u32 = 6;

    /// Takes the last page as read. `server` is the server's digest.
    pub(super) fn finish(&mut self, server: Option<u64>) {
        self.settle();
        self.holds_back = false;
        self.include_deleted = false;
        if self.table.is_some() {
            self.compare();
            return;
        }
        for (id, aside) in std::mem::take(&mut self.set_aside) {
            self.rebase_set_aside(id, aside);
        }
        self.ask();
        let heals = self.in_flight.values().chain(self.unsent.values()).any(Change::is_healing);
        if server.is_none_or(|server| server == digest(self.rows.values())) {
            self.repairs = 0;
        } else if !heals {
            self.stats.repairs += 1;
            self.repairs += 1;
            assert!(self.repairs <= Self::MAX_REPAIRS, "{} repairs for ever", self.profile.name);
            self.start_repair();
        }
    }

    /// Rebases the edits that were made while a change was in flight. A field that came back with
    /// the value that this device showed takes the new version; with another value, it is in
    /// conflict, because the user typed without having seen it. A deletion is rebased only if every
    /// field came back as shown.
    pub(super) fn settle(&mut self) {
        for (id, accepted) in std::mem::take(&mut self.awaiting) {
            if accepted.doubtful && !accepted.confirmed {
                self.put_back(id, accepted);
            } else {
                self.rebase(id, &accepted.shown);
            }
        }
    }

    /// Rebases the unsent change of a todo that the device showed as `shown`.
    pub(super) fn rebase(&mut self, id: TodoId, shown: &Row) {
        let (Some(change), Some(now)) = (self.unsent.get_mut(&id), self.rows.get(&id)) else { return };
        let fields = change.fields();
        equate_equal(&self.ghosts, now, shown);
        if now.is_shrunk() && shown.is_tombstone() || !is_contested(&fields, &now.differing(shown), now) {
            change.base = now.version;
            change.seen = now.clone();
            change.healing = change.healing.filter(|healing| healing.resent);
        } else {
            self.unsent.remove(&id);
            self.open_conflict(id, fields, shown.whole(), false);
        }
    }

    /// Rebases a change that waited until everything was read again: a field is in conflict if the
    /// server's value is neither the acknowledged one nor the one in flight.
    fn rebase_set_aside(&mut self, id: TodoId, aside: SetAside) {
        let SetAside { in_flight, change, whole, may_be_lost } = aside;
        let acknowledged = &change.seen;
        let fields = change.fields();
        if change.is_healing() {
            self.unsent.insert(id, change);
            return;
        }
        let knew_deleted = acknowledged.is_tombstone() || in_flight.is_tombstone();
        let Some(now) = self.rows.get(&id).filter(|now| !now.is_shrunk() || knew_deleted) else {
            if !deletes(&fields) && whole.contains_key(&Key::Text) {
                self.unsent.insert(id, Change::new(Row::unknown(id), whole, change.made_at()));
            } else if deletes(&fields) && may_be_lost {
                // Other devices may have seen the todo before the server lost it, so the server has
                // to keep the deletion.
                let deletion = Fields::from([(Key::Deleted, fields[&Key::Deleted])]);
                let heals = Change::healing(acknowledged.clone(), deletion, Stamp::EPOCH, Some(&change));
                self.unsent.insert(id, heals);
            } else if deletes(&fields) {
                self.ghosts.forget_tombstone(id, fields[&Key::Deleted].token);
            } else {
                self.open_conflict(id, fields, whole, false);
            }
            return;
        };
        let mine = self.lacking(now, &fields);
        if mine.is_empty() {
            return;
        }
        equate_equal(&self.ghosts, now, acknowledged);
        equate_equal(&self.ghosts, now, &in_flight);
        let moved = |key: &Key| {
            let value = now.value(*key);
            // A tombstone that shrank lost its texts only.
            !now.is_shrunk() && value != acknowledged.value(*key) && value != in_flight.value(*key)
        };
        let moved: Vec<_> = Key::ALL.into_iter().filter(moved).collect();
        if is_contested(&mine, &moved, now) {
            self.open_conflict(id, mine, whole, false);
        } else {
            self.unsent.insert(id, Change::new(now.clone(), mine, change.made_at()));
        }
    }

    /// Shows each difference between the server's todos and what the server lost too long ago.
    fn ask(&mut self) {
        for (id, fields) in std::mem::take(&mut self.to_ask) {
            if self.conflicts.contains_key(&id) {
                self.to_ask.insert(id, fields);
                continue;
            }
            let now = self.rows.get(&id).cloned().unwrap_or(Row::unknown(id));
            let mine = self.lacking(&now, &fields);
            if now.version == 0 && deletes(&fields) {
                self.ghosts.forget_tombstone(id, fields[&Key::Deleted].token);
            } else {
                self.open_conflict(id, mine, fields, true);
            }
        }
    }

    /// The part of `fields` whose values `now` does not have. Those that it has count as known to
    /// the author of `now`.
    pub(super) fn lacking(&self, now: &Row, fields: &Fields) -> Fields {
        if now.version == 0 {
            return fields.clone();
        }
        for (key, held) in fields.iter().filter(|(key, held)| now.holds(**key, **held)) {
            self.ghosts.equate(self.ghosts.shown_in(now, *key), held.token);
        }
        now.lacking(fields)
    }

    /// Keeps values for the user to decide. If a conflict of the todo is open already, acknowledged
    /// values do not replace those that the user has not sent.
    pub(super) fn open_conflict(&mut self, id: TodoId, mine: Fields, whole: Fields, acknowledged: bool) {
        if mine.is_empty() {
            return;
        }
        self.stats.conflicts += 1;
        let Conflict { mine: open, whole: known } = self.conflicts.entry(id).or_default();
        if acknowledged {
            for (key, held) in mine {
                let kept = open.entry(key).or_insert(held);
                if *kept != held {
                    self.ghosts.show([held.token]);
                }
            }
        } else {
            open.extend(mine);
        }
        known.extend(whole);
    }
}

/// A value that came back as it was shown counts as seen, although another author may have put it
/// there meanwhile.
pub(super) fn equate_equal(ghosts: &Ghosts, now: &Row, shown: &Row) {
    for key in Key::ALL.into_iter().filter(|key| now.value(*key) == shown.value(*key)) {
        ghosts.equate(ghosts.shown_in(now, key), ghosts.shown_in(shown, key));
    }
}

/// Whether an unsent change of `fields` is contested by the fields that came back with other
/// values.
pub(super) fn is_contested(fields: &Fields, moved: &[Key], now: &Row) -> bool {
    !moved.is_empty()
        && (deletes(fields) || now.is_tombstone() || moved.iter().any(|key| fields.contains_key(key)))
}
