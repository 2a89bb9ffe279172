//! Reads the revocations of other instances.

use std::sync::Arc;
use std::time::Duration;

use super::{Revocations, SessionStore};
use crate::error::StoreError;
use crate::time::{Clock, Stamp};

/// The overlap of each read with the previous one. A revocation carries the time of the instance
/// that made it, whose clock may be slow, and it becomes visible only when its transaction commits.
const OVERLAP: Duration = Duration::from_mins(1);

/// Merges the revocations of a store into the list of one instance, read by read.
///
/// The list is trusted for [`Revocations::MAX_AGE`] after a read, so reads must be more frequent.
pub struct RevocationReader {
    store: Arc<dyn SessionStore>,
    list: Arc<Revocations>,
    clock: Arc<dyn Clock>,
    /// When the last successful read began.
    last_read: Option<Stamp>,
}

impl RevocationReader {
    /// A reader whose first read loads every stored revocation.
    #[must_use]
    pub fn new(store: Arc<dyn SessionStore>, list: Arc<Revocations>, clock: Arc<dyn Clock>) -> Self {
        Self { store, list, clock, last_read: None }
    }

    /// Reads the revocations made since the last successful read.
    pub async fn read(&mut self) -> Result<(), StoreError> {
        let as_of = self.clock.reading();
        // After the clock was set back, reads continue from the earlier time.
        let since = self.last_read.map(|last_read| last_read.min(as_of.now).minus(OVERLAP));
        let feed = self.store.revocations(since, as_of.now).await?;
        self.list.refresh(&feed, as_of);
        self.last_read = Some(as_of.now);
        Ok(())
    }
}
