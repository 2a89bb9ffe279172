//! What a device's user does: edit, delete, restore, decide a conflict.

use domain::{Stamp, TodoId};

use super::Device;
use crate::simulation::outbox::Change;
use crate::simulation::random::Random;
use crate::simulation::token::Token;
use crate::simulation::values::{Fields, Held, Key, Row, Value, deletes, tokens};

impl Device {
    /// The todos that the user can change now: not those that wait for a decision.
    #[must_use]
    pub fn editable(&self) -> Vec<Row> {
        let ids = self.rows.keys().chain(self.in_flight.keys()).chain(self.unsent.keys());
        let mut ids: Vec<_> = ids.filter(|id| !self.waits_for_decision(**id)).copied().collect();
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter().map(|id| self.view(id)).filter(Row::has_text).collect()
    }

    fn waits_for_decision(&self, id: TodoId) -> bool {
        self.conflicts.contains_key(&id) || self.to_ask.contains_key(&id) || self.set_aside.contains_key(&id)
    }

    /// Whether the device holds nothing of this id.
    #[must_use]
    pub fn is_new(&self, id: TodoId) -> bool {
        !self.waits_for_decision(id) && self.view(id) == Row::unknown(id)
    }

    /// The user gives fields new values at the server's time `now`.
    pub fn edit(&mut self, id: TodoId, values: &[(Key, Value)], now: Stamp) {
        let seen = self.view(id);
        let held = |(key, value): &(Key, Value)| {
            let token = self.ghosts.token(id, *key, [self.ghosts.shown_in(&seen, *key)]);
            if seen.value(*key) == *value {
                // The user typed what was there already.
                self.ghosts.show([token]);
            }
            (*key, Held { value: *value, token })
        };
        self.put(id, values.iter().map(held).collect(), now);
    }

    /// The user deletes the todo as it is shown.
    pub fn delete(&mut self, id: TodoId, now: Stamp) {
        let deletion = self.deletion(id, self.ghosts.shown_by(&self.view(id)));
        self.put(id, Fields::from([deletion]), now);
    }

    /// The user restores the tombstone. The change names every field that the device holds: the
    /// server may have other values in its tombstone.
    pub fn restore(&mut self, id: TodoId, now: Stamp) {
        let seen = self.view(id);
        let token = self.ghosts.token(id, Key::Deleted, [seen.token(Key::Deleted)]);
        let mut fields = seen.fields;
        fields.insert(Key::Deleted, Held { value: Value::Flag(false), token });
        self.put(id, fields, now);
    }

    fn deletion(&self, id: TodoId, knows: impl IntoIterator<Item = Token>) -> (Key, Held) {
        let token = self.ghosts.token(id, Key::Deleted, knows);
        (Key::Deleted, Held { value: Value::Flag(true), token })
    }

    fn put(&mut self, id: TodoId, fields: Fields, now: Stamp) {
        let made_at = self.time(now);
        if let Some(change) = self.unsent.get_mut(&id) {
            change.add(fields, made_at, self.profile.sends_each_edit);
        } else {
            let seen = self.acknowledged(id);
            self.unsent.insert(id, Change::new(seen, fields, made_at));
        }
    }

    /// The conflicts that can be decided now.
    #[must_use]
    pub fn decidable(&self) -> Vec<TodoId> {
        let heals = |id: &TodoId| self.unsent.get(id).is_some_and(|change| change.healing.is_some());
        let is_free = |id: &&TodoId| {
            !self.in_flight.contains_key(*id) && !self.set_aside.contains_key(*id) && !heals(id)
        };
        let all = self.conflicts.keys().filter(is_free).copied();
        if self.table.is_none() { all.collect() } else { Vec::new() }
    }

    /// The user decides a conflict: for the server's todo, or for the values typed here.
    pub fn decide(&mut self, id: TodoId, random: &mut Random, now: Stamp) {
        let conflict = self.conflicts.remove(&id).expect("the conflict is open");
        let server = self.rows.get(&id).cloned().unwrap_or(Row::unknown(id));
        let mut mine = self.lacking(&server, &conflict.mine);
        if mine.is_empty() {
            return;
        }
        if random.chance(50) {
            self.ghosts.show(tokens(&conflict.mine));
            return;
        }
        let values: Vec<_> = mine.iter().map(|(key, held)| (*key, *held)).collect();
        for (key, held) in values {
            let token = self.ghosts.token(id, key, [held.token, self.ghosts.shown_in(&server, key)]);
            mine.insert(key, Held { token, ..held });
        }
        if deletes(&mine) {
            let known = self.ghosts.shown_by(&server).into_iter().chain(tokens(&mine));
            let (key, deletion) = self.deletion(id, known.collect::<Vec<_>>());
            mine.insert(key, deletion);
        } else if server.is_tombstone() && !mine.contains_key(&Key::Deleted) {
            let token = self.ghosts.token(id, Key::Deleted, [server.token(Key::Deleted)]);
            mine.insert(Key::Deleted, Held { value: Value::Flag(false), token });
        }
        if !deletes(&mine) && server.is_tombstone() {
            for (key, held) in server.fields.iter().filter(|_| server.has_text()) {
                mine.entry(*key).or_insert(*held);
            }
        }
        if !deletes(&mine) && (server.version == 0 || server.is_shrunk()) {
            for (key, held) in &conflict.whole {
                mine.entry(*key).or_insert(*held);
            }
            if !mine.contains_key(&Key::Text) {
                // The device holds too little of the todo to create it again, and its user sees that.
                self.ghosts.show(tokens(&mine));
                return;
            }
        }
        self.put(id, mine, now);
    }
}
