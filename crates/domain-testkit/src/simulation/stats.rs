//! The records that devices keep of their exchanges, for the checks.

use domain::TodoId;

use super::wire::Fields;

/// A change that the server acknowledged.
#[derive(Clone, Debug)]
pub struct Acknowledgement {
    pub id: TodoId,
    /// The version of the todo after the change.
    pub version: i64,
    pub fields: Fields,
}

/// What happened to a device, as counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeviceStats {
    /// Edits by the user. Edits of one todo that are sent as one count once.
    pub made: u64,
    pub accepted: u64,
    pub conflicts: u64,
    /// Edits that the user dropped after a conflict.
    pub dropped: u64,
    pub rejected: u64,
    /// Answers that were not the last page.
    pub pages: u64,
    /// Todos that came back because the server's todo had other changes too.
    pub merged: u64,
}

impl DeviceStats {
    /// Adds the counts of another device.
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
