//! A device: todos, an outbox, a cursor.
//!
//! A device does what the protocol asks of a client and nothing else:
//! - What is in flight is frozen. If its answer is lost, it is sent again exactly as it was.
//! - Later edits are combined until they are sent. An unsent edit keeps the version that it was
//!   made against, whatever the device learns meanwhile.
//! - An accepted change is final only after the last page ([`accepted`]). Then later edits are
//!   rebased, field by field, on the todo that came back ([`rebase`]).
//! - The device keeps tombstones, and gives back what the server lost ([`heal`]).
//! - Nothing is dropped on an error. What can't be sent waits for the user's decision ([`user`]).

mod accepted;
mod answer;
mod heal;
mod rebase;
mod repair;
mod user;

use std::collections::{BTreeMap, BTreeSet};

use domain::sync::SyncTimestamp;
use domain::{Stamp, TodoId};

use super::ghosts::Ghosts;
use super::outbox::{Accepted, Change, Conflict, SetAside};
use super::profile::Profile;
use super::random::Random;
use super::stats::DeviceStats;
use super::token::Token;
use super::values::{Fields, Key, Row, tokens};
use super::wire::{Request, Upload};

/// One device.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about the reading")]
pub struct Device {
    pub profile: Profile,
    pub stats: DeviceStats,
    ghosts: Ghosts,
    /// The todos that the server acknowledged, tombstones included.
    rows: BTreeMap<TodoId, Row>,
    in_flight: BTreeMap<TodoId, Change>,
    unsent: BTreeMap<TodoId, Change>,
    conflicts: BTreeMap<TodoId, Conflict>,
    /// Accepted changes that are not final before the last page.
    awaiting: BTreeMap<TodoId, Accepted>,
    /// Changes that wait until everything is read again.
    set_aside: BTreeMap<TodoId, SetAside>,
    /// What the server lost so long ago that the user has to decide about each difference.
    to_ask: BTreeMap<TodoId, Fields>,
    /// During a repair, what has been read so far.
    table: Option<BTreeMap<TodoId, Row>>,
    /// Whether the user decides about the differences that the repair finds.
    asks: bool,
    /// During a repair after an unknown epoch, the horizon that the server named: what was
    /// acknowledged up to it and is gone may have been deleted, so the user decides.
    unsure_until: Option<Stamp>,
    last_sync: Option<SyncTimestamp>,
    epoch: Option<String>,
    /// Whether there are more pages.
    behind: bool,
    /// Whether the device sends nothing before the last page.
    holds_back: bool,
    include_deleted: bool,
    /// The number of repairs since the digests last agreed.
    repairs: u32,
}

impl Device {
    /// A device that has seen nothing.
    #[must_use]
    pub fn new(profile: Profile, ghosts: Ghosts) -> Self {
        Self {
            profile,
            stats: DeviceStats::default(),
            ghosts,
            rows: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            unsent: BTreeMap::new(),
            conflicts: BTreeMap::new(),
            awaiting: BTreeMap::new(),
            set_aside: BTreeMap::new(),
            to_ask: BTreeMap::new(),
            table: None,
            asks: false,
            unsure_until: None,
            last_sync: None,
            epoch: None,
            behind: true,
            holds_back: false,
            include_deleted: false,
            repairs: 0,
        }
    }

    /// The server's todos, as far as the device knows them.
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

    /// Whether the device reads everything to compare it.
    #[must_use]
    pub const fn is_repairing(&self) -> bool {
        self.table.is_some()
    }

