//! Logs a store outage at most once every ten seconds: clients control how many requests fail.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::StoreError;

/// The shortest time between two log lines.
const INTERVAL: Duration = Duration::from_secs(10);

/// The last log line, and the failures since.
struct OutageLog {
    last_line: Option<Instant>,
    failures: u64,
}

static OUTAGE_LOG: Mutex<OutageLog> = Mutex::new(OutageLog { last_line: None, failures: 0 });

impl OutageLog {
    /// Counts a failure. If a line is due, returns the number of failures that it represents.
    fn count(&mut self, now: Instant) -> Option<u64> {
        self.failures += 1;
        if self.last_line.is_some_and(|at| now.duration_since(at) < INTERVAL) {
            return None;
        }
        self.last_line = Some(now);
        Some(std::mem::take(&mut self.failures))
    }
}

/// Logs a store error: corrupt rows always, an outage at most once every ten seconds.
pub(crate) fn log_store_error(error: &StoreError) {
    let StoreError::Unavailable(_) = error else {
        tracing::error!(%error, "the store holds what it should not");
        return;
    };
    let failures = OUTAGE_LOG.lock().unwrap_or_else(PoisonError::into_inner).count(Instant::now());
    if let Some(failures) = failures {
        tracing::error!(%error, failures, "the store is unavailable");
    } else {
        tracing::debug!(%error, "the store is unavailable");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_stands_for_all_failures_within_ten_seconds() {
        let mut log = OutageLog { last_line: None, failures: 0 };
        let start = Instant::now();
        assert_eq!(log.count(start), Some(1));
        for n in 1..1000 {
            assert_eq!(log.count(start + n * INTERVAL / 1000), None);
        }
        assert_eq!(log.count(start + INTERVAL), Some(1000));
        assert_eq!(log.count(start + 2 * INTERVAL), Some(1));
    }
}
