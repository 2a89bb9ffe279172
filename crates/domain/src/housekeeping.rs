//! Decides which rows have expired, and deletes them.

use std::sync::Arc;
use std::time::Duration;

use crate::error::StoreError;
use crate::session::{Cutoffs, SessionStore};
use crate::time::Clock;
use crate::todo::TodoStore;

/// How long rows are kept after they are no longer in use, where that is a setting. [`Cutoffs`]
/// has the ages of all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// How long a tombstone is kept, for devices that were offline.
    pub tombstones: Duration,
    /// How long a tombstone keeps its texts, so that it can be restored.
    pub tombstone_texts: Duration,
}

/// Deletes expired rows.
#[derive(Clone)]
pub struct HousekeepingService {
    sessions: Arc<dyn SessionStore>,
    todos: Arc<dyn TodoStore>,
    clock: Arc<dyn Clock>,
    retention: Retention,
}

impl HousekeepingService {
    /// Creates a service that deletes the rows whose `retention` has passed.
    #[must_use]
    pub fn new(
        sessions: Arc<dyn SessionStore>,
        todos: Arc<dyn TodoStore>,
        clock: Arc<dyn Clock>,
        retention: Retention,
    ) -> Self {
        Self { sessions, todos, clock, retention }
    }

    /// Deletes at most `limit` expired rows of each kind and returns their number: sessions and tokens,
    /// revocations, old emails, tombstones, and texts of tombstones. 0 means that none is left.
    pub async fn delete_expired(&self, limit: u32) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let sessions = self.sessions.sweep(&Cutoffs::at(now), limit).await?;
        let tombstones = self.todos.sweep_tombstones(now.minus(self.retention.tombstones), limit).await?;
        let texts = self.todos.shrink_tombstones(now.minus(self.retention.tombstone_texts), limit).await?;
        Ok(sessions + tombstones + texts)
    }
}
