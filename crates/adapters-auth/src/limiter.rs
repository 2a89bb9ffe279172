//! Counters of one process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::Stamp;
use domain::limits::{Charge, LimitKey, Quota, RateLimiter, gcra, gcra_give_back};
use moka::Expiry;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

/// Counts in memory, one entry for each key charged lately. Several instances each count for themselves.
pub struct MemoryRateLimiter {
    kept: Cache<LimitKey, Arc<Kept>>,
}

/// What is charged again changes in place, which costs a fraction of what replacing the entry does.
struct Kept {
    arrival: Mutex<Option<Stamp>>,
    period: Duration,
}

impl Kept {
    /// A panic holds no lock: the rule is pure and knows none.
    fn arrival(&self) -> MutexGuard<'_, Option<Stamp>> {
        self.arrival.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A quota is whole again after its period: what was not touched for that long need not be kept.
struct AfterPeriod;

impl Expiry<LimitKey, Arc<Kept>> for AfterPeriod {
    fn expire_after_create(&self, _: &LimitKey, kept: &Arc<Kept>, _: Instant) -> Option<Duration> {
        Some(kept.period)
    }

    fn expire_after_read(
        &self,
        _: &LimitKey,
        kept: &Arc<Kept>,
        _: Instant,
        _: Option<Duration>,
        _: Instant,
    ) -> Option<Duration> {
        Some(kept.period)
    }
}

impl MemoryRateLimiter {
    /// Keeps at most `capacity` keys; beyond that the one not charged for the longest time is forgotten.
    #[must_use]
    pub fn new(capacity: u64) -> Self {
        // The default policy may refuse a new key while the cache is full, and a key that is not kept is not counted.
        let kept = Cache::builder()
            .max_capacity(capacity)
            .eviction_policy(EvictionPolicy::lru())
            .expire_after(AfterPeriod)
            .build();
        Self { kept }
    }
}

#[async_trait]
impl RateLimiter for MemoryRateLimiter {
    async fn charge(&self, key: &LimitKey, quota: Quota, now: Stamp) -> Charge {
        let new = || Arc::new(Kept { arrival: Mutex::default(), period: quota.period });
        let kept = self.kept.get_with_by_ref(key, new);
        let mut arrival = kept.arrival();
        let (charge, moved) = gcra(*arrival, quota, now);
        *arrival = Some(moved);
        charge
    }

    async fn give_back(&self, key: &LimitKey, quota: Quota, _now: Stamp) {
        if let Some(kept) = self.kept.get(key) {
            let mut arrival = kept.arrival();
            *arrival = arrival.map(|arrival| gcra_give_back(arrival, quota));
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::UserId;
    use uuid::Uuid;

    use super::*;

    const QUOTA: Quota = Quota::new(5, Duration::from_mins(15));
    const NOW: Stamp = Stamp::EPOCH;

    fn key(n: u128) -> LimitKey {
        LimitKey::Api(UserId(Uuid::from_u128(n)))
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn two_hundred_at_once_are_granted_exactly_the_quota() {
        let limiter = Arc::new(MemoryRateLimiter::new(100));
        let tasks: Vec<_> = (0..200)
            .map(|_| {
                let limiter = limiter.clone();
                tokio::spawn(async move { limiter.charge(&key(1), QUOTA, NOW).await.allowed })
            })
            .collect();
        let mut granted = 0;
        for task in tasks {
            granted += u32::from(task.await.expect("no panic"));
        }
        assert_eq!(granted, QUOTA.count);
    }

    #[tokio::test]
    async fn keys_are_counted_apart_and_earn_back_with_time() {
        let limiter = MemoryRateLimiter::new(100);
        for left in (0..5).rev() {
            let charge = limiter.charge(&key(1), QUOTA, NOW).await;
            assert_eq!((charge.allowed, charge.remaining), (true, left));
        }
        let refused = limiter.charge(&key(1), QUOTA, NOW).await;
        assert_eq!((refused.allowed, refused.retry_after), (false, Duration::from_mins(3)));
        assert!(limiter.charge(&key(2), QUOTA, NOW).await.allowed);
        assert!(limiter.charge(&key(1), QUOTA, NOW.plus(refused.retry_after)).await.allowed);
    }

    #[tokio::test]
    async fn what_is_given_back_can_be_charged_again() {
        let limiter = MemoryRateLimiter::new(100);
        for _ in 0..20 {
            assert!(limiter.charge(&key(1), QUOTA, NOW).await.allowed);
            limiter.give_back(&key(1), QUOTA, NOW).await;
        }
        limiter.give_back(&key(2), QUOTA, NOW).await;
        assert_eq!(limiter.charge(&key(2), QUOTA, NOW).await.remaining, 4);
    }

    #[tokio::test]
    async fn a_flood_of_keys_stays_within_the_capacity_and_new_keys_are_counted() {
        let limiter = MemoryRateLimiter::new(10);
        for n in 0..1_000 {
            limiter.charge(&key(n), QUOTA, NOW).await;
        }
        limiter.kept.run_pending_tasks();
        assert_eq!(limiter.kept.entry_count(), 10);
        assert_eq!(limiter.charge(&key(999), QUOTA, NOW).await.remaining, 3);
    }
}
