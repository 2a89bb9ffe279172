//! The rate limiter of one process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::Stamp;
use domain::limits::{Charge, LimitKey, Quota, RateLimiter, gcra, gcra_refund};
use moka::Expiry;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

/// Keeps one counter in memory for each recently charged key. Each instance counts separately.
pub struct MemoryRateLimiter {
    counters: Cache<LimitKey, Arc<Counter>>,
}

/// A charge changes the counter in place, which costs far less than replacing the cache entry.
struct Counter {
    /// The theoretical arrival time of GCRA; `None` before the first charge.
    arrival: Mutex<Option<Stamp>>,
    period: Duration,
}

impl Counter {
    /// The lock cannot be poisoned in practice: `gcra` does not panic.
    fn arrival(&self) -> MutexGuard<'_, Option<Stamp>> {
        self.arrival.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops a counter that was not charged for its period: the whole quota is available again by then.
struct ExpireAfterPeriod;

impl Expiry<LimitKey, Arc<Counter>> for ExpireAfterPeriod {
    fn expire_after_create(&self, _: &LimitKey, counter: &Arc<Counter>, _: Instant) -> Option<Duration> {
        Some(counter.period)
    }

    fn expire_after_read(
        &self,
        _: &LimitKey,
        counter: &Arc<Counter>,
        _: Instant,
        _: Option<Duration>,
        _: Instant,
    ) -> Option<Duration> {
        Some(counter.period)
    }
}

impl MemoryRateLimiter {
    /// Keeps at most `capacity` counters. Beyond that, the least recently charged one is dropped.
    #[must_use]
    pub fn new(capacity: u64) -> Self {
        // Moka's default policy may reject a new key while the cache is full, and a rejected key would
        // not be counted.
        let counters = Cache::builder()
            .max_capacity(capacity)
            .eviction_policy(EvictionPolicy::lru())
            .expire_after(ExpireAfterPeriod)
            .build();
        Self { counters }
    }
}

#[async_trait]
impl RateLimiter for MemoryRateLimiter {
    async fn charge(&self, key: &LimitKey, quota: Quota, now: Stamp) -> Charge {
        let new = || Arc::new(Counter { arrival: Mutex::default(), period: quota.period });
        let counter = self.counters.get_with_by_ref(key, new);
        let mut arrival = counter.arrival();
        let (charge, next) = gcra(*arrival, quota, now);
        *arrival = Some(next);
        charge
    }

    async fn refund(&self, key: &LimitKey, quota: Quota, _now: Stamp) {
        if let Some(counter) = self.counters.get(key) {
            let mut arrival = counter.arrival();
            *arrival = arrival.map(|arrival| gcra_refund(arrival, quota));
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
    async fn two_hundred_concurrent_charges_are_granted_exactly_the_quota() {
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
    async fn keys_are_counted_separately_and_recover_with_time() {
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
    async fn a_refunded_charge_can_be_made_again() {
        let limiter = MemoryRateLimiter::new(100);
        for _ in 0..20 {
            assert!(limiter.charge(&key(1), QUOTA, NOW).await.allowed);
            limiter.refund(&key(1), QUOTA, NOW).await;
        }
        limiter.refund(&key(2), QUOTA, NOW).await;
        assert_eq!(limiter.charge(&key(2), QUOTA, NOW).await.remaining, 4);
    }

    #[tokio::test]
    async fn a_flood_of_keys_stays_within_the_capacity_and_a_new_key_is_counted() {
        let limiter = MemoryRateLimiter::new(10);
        for n in 0..1_000 {
            limiter.charge(&key(n), QUOTA, NOW).await;
        }
        limiter.counters.run_pending_tasks();
        assert_eq!(limiter.counters.entry_count(), 10);
        assert_eq!(limiter.charge(&key(999), QUOTA, NOW).await.remaining, 3);
    }
}
