//! Whether the database accepted the last writes, for the readiness check.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long a refused write counts, unless a later one succeeds. After that the instance gets
/// requests again, and with them the chance to find out.
const MEMORY: Duration = Duration::from_secs(10);

/// Remembers the last write that the database refused.
#[derive(Default)]
pub(super) struct WriteHealth(Mutex<Option<Instant>>);

impl WriteHealth {
    pub(super) fn succeeded(&self) {
        *self.lock() = None;
    }

    pub(super) fn failed(&self) {
        *self.lock() = Some(Instant::now());
    }

    /// Whether the database refuses writes, as far as is known.
    pub(super) fn is_failing(&self) -> bool {
        self.lock().is_some_and(|failed_at| failed_at.elapsed() < MEMORY)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
