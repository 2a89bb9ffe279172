//! The clock and the ids of the machine the process runs on.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use domain::Stamp;
use domain::secret::SecretSource;
use domain::time::Clock;
use uuid::Uuid;

/// The machine's clock, in whole microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Stamp {
        #[expect(clippy::disallowed_methods, reason = "this is the adapter through which all time comes")]
        let now = SystemTime::now();
        // A clock set before 1970 reads as 1970: stamps then still increase, by the users' own clocks.
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        Stamp::EPOCH.plus(since)
    }

    fn uptime(&self) -> Duration {
        /// When it was first asked for.
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }
}

/// Random ids, from a generator that the operating system seeds again and again.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemSecrets;

impl SecretSource for SystemSecrets {
    fn uuid(&self) -> Uuid {
        #[expect(clippy::disallowed_methods, reason = "this is the adapter through which all ids come")]
        Uuid::now_v7()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_of_version_seven() {
        let ids: std::collections::HashSet<_> = (0..10_000).map(|_| SystemSecrets.uuid()).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
    }

    #[test]
    fn the_clock_tells_the_years_this_was_written_for() {
        let january_2026 = 1_767_225_600;
        assert!((january_2026..january_2026 * 2).contains(&SystemClock.now().as_secs()));
    }
}
