//! That the store is away, told without a line for each request that finds it so: how many there are is for clients to decide.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::StoreError;

/// How long one line speaks for all that follow.
const QUIET: Duration = Duration::from_secs(10);

/// What was told last, and what happened since.
struct Told {
    at: Option<Instant>,
    untold: u64,
}

static TOLD: Mutex<Told> = Mutex::new(Told { at: None, untold: 0 });

impl Told {
    /// How many failures a line has to speak for, this one among them, if it is time for one.
    fn count(&mut self, now: Instant) -> Option<u64> {
        self.untold += 1;
        if self.at.is_some_and(|at| now.duration_since(at) < QUIET) {
            return None;
        }
        self.at = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

/// Logs a failure of the store. That it is unavailable is a line at most once in ten seconds, which says how often it was since the last.
pub(crate) fn tell(error: &StoreError) {
    let StoreError::Unavailable(_) = error else {
        tracing::error!(%error, "the store holds what it should not");
        return;
    };
    let failures = TOLD.lock().unwrap_or_else(PoisonError::into_inner).count(Instant::now());
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
    fn one_line_speaks_for_all_failures_of_ten_seconds() {
        let mut told = Told { at: None, untold: 0 };
        let start = Instant::now();
        assert_eq!(told.count(start), Some(1));
        for n in 1..1000 {
            assert_eq!(told.count(start + n * QUIET / 1000), None);
        }
        assert_eq!(told.count(start + QUIET), Some(1000));
        assert_eq!(told.count(start + 2 * QUIET), Some(1));
    }
}
