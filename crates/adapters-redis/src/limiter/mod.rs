//! The rate limiter that several instances share.
//!
//! A charge is one round trip: a script reads and writes the time of GCRA, and the answer is computed here from the
//! time that was stored, by the same function as that of the limiter in process.

mod keys;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::Stamp;
use domain::limits::{Charge, LimitKey, Quota, RateLimiter, gcra};
use redis::Script;
use redis::aio::MultiplexedConnection;

use crate::link::{Failed, Link};
use crate::server::{Server, UrlError};
use keys::Keys;

/// The key that an instance charges to learn whether Redis counts.
const PROBE: &str = "todo-sync:limit:probe";

/// Counts in Redis, and in `fallback` while Redis does not answer in time.
pub struct RedisRateLimiter {
    link: Link,
    keys: Keys,
    script: Script,
    fallback: Arc<dyn RateLimiter>,
}

impl RedisRateLimiter {
    /// A limiter that counts in Redis while [`run`](Self::run) runs. `secret` hides what is counted from readers of
    /// Redis, and must be the same on all instances. A charge waits for Redis until `timeout`, which is also how long
    /// requests wait at the beginning of an outage.
    pub fn new(
        url: &str,
        secret: &[u8; 32],
        timeout: Duration,
        fallback: Arc<dyn RateLimiter>,
    ) -> Result<Self, UrlError> {
        Ok(Self {
            link: Link::new(Server::parse(url)?, timeout),
            keys: Keys::new(secret),
            script: Script::new(include_str!("charge.lua")),
            fallback,
        })
    }

    /// Whether Redis counts at the moment.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.link.is_up()
    }

    /// Keeps the connection to Redis until the future is dropped. Only one such future may run at a time. Calls
    /// `report` whenever Redis begins to count, and after each failed attempt with the reason.
    pub async fn run(&self, report: impl Fn(Result<(), &str>) + Send + Sync) {
        // A charge and nothing less: a server that is read-only or out of memory answers a PING.
        let probe = |mut connection: MultiplexedConnection| async move {
            let mut charge = self.script.key(PROBE);
            charge.arg(0).arg(1).arg(1).invoke_async::<Option<String>>(&mut connection).await.map(drop)
        };
        self.link.run(probe, report).await;
    }

    /// Moves the arrival time of `key` by `step` microseconds. Returns the time that was stored before.
    async fn count(
        &self,
        key: &LimitKey,
        now: Stamp,
        step: i64,
        quota: Quota,
    ) -> Result<Option<Stamp>, Failed> {
        let name = self.keys.name(key);
        let tolerance = micros(quota.interval() * quota.burst.max(1));
        let mut charge = self.script.key(name);
        charge.arg(now.as_micros()).arg(step).arg(tolerance);
        let charge = &charge;
        let counted =
            self.link.call(|mut connection| async move { charge.invoke_async(&mut connection).await });
        let stored: Option<String> = counted.await?;
        Ok(stored.and_then(|text| Stamp::from_micros(text.parse().ok()?)))
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[async_trait]
impl RateLimiter for RedisRateLimiter {
    async fn charge(&self, key: &LimitKey, quota: Quota, now: Stamp) -> Charge {
        match self.count(key, now, micros(quota.interval()), quota).await {
            Ok(stored) => gcra(stored, quota, now).0,
            Err(Failed) => self.fallback.charge(key, quota, now).await,
        }
    }

    async fn refund(&self, key: &LimitKey, quota: Quota, now: Stamp) {
        if self.count(key, now, -micros(quota.interval()), quota).await.is_err() {
            self.fallback.refund(key, quota, now).await;
        }
    }
}