    /// Whether everything is sent, decided and final.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        !self.behind
            && self.table.is_none()
            && self.in_flight.is_empty()
            && self.unsent.is_empty()
            && self.conflicts.is_empty()
            && self.awaiting.is_empty()
            && self.set_aside.is_empty()
            && self.to_ask.is_empty()
    }

    /// The acknowledged todo as the user sees it. Values that came with a page before the last one
    /// are not shown yet where the device has changed the todo itself.
    fn acknowledged(&self, id: TodoId) -> Row {
        let shown = self.awaiting.get(&id).map(|accepted| &accepted.shown);
        let row = shown.or_else(|| self.rows.get(&id));
        row.cloned().unwrap_or(Row::unknown(id))
    }

    /// The todo as the user sees it.
    #[must_use]
    pub fn view(&self, id: TodoId) -> Row {
        let row = self.acknowledged(id);
        let changes = [self.in_flight.get(&id), self.unsent.get(&id)];
        changes.into_iter().flatten().fold(row, |row, change| row.with(&change.fields()))
    }

    /// The tokens of all values that the device holds anywhere. What a repair has read so far is not
    /// held yet: if the repair has to start again, it is dropped.
    #[must_use]
    pub fn tokens(&self) -> BTreeSet<Token> {
        let accepted = self.awaiting.values();
        let rows = self.rows.values().chain(accepted.clone().map(|accepted| &accepted.shown));
        let rows = rows.chain(accepted.clone().filter_map(|accepted| accepted.before.as_ref()));
        let rows = rows.map(|row| row.fields.clone());
        let accepted = accepted.map(|accepted| &accepted.change);
        let changes = self.in_flight.values().chain(self.unsent.values()).chain(accepted).map(Change::fields);
        let aside = self.set_aside.values().flat_map(|aside| [aside.change.fields(), aside.whole.clone()]);
        let conflicts = self.conflicts.values().flat_map(|c| [c.mine.clone(), c.whole.clone()]);
        let all = rows.chain(changes).chain(aside).chain(conflicts).chain(self.to_ask.values().cloned());
        all.flat_map(|fields| tokens(&fields).collect::<Vec<_>>()).collect()
    }

    /// Drops the tombstones that are older than `before`, except those on which something unsent
    /// rests.
    pub fn forget_tombstones(&mut self, before: Stamp) {
        let outbox: BTreeSet<_> = self.in_flight.keys().chain(self.unsent.keys()).copied().collect();
        let is_old = |id: &TodoId, row: &mut Row| {
            row.is_tombstone() && row.updated_at < before && !outbox.contains(id)
        };
        for (id, row) in self.rows.extract_if(.., is_old) {
            self.ghosts.forget_tombstone(id, row.token(Key::Deleted));
        }
    }

    /// The request that the device sends now. What it contains is in flight until its answer comes.
    pub fn request(&mut self, random: &mut Random) -> Request {
        let is_new = self.last_sync.is_none() && !self.holds_back;
        if self.in_flight.is_empty() && (!self.behind || is_new) {
            self.ask_before_healing_deleted();
            self.freeze(random);
        }
        let uploads = self.in_flight.iter().flat_map(|(id, change)| {
            change.parts.iter().map(|part| Upload {
                id: *id,
                version: if change.base == 0 { self.profile.first_version } else { Some(change.base) },
                fields: part.fields.clone(),
                healing: change.is_healing(),
                updated_at: part.made_at,
                edited: change.edited,
                seen_at: change.seen.updated_at,
            })
        });
        Request {
            last_sync: self.last_sync,
            epoch: self.epoch.clone(),
            strategy: self.profile.strategy,
            client_id: self.profile.name.clone(),
            limit: self.profile.limit,
            include_deleted: self.include_deleted,
            todos: uploads.collect(),
        }
    }

    /// Takes some of the unsent changes into flight.
    fn freeze(&mut self, random: &mut Random) {
        for _ in 0..self.profile.batch {
            let is_ready = |(id, change): &(&TodoId, &Change)| {
                let decided = !self.conflicts.contains_key(id) || change.healing.is_some();
                decided && !self.awaiting.contains_key(id)
            };
            let ready: Vec<_> = self.unsent.iter().filter(is_ready).map(|(id, _)| *id).collect();
            if ready.is_empty() {
                return;
            }
            let id = random.pick(&ready);
            let mut change = self.unsent.remove(&id).expect("it was found above");
            if self.profile.sends_whole_todos && change.healing.is_none() {
                complete(&mut change);
            }
            self.in_flight.insert(id, change);
        }
    }

    fn time(&self, now: Stamp) -> Stamp {
        Stamp::from_micros(now.as_micros() + self.profile.clock_skew).expect("a small skew")
    }
}

/// Adds to each part the values that the user saw in the other fields.
fn complete(change: &mut Change) {
    let mut row = change.seen.clone();
    for part in &mut change.parts {
        row = row.with(&part.fields);
        part.fields = row.fields.clone();
    }
}
