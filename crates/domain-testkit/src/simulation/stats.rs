//! What happened to devices, as counts.

/// What happened to a device.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeviceStats {
    /// Conflicts, those that a strategy decided included.
    pub conflicts: u64,
    /// Changes that the server rejected.
    pub rejected: u64,
    /// Answers that were not the last page.
    pub pages: u64,
    /// Cursors older than the tombstones that the server keeps.
    pub forgotten: u64,
    /// Cursors from a history that the server lost.
    pub restored: u64,
    /// Restores so old that the user was asked about each difference.
    pub asked: u64,
    /// Healing items that were sent again on the server's version.
    pub resent: u64,
    /// Repairs because the digests differed.
    pub repairs: u64,
    /// Repairs because a row of another history arrived.
    pub strange: u64,
}

impl DeviceStats {
    /// Adds the counts of another device.
    pub const fn add(&mut self, other: &Self) {
        self.conflicts += other.conflicts;
        self.rejected += other.rejected;
        self.pages += other.pages;
        self.forgotten += other.forgotten;
        self.restored += other.restored;
        self.asked += other.asked;
        self.resent += other.resent;
        self.repairs += other.repairs;
        self.strange += other.strange;
    }
}
