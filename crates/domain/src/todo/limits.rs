//! How much one user may store.

/// What a commit keeps a user's list within.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageLimits {
    /// The maximum number of live todos.
    pub live: u32,
    /// The maximum number of bytes of titles, descriptions and metadata, tombstones included.
    pub bytes: u64,
    /// The number of tombstones up to which none is removed before its time.
    pub tombstones: u32,
    /// The number of tombstones that a commit removes beyond that, oldest first. At least 1.
    pub sweep: u32,
}

impl Default for StorageLimits {
    fn default() -> Self {
        Self { live: 10_000, bytes: 64 << 20, tombstones: 10_000, sweep: 1_000 }
    }
}
