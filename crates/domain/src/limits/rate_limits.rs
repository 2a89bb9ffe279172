//! The rate limiter with its quotas, as services use it.

use std::sync::Arc;

use super::{Charge, LimitKey, Quotas, RateLimiter};
use crate::time::Stamp;

/// Charges requests to the quotas. Services own it, so that no caller of a service can forget a limit.
#[derive(Clone)]
pub struct RateLimits {
    limiter: Arc<dyn RateLimiter>,
    quotas: Option<Quotas>,
}

impl RateLimits {
    /// Limits requests to `quotas`; `None` limits nothing.
    pub fn new(limiter: Arc<dyn RateLimiter>, quotas: Option<Quotas>) -> Self {
        Self { limiter, quotas }
    }

    /// Takes one from the key's quota. `None` if the key has no quota.
    pub(crate) async fn take(&self, key: &LimitKey, now: Stamp) -> Option<Charge> {
        let quota = self.quotas.as_ref().and_then(|quotas| quotas.of(key))?;
        Some(self.limiter.charge(key, quota, now).await)
    }

    /// Takes one from the key's quota, or refuses.
    pub(crate) async fn charge(&self, key: &LimitKey, now: Stamp) -> Result<(), Charge> {
        self.take(key, now).await.map_or(Ok(()), Charge::granted)
    }

    /// Takes one from the key's quota, or refuses. Returns whether the whole quota was available before.
    pub(crate) async fn charge_first(&self, key: &LimitKey, now: Stamp) -> Result<bool, Charge> {
        let Some(charge) = self.take(key, now).await else { return Ok(true) };
        charge.granted()?;
        Ok(charge.remaining + 1 >= charge.quota.burst)
    }

    /// Takes one from the quota of each key; if one refuses, refunds the ones before it.
    pub(crate) async fn charge_all(&self, keys: &[LimitKey], now: Stamp) -> Result<(), Charge> {
        for (index, key) in keys.iter().enumerate() {
            if let Err(charge) = self.charge(key, now).await {
                self.refund_all(&keys[..index], now).await;
                return Err(charge);
            }
        }
        Ok(())
    }

    /// Refunds one charge of the key.
    pub(crate) async fn refund(&self, key: &LimitKey, now: Stamp) {
        if let Some(quota) = self.quotas.as_ref().and_then(|quotas| quotas.of(key)) {
            self.limiter.refund(key, quota, now).await;
        }
    }

    /// Refunds one charge of each key.
    pub(crate) async fn refund_all(&self, keys: &[LimitKey], now: Stamp) {
        for key in keys {
            self.refund(key, now).await;
        }
    }
}
