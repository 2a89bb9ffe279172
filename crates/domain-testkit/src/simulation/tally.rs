//! What devices remember of their exchanges, for the tests.

use domain::TodoId;

use super::wire::Fields;

/// What a server acknowledged.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// Of which todo.
    pub id: TodoId,
    /// At which version.
    pub version: i64,
    /// With which values.
    pub fields: Fields,
}

/// How often a device met what.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Edits, those of one todo that were sent as one counted as one.
    pub made: u64,
    /// Edits accepted.
    pub accepted: u64,
    /// Conflicts.
    pub conflicts: u64,
    /// Edits dropped in a conflict.
    pub dropped: u64,
    /// Edits that could not be applied.
    pub rejected: u64,
    /// Answers that were not the last page.
    pub pages: u64,
    /// Todos that came back because they were more than what was sent.
    pub merged: u64,
}

impl Tally {
    /// Adds another device's.
    pub const fn add(&mut self, other: &Self) {
        self.made += other.made;
        self.accepted += other.accepted;
        self.conflicts += other.conflicts;
        self.dropped += other.dropped;
        self.rejected += other.rejected;
        self.pages += other.pages;
        self.merged += other.merged;
    }
}
