//! Reads the revocations of other instances.

use std::sync::Arc;
use std::time::Duration;

use super::{FeedPosition, Revocations, SessionStore};
use crate::error::StoreError;
use crate::time::{Clock, Stamp};

/// Merges the revocations of a store into the list of one instance, read by read.
///
/// Reads follow the order in which the store committed, so no revocation is missed, whatever the
/// clocks of the instances show. The list is trusted for [`Revocations::MAX_AGE`] after a read, so
/// reads must be more frequent.
#[derive(Clone)]
pub struct RevocationReader {
    store: Arc<dyn SessionStore>,
    list: Arc<Revocations>,
    clock: Arc<dyn Clock>,
    /// The position after the last successful read.
    position: Option<FeedPosition>,
}

impl RevocationReader {
    /// The difference from the database's clock beyond which an operator should be warned: tokens
    /// of one instance are refused by another as not yet valid.
    pub const TOLERATED_SKEW: Duration = Duration::from_secs(30);

    /// A reader whose first read loads every stored revocation.
    #[must_use]
    pub fn new(store: Arc<dyn SessionStore>, list: Arc<Revocations>, clock: Arc<dyn Clock>) -> Self {
        Self { store, list, clock, position: None }
    }

    /// Reads the revocations made since the last successful read. Returns by how much this
    /// instance's clock differs from the database's; zero if the database has no clock of its own.
    pub async fn read(&mut self) -> Result<Duration, StoreError> {
        let as_of = self.clock.reading();
        let feed = self.store.revocations(self.position, as_of.now).await?;
        self.list.refresh(&feed, as_of);
        self.position = Some(feed.position);
        Ok(feed.database_time.map_or(Duration::ZERO, |time| distance(time, as_of.now, self.clock.now())))
    }
}

/// How far `time` is from the interval in which it was read.
fn distance(time: Stamp, start: Stamp, end: Stamp) -> Duration {
    start.since(time).max(time.since(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_read_is_not_a_skew() {
        let at = |seconds| Stamp::EPOCH.plus(Duration::from_secs(seconds));
        assert_eq!(distance(at(15), at(10), at(20)), Duration::ZERO);
        assert_eq!(distance(at(5), at(10), at(20)), Duration::from_secs(5));
        assert_eq!(distance(at(60), at(10), at(20)), Duration::from_secs(40));
    }
}
