//! The rate limiter of one process.
//!
//! Each kind of key has its own room, so that keys that cost nothing to make, such as networks, can't push
//! out failed logins. No key is forgotten before its whole quota is available again. Keys that find no room
//! share counters instead, and are limited together.

mod counters;

use std::array;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::Stamp;
use domain::limits::{Charge, LimitKey, Network, Quota, RateLimiter};

use counters::{Ids, Kind};

/// The number of kinds that [`kind`] distinguishes.
const KINDS: usize = 21;
/// Into how many groups keys that are not networks are divided when they find no room.
const SHARED_COUNTERS: u64 = 1024;

/// Counts in memory. Each instance counts separately.
pub struct MemoryRateLimiter {
    kinds: [Mutex<Kind>; KINDS],
    /// Keys are stored as hashes, which bounds their size and keeps addresses out of memory. The random key
    /// of the hasher stops attackers from making keys that share a counter.
    hasher: RandomState,
}

impl MemoryRateLimiter {
    /// Keeps counters for at most `capacity` keys of each kind, at about 20 bytes each, and for as many
    /// groups of keys that found no room.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { kinds: array::from_fn(|_| Mutex::new(Kind::new(capacity))), hasher: RandomState::new() }
    }

    fn ids(&self, key: &LimitKey) -> Ids {
        let own = self.hasher.hash_one(key);
        let shared = match key {
            LimitKey::LoginFrom(network)
            | LimitKey::RegistrationFrom(network)
            | LimitKey::MailFrom(network)
            | LimitKey::FlowFrom(network) => self.hasher.hash_one(network.provider()),
            _ => own % SHARED_COUNTERS,
        };
        Ids { own, shared }
    }

    /// The lock is held for a few look-ups, at times for a sweep of one kind. It cannot be poisoned in
    /// practice: nothing under it panics.
    fn lock(&self, key: &LimitKey) -> MutexGuard<'_, Kind> {
        self.kinds[kind(key)].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl RateLimiter for MemoryRateLimiter {
    async fn charge(&self, key: &LimitKey, quota: Quota, now: Stamp) -> Charge {
        self.lock(key).charge(self.ids(key), quota, now)
    }

    async fn refund(&self, key: &LimitKey, quota: Quota, _now: Stamp) {
        self.lock(key).refund(self.ids(key), quota);
    }
}

/// The index of the key's kind. IPv4 networks, IPv6 networks and IPv6 sites are separate kinds, because IPv6
/// networks come in tens of thousands.
const fn kind(key: &LimitKey) -> usize {
    match key {
        LimitKey::LoginTo(_) => 0,
        LimitKey::PasswordOf(_) => 1,
        LimitKey::MailTo(_) => 2,
        LimitKey::MailOf(_) => 3,
        LimitKey::Refresh(_) => 4,
        LimitKey::RefreshToken(_) => 5,
        LimitKey::Api(_) => 6,
        LimitKey::RightPasswordOf(_) => 16,
        LimitKey::ChangeOf(_) => 20,
        LimitKey::LoginFrom(network) => 7 + width(*network),
        LimitKey::MailFrom(network) => 10 + width(*network),
        LimitKey::FlowFrom(network) => 13 + width(*network),
        LimitKey::RegistrationFrom(network) => 17 + width(*network),
    }
}

const fn width(network: Network) -> usize {
    match (network.is_ipv4(), network.prefix()) {
        (true, _) => 0,
        (false, 64) => 1,
        (false, _) => 2,
    }
}

#[cfg(test)]
mod tests;
