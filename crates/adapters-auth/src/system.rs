//! The system clock and random ids.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use domain::Stamp;
use domain::secret::SecretSource;
use domain::time::Clock;
use uuid::Uuid;

/// The system clock, in whole microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Stamp {
        #[expect(clippy::disallowed_methods, reason = "this adapter is the only source of time")]
        let now = SystemTime::now();
        // A clock set before 1970 reads as 1970. Stamps still increase, because a store never hands out
        // one that is not after the user's last one.
        let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        Stamp::EPOCH.plus(since_epoch)
    }

    fn uptime(&self) -> Duration {
        /// Set by the first call.
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }
}

/// Random ids (UUIDv7) from a generator that is reseeded from the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemSecrets;

impl SecretSource for SystemSecrets {
    fn uuid(&self) -> Uuid {
        #[expect(clippy::disallowed_methods, reason = "this adapter is the only source of ids")]
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
    fn the_clock_is_between_2026_and_2082() {
        let january_2026 = 1_767_225_600;
        assert!((january_2026..january_2026 * 2).contains(&SystemClock.now().as_secs()));
    }
}
