//! Takes an answer: verdicts on what was in flight, then changes, then the cursor.

use std::collections::BTreeMap;

use domain::{Stamp, TodoId};

use super::Device;
use crate::simulation::outbox::{Accepted, Change, Healing, Part};
use crate::simulation::values::{Fields, Key, Row, deletes, tokens};
use crate::simulation::wire::{Answer, Gone, Reply, Request, Verdict};

/// The verdicts on the parts of one change, put together.
#[derive(Default)]
struct Judged {
    /// The todo that the device shows, if the last verdict on it was an acceptance.
    accepted: Option<Row>,
    contested: Fields,
    refused: bool,
    rejected: bool,
}

impl Device {
    /// Takes the reply to `request`, the last one that [`Device::request`] returned.
    pub fn take(&mut self, request: &Request, reply: Reply) {
        match reply {
            Reply::Done(answer) => self.take_answer(request, answer),
            Reply::Gone(Gone::Forgotten { epoch }) => self.start_again(&epoch),
            Reply::Gone(Gone::Restored { epoch, to, horizon }) => self.heal(epoch, to, horizon),
        }
    }

    fn take_answer(&mut self, request: &Request, answer: Answer) {
        assert_eq!(request.todos.len(), answer.verdicts.len(), "one verdict for each todo sent");
        let mut verdicts = BTreeMap::<_, Vec<_>>::new();
        for (upload, verdict) in request.todos.iter().zip(answer.verdicts) {
            verdicts.entry(upload.id).or_default().push(verdict);
        }
        self.heal_beyond_cursor(&answer.epoch);
        let mut is_strange = self.has_strange_row(request, &answer.changes);
        for (id, verdicts) in verdicts {
            let change = self.in_flight.remove(&id).expect("what was sent is in flight");
            if is_from_the_past(self.rows.get(&id), &change, &verdicts) {
                is_strange = true;
                self.in_flight.insert(id, change);
            } else {
                self.judge(id, &change, verdicts);
            }
        }
        let mut last = request.last_sync.map(|since| since.at);
        for row in answer.changes {
            assert!(Some(row.updated_at) > last, "changes come in stamp order, after the cursor: {row:?}");
            last = Some(row.updated_at);
            // A repair compares what the device holds, so nothing may replace it before.
            if !is_strange {
                self.learn(row);
            }
        }
        let complete_to = Some(answer.sync_timestamp.at);
        assert!(last <= complete_to, "no change is later than the new cursor");
        // Without changes, the server says that the cursor went stale while it wrote.
        let progresses = complete_to > self.cursor() || last == request.last_sync.map(|since| since.at);
        assert!(!answer.has_more || progresses, "each page makes progress");
        self.last_sync = Some(answer.sync_timestamp);
        self.epoch = Some(answer.epoch);
        self.behind = answer.has_more;
        self.stats.pages += u64::from(self.behind);
        if is_strange {
            self.stats.strange += 1;
            self.settle();
            self.start_repair();
        } else if !self.behind {
            self.finish(answer.digest);
        }
    }

    /// Whether a row came whose version is not above the held one although its stamp is another:
    /// the server's history is another than the device's. While a row of healing is in flight or
    /// unsent, this is known already.
    fn has_strange_row(&self, request: &Request, changes: &[Row]) -> bool {
        let mut outbox = self.in_flight.values().chain(self.unsent.values());
        if self.table.is_some() || request.last_sync.is_none() || outbox.any(|c| c.healing.is_some()) {
            return false;
        }
        let sent = |row: &Row| request.todos.iter().any(|upload| upload.id == row.id);
        changes.iter().any(|row| {
            let held = self.rows.get(&row.id);
            let differs = |held: &Row| row.version <= held.version && row.updated_at != held.updated_at;
            let lacks = |held: &Row| !row.is_tombstone() || !held.is_tombstone();
            held.is_some_and(|held| differs(held) && lacks(held)) && !sent(row)
        })
    }

    fn judge(&mut self, id: TodoId, change: &Change, verdicts: Vec<Verdict>) {
        let mut judged = Judged::default();
        for (part, verdict) in change.parts.iter().zip(verdicts) {
            if let Verdict::Conflict { server, .. } = &verdict
                && let Some(healing) = change.healing.filter(|h| !h.resent)
                && server.updated_at <= healing.lost_after
            {
                let server = server.clone();
                self.send_on(server, change, healing);
                return;
            }
            self.judge_part(id, change, part, verdict, &mut judged);
        }
        let later = self.unsent.get(&id).map(Change::fields);
        if judged.rejected {
            self.stats.rejected += 1;
            self.ghosts.show(tokens(&change.fields()).chain(later.iter().flat_map(tokens)));
            self.unsent.remove(&id);
        } else if judged.refused {
            let mut mine = judged.contested;
            mine.extend(later.into_iter().flatten());
            self.unsent.remove(&id);
            if !mine.is_empty() {
                let fields = change.fields();
                let whole = if fields.len() > 2 { fields } else { Fields::new() };
                self.open_conflict(id, mine, whole, change.healing.is_some());
            }
        }
        if let Some(row) = judged.accepted {
            let before = self.rows.insert(id, row.clone());
            let change = change.clone();
            self.awaiting
                .insert(id, Accepted { shown: row, before, change, confirmed: false, doubtful: false });
        }
    }

