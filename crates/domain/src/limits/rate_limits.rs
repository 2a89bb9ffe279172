//! The rate limiter with its quotas, as services use it.

use std::sync::Arc;

use super::{Charge, LimitKey, Quota, Quotas, RateLimiter};
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

    /// Takes one from the key's quota, and one from the quota of its site (see [`LimitKey::of_site`]).
    /// Returns the site's answer if only the site refuses, and `None` if the key has no quota.
    pub(crate) async fn take(&self, key: &LimitKey, now: Stamp) -> Option<Charge> {
        let charge = self.limiter.charge(key, self.quota(key)?, now).await;
        let site = key.of_site().filter(|_| charge.allowed);
        let Some((quota, site)) = site.and_then(|site| Some((self.quota(&site)?, site))) else {
            return Some(charge);
        };
        let of_site = self.limiter.charge(&site, quota, now).await;
        if of_site.allowed {
            return Some(charge);
        }
        self.limiter.refund(key, charge.quota, now).await;
        Some(of_site)
    }

    fn quota(&self, key: &LimitKey) -> Option<Quota> {
        self.quotas.as_ref().and_then(|quotas| quotas.of(key))
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

    /// Refunds one charge of the key, and of its site.
    pub(crate) async fn refund(&self, key: &LimitKey, now: Stamp) {
        for key in [Some(key), key.of_site().as_ref()].into_iter().flatten() {
            if let Some(quota) = self.quota(key) {
                self.limiter.refund(key, quota, now).await;
            }
        }
    }

    /// Refunds one charge of each key.
    pub(crate) async fn refund_all(&self, keys: &[LimitKey], now: Stamp) {
        for key in keys {
            self.refund(key, now).await;
        }
    }
}
