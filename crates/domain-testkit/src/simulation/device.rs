//! A device: local todos, unsent edits, a cursor.
//!
//! A device does what the protocol asks of a client and nothing else: it sends its changes, applies
//! each answer, and stores the cursor. It follows three rules:
//! - An unsent edit keeps the version that it was made against, whatever the device learns
//!   meanwhile.
//! - An accepted change is final only after the last page. A todo that came back replaces the
//!   device's own; a todo that did not come back is exactly what the device sent.
//! - After a conflict, the user drops the edit, or makes it again against the todo that the
//!   conflict showed.

use std::collections::BTreeMap;

use domain::sync::SyncTimestamp;
use domain::{Stamp, TodoId};

use super::profile::Profile;
use super::stats::{Acknowledgement, DeviceStats};
use super::wire::{Answer, Fields, Request, Row, Upload, Verdict};

/// An edit that the server has not accepted yet.
#[derive(Clone, Debug)]
struct Pending {
    base: Option<i64>,
    /// Whether it was made on top of an accepted change that is not final yet.
    on_accepted: bool,
    fields: Fields,
    made_at: Stamp,
}

/// An accepted change that is not final yet.
#[derive(Clone, Debug)]
struct Accepted {
    fields: Fields,
    version: i64,
}

/// One device.
#[derive(Clone, Debug)]
pub struct Device {
    pub profile: Profile,
    /// Every change that the server acknowledged.
    pub acknowledged: Vec<Acknowledgement>,
    pub stats: DeviceStats,
    rows: BTreeMap<TodoId, Row>,
    accepted: BTreeMap<TodoId, Accepted>,
    pending: BTreeMap<TodoId, Vec<Pending>>,
    last_sync: Option<SyncTimestamp>,
    epoch: Option<String>,
    behind: bool,
}

impl Device {
    /// A device that has seen nothing.
    #[must_use]
    pub fn new(profile: Profile) -> Self {
        Self {
            profile,
            acknowledged: Vec::new(),
            stats: DeviceStats::default(),
            rows: BTreeMap::new(),
            accepted: BTreeMap::new(),
            pending: BTreeMap::new(),
            last_sync: None,
            epoch: None,
            behind: true,
        }
    }

    /// The server's todos that the device knows for certain.
    #[must_use]
    pub const fn rows(&self) -> &BTreeMap<TodoId, Row> {
        &self.rows
    }

    /// The stamp up to which the device knows everything.
    #[must_use]
    pub fn cursor(&self) -> Option<Stamp> {
        self.last_sync.map(|since| since.at)
    }

    /// Whether the last answer was not the last page.
    #[must_use]
    pub const fn is_behind(&self) -> bool {
        self.behind
    }