    fn judge_part(&mut self, id: TodoId, change: &Change, part: &Part, verdict: Verdict, to: &mut Judged) {
        match verdict {
            Verdict::Applied(stored) => {
                // Of a todo that the server never had, it stores no tombstone either.
                if deletes(&part.fields) && (stored.is_some() || change.base > 0) {
                    self.ghosts.acknowledge_deletion(part.fields[&Key::Deleted].token);
                }
                for key in part.fields.keys() {
                    to.contested.remove(key);
                }
                let Some((version, updated_at)) = stored else {
                    self.rows.remove(&id);
                    if let Some(later) = self.unsent.get_mut(&id) {
                        later.base = 0;
                    }
                    return;
                };
                let held = self.rows.get(&id);
                let is_anew =
                    held.into_iter().chain([&change.seen]).any(|k| is_other(k, version, updated_at));
                let shown = match to.accepted.take() {
                    None if is_anew && !change.is_healing() => {
                        self.send_left_out(id, change, (version, updated_at));
                        None
                    }
                    None => held.cloned(),
                    accepted => accepted,
                };
                let mut row = shown.unwrap_or(Row::unknown(id)).with(&part.fields);
                (row.version, row.updated_at) = (version, updated_at);
                let held = self.rows.get(&id).filter(|held| held.is_same_version(&row));
                if change.is_healing() && row.is_tombstone() && held.is_none() {
                    row.fields = row.whole();
                }
                to.accepted = Some(row);
            }
            Verdict::Conflict { server, fields, server_wins } => {
                self.stats.conflicts += 1;
                to.accepted = None;
                to.refused = true;
                let held = self.rows.get(&id);
                if change.healing.is_some() || held.is_none_or(|held| held.updated_at < server.updated_at) {
                    self.rows.insert(id, server);
                }
                if server_wins {
                    self.ghosts.show(tokens(&part.fields));
                    to.contested.retain(|key, _| !part.fields.contains_key(key));
                } else {
                    let contested = fields.iter().filter_map(|key| part.fields.get_key_value(key));
                    to.contested.extend(contested);
                }
            }
            Verdict::Rejected => to.rejected = true,
        }
    }

    /// The server's todo is older than what it lost: the healing item is sent again on top of it, as
    /// an ordinary change.
    fn send_on(&mut self, server: Row, change: &Change, healing: Healing) {
        self.stats.resent += 1;
        let id = server.id;
        let mut fields = change.fields();
        let later = self.unsent.remove(&id);
        fields.extend(later.iter().flat_map(Change::fields));
        let made_at = later.as_ref().map_or(change.made_at(), Change::made_at);
        let again = Change {
            base: server.version,
            seen: server.clone(),
            parts: vec![Part { fields, made_at }],
            healing: Some(Healing { resent: true, ..healing }),
            edited: change.edited || later.is_some(),
        };
        self.rows.insert(id, server);
        self.unsent.insert(id, again);
    }

    /// The server created the todo anew, as its tombstone was gone, and has only what the change
    /// names. The values that the change left out are sent after it.
    fn send_left_out(&mut self, id: TodoId, change: &Change, (version, updated_at): (i64, Stamp)) {
        let sent = change.fields();
        let mut left_out = change.seen.fields.clone();
        left_out.retain(|key, held| {
            *key != Key::Deleted && held.value != key.initial() && !sent.contains_key(key)
        });
        if left_out.is_empty() || deletes(&sent) {
            return;
        }
        let seen = Row { version, updated_at, ..Row::unknown(id) }.with(&sent);
        let later = self.unsent.remove(&id);
        let made_at = later.as_ref().map_or(change.made_at(), Change::made_at);
        left_out.extend(later.iter().flat_map(Change::fields));
        self.unsent.insert(id, Change::new(seen, left_out, made_at));
    }

    /// Takes over a todo that changed on the server.
    fn learn(&mut self, row: Row) {
        if let Some(table) = &mut self.table {
            table.insert(row.id, row);
            return;
        }
        self.confirm(&row);
        let held = self.rows.get(&row.id);
        let unsent = self.conflicts.contains_key(&row.id) || self.unsent.contains_key(&row.id);
        if row.is_tombstone() && held.is_none() && !unsent && !self.include_deleted {
            return;
        }
        let awaited = self.awaiting.contains_key(&row.id);
        if held.is_none_or(|held| held.updated_at <= row.updated_at) || awaited {
            self.rows.insert(row.id, row);
        }
    }
}

/// Whether a todo with this version and stamp is not what `known` became through changes: it
/// belongs to another history, or was created again.
fn is_other(known: &Row, version: i64, at: Stamp) -> bool {
    version < known.version || version == known.version && at != known.updated_at
}

/// Whether the server accepted the change for a todo that is older than what the device knows. Then
/// the database lost something without an announcement.
fn is_from_the_past(held: Option<&Row>, change: &Change, verdicts: &[Verdict]) -> bool {
    let known = || held.into_iter().chain([&change.seen]);
    let is_past = |verdict: &Verdict| match verdict {
        Verdict::Applied(Some((version, at))) => {
            known().any(|known| is_other(known, *version, *at) && *at <= known.updated_at)
        }
        _ => false,
    };
    !change.is_healing() && verdicts.iter().any(is_past)
}