    /// Whether every edit is sent and every accepted change is final.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.pending.is_empty() && self.accepted.is_empty()
    }

    /// Whether a change of `id` is accepted and not final yet.
    #[must_use]
    pub fn awaits(&self, id: TodoId) -> bool {
        self.accepted.contains_key(&id)
    }

    /// The todos as the user sees them.
    #[must_use]
    pub fn view(&self) -> BTreeMap<TodoId, Row> {
        let ids = self.rows.keys().chain(self.accepted.keys()).chain(self.pending.keys());
        ids.map(|id| (*id, self.seen(*id, usize::MAX))).collect()
    }

    /// The todo with the first `edits` pending edits applied.
    fn seen(&self, id: TodoId, edits: usize) -> Row {
        let row = self.rows.get(&id).cloned().unwrap_or(Row::unknown(id));
        let accepted = self.accepted.get(&id).map(|accepted| &accepted.fields);
        let pending = self.pending.get(&id).into_iter().flatten().take(edits).map(|pending| &pending.fields);
        accepted.into_iter().chain(pending).fold(row, Row::with)
    }

    /// The user changes a todo at the server's time `now`.
    pub fn edit(&mut self, id: TodoId, fields: Fields, now: Stamp) {
        let made_at = self.time(now);
        let on_accepted = self.accepted.contains_key(&id);
        let known = self.rows.get(&id).map(|row| row.version).or(self.profile.first_version);
        let pending = self.pending.entry(id).or_default();
        match pending.last_mut() {
            Some(last) if !self.profile.sends_each_edit && last.on_accepted == on_accepted => {
                last.fields.add(fields);
                last.made_at = made_at;
            }
            last => {
                let base = last.map_or(known, |last| last.base);
                pending.push(Pending { base, on_accepted, fields, made_at });
                self.stats.made += 1;
            }
        }
    }

    /// The request that the device sends now.
    #[must_use]
    pub fn request(&self) -> Request {
        let ready = self.pending.iter().filter(|(id, _)| !self.accepted.contains_key(id));
        let uploads = ready.flat_map(|(id, pending)| {
            pending.iter().enumerate().map(|(index, edit)| {
                let creates = edit.base == self.profile.first_version && edit.fields.text.is_some();
                let whole = self.profile.sends_whole_todos && (creates || self.rows.contains_key(id));
                let fields = if whole { self.seen(*id, index + 1).fields() } else { edit.fields.clone() };
                Upload { id: *id, version: edit.base, fields, updated_at: edit.made_at }
            })
        });
        Request {
            last_sync: self.last_sync,
            epoch: self.epoch.clone(),
            strategy: self.profile.strategy,
            client_id: self.profile.name.clone(),
            limit: self.profile.limit,
            todos: uploads.collect(),
        }
    }

    /// Takes the answer to `request`, the last one that [`Device::request`] returned.
    pub fn take(&mut self, request: &Request, answer: Answer) {
        assert_eq!(request.todos.len(), answer.verdicts.len(), "one verdict for each todo sent");
        let mut acknowledged = BTreeMap::new();
        for (upload, verdict) in request.todos.iter().zip(answer.verdicts) {
            acknowledge(&mut acknowledged, upload, &verdict);
            self.judge(upload, verdict);
        }
        self.acknowledged.extend(acknowledged.into_values());
        self.pending.retain(|_, pending| !pending.is_empty());
        let mut last = request.last_sync.map(|since| since.at);
        for row in answer.changes {
            assert!(row.updated_at > last, "changes come in stamp order, each after the cursor: {row:?}");
            last = row.updated_at;
            self.learn(row);
        }
        let complete_to = Some(answer.sync_timestamp.at);
        assert!(last <= complete_to, "no change is later than the new cursor");
        assert!(!answer.has_more || complete_to > self.cursor(), "each page makes progress");
        self.last_sync = Some(answer.sync_timestamp);
        self.epoch = Some(answer.epoch);
        self.behind = answer.has_more;
        if self.behind {
            self.stats.pages += 1;
        } else {
            self.finish();
        }
    }

    /// Starts from the beginning, and keeps the unsent edits.
    pub fn resync(&mut self) {
        self.rows.clear();
        self.accepted.clear();
        self.last_sync = None;
        self.epoch = None;
        self.behind = true;
    }

    fn time(&self, now: Stamp) -> Stamp {
        Stamp::from_micros(now.as_micros() + self.profile.clock_skew).expect("a small skew")
    }

    fn judge(&mut self, upload: &Upload, verdict: Verdict) {
        let id = upload.id;
        let pending = self.pending.get_mut(&id).expect("only what is pending is sent");
        let mut edit = pending.remove(0);
        match verdict {
            Verdict::Applied(version) => {
                self.stats.accepted += 1;
                if version > 0 {
                    let accepted = Accepted { fields: Fields::default(), version };
                    let accepted = self.accepted.entry(id).or_insert(accepted);
                    accepted.fields.add(upload.fields.clone());
                    accepted.version = version;
                }
            }
            Verdict::Conflict { server, server_wins } => {
                self.stats.conflicts += 1;
                if self.profile.retries_conflicts && !server_wins {
                    edit.base = Some(server.version);
                    if server.deleted && edit.fields.deleted.is_none() {
                        edit.fields.deleted = Some(false);
                    }
                    pending.push(edit);
                } else {
                    self.stats.dropped += 1;
                }
                // The todo in the conflict takes precedence over the one that the device expects
                // after an earlier change of the request, which may be replaced already.
                self.accepted.remove(&id);
                self.learn_of_conflict(server);
            }
            Verdict::Rejected => self.stats.rejected += 1,
        }
    }

    /// The todo may have changed again since, and then it is among the changes too. At an equal version
    /// it still counts: the device may hold a tombstone with values of its own.
    fn learn_of_conflict(&mut self, server: Row) {
        if self.rows.get(&server.id).is_none_or(|row| row.version <= server.version) {
            self.rows.insert(server.id, server);
        }
    }

    fn learn(&mut self, row: Row) {
        let held = self.rows.get(&row.id).map_or(0, |row| row.version);
        assert!(row.version >= held, "the device already holds version {held}: {row:?}");
        if let Some(accepted) = self.accepted.remove(&row.id) {
            assert!(row.version >= accepted.version, "{accepted:?} was acknowledged, and now it is {row:?}");
            self.stats.merged += 1;
        }
        self.rows.insert(row.id, row);
    }

    /// Called after the last page: an accepted change whose todo did not come back is exactly what
    /// was sent.
    fn finish(&mut self) {
        for (id, Accepted { fields, version }) in std::mem::take(&mut self.accepted) {
            let row = self.rows.remove(&id).unwrap_or(Row::unknown(id)).with(&fields);
            self.rows.insert(id, Row { version, updated_at: None, ..row });
            for pending in self.pending.get_mut(&id).into_iter().flatten().filter(|edit| edit.on_accepted) {
                pending.base = Some(version);
            }
        }
        for pending in self.pending.values_mut().flatten() {
            pending.on_accepted = false;
        }
    }
}

/// Adds `upload` to what the server acknowledged of a request. A later upload of a todo replaces what
/// an earlier one named, and a deletion replaces all of it.
fn acknowledge(acknowledged: &mut BTreeMap<TodoId, Acknowledgement>, upload: &Upload, verdict: &Verdict) {
    let id = upload.id;
    let none = Acknowledgement { id, version: 0, fields: Fields::default() };
    let of_todo = acknowledged.entry(id).or_insert(none);
    if upload.fields.deleted == Some(true) {
        of_todo.fields = Fields::default();
    }
    of_todo.fields.remove(&upload.fields);
    if let Verdict::Applied(version) = verdict {
        of_todo.version = *version;
        if upload.fields.deleted == Some(true) {
            of_todo.fields.deleted = Some(true);
        } else {
            of_todo.fields.add(upload.fields.clone());
        }
    }
}
