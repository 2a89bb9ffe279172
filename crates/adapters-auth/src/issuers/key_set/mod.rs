//! The published keys of an issuer (JWK Set, RFC 7517 section 5), cached in memory.

#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use domain::Stamp;
use jsonwebtoken::jwk::Jwk;
use serde::Deserialize;
use tokio::sync::Mutex;
use tracing::Instrument as _;

use super::verification_key::VerificationKey;
use crate::http::{self, FetchError};
use crate::jwt::Segments;

/// The pause after a useless fetch: a thousand tokens with made-up key ids cost one request. Also the
/// longest pause after a failed one.
const RETRY_INTERVAL: Duration = Duration::from_secs(30);

/// The pause after the first failed fetch. It doubles with each further failure, so that an issuer
/// that starts a moment after this server is found soon.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The age at which keys are fetched again, so that a withdrawn key stops being accepted.
const MAX_AGE: Duration = Duration::from_mins(10);

type Keys = Arc<Vec<Arc<VerificationKey>>>;

/// The keys of one issuer.
///
/// Keys are fetched when first needed and when a token names an unknown one; the request waits then.
/// Old keys are refreshed in the background, and no request waits.
#[derive(Clone)]
pub(crate) struct KeySet(Arc<Shared>);

struct Shared {
    http: reqwest::Client,
    url: String,
    cache: RwLock<CachedKeys>,
    /// Held during a fetch, so that concurrent requests for the same keys share one fetch.
    fetching: Mutex<()>,
}

#[derive(Clone, Default)]
struct CachedKeys {
    keys: Keys,
    fetched_at: Option<Stamp>,
    /// When the next fetch is allowed, after one that failed or that lacked the key that it was
    /// meant to find. Other fetches are not limited: only the issuer can create new keys, and it may
    /// rotate them twice in a short time.
    next_fetch_at: Option<Stamp>,
    /// The failed fetches since the last successful one.
    failures: u32,
}

/// Whether a key of the set signed a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signature {
    Valid,
    Invalid,
    /// The keys could not be fetched yet.
    KeysUnknown,
}

impl CachedKeys {
    /// The keys that may have signed a token with this key id.
    fn candidates(&self, id: Option<&str>) -> Vec<Arc<VerificationKey>> {
        let may_match =
            |key: &&Arc<VerificationKey>| id.is_none() || key.id.is_none() || key.id.as_deref() == id;
        self.keys.iter().filter(may_match).cloned().collect()
    }

    fn is_fresh(&self, now: Stamp) -> bool {
        self.fetched_at.is_some_and(|at| now.since(at) < MAX_AGE)
    }

    fn may_fetch(&self, now: Stamp) -> bool {
        self.next_fetch_at.is_none_or(|at| at <= now)
    }
}

#[derive(Deserialize)]
struct JwkSet {
    /// Parsed one by one, so that one key of an unknown kind does not invalidate the others.
    keys: Vec<serde_json::Value>,
}

impl KeySet {
    pub fn new(http: reqwest::Client, url: String) -> Self {
        let (cache, fetching) = (RwLock::default(), Mutex::default());
        Self(Arc::new(Shared { http, url, cache, fetching }))
    }

    /// Whether one of the keys signed the token.
    pub async fn signature(&self, token: &Segments<'_>, now: Stamp) -> Signature {
        let is_signed = self.is_signed(token, now).await;
        match (is_signed, self.0.cached().fetched_at) {
            (true, _) => Signature::Valid,
            (false, Some(_)) => Signature::Invalid,
            (false, None) => Signature::KeysUnknown,
        }
    }

    async fn is_signed(&self, token: &Segments<'_>, now: Stamp) -> bool {
        let id = token.header.kid.as_deref();
        let fetched_at = self.0.cached().fetched_at;
        let candidates = self.candidates(id, now).await;
        if candidates.iter().any(|key| key.verifies(token)) {
            return true;
        }
        // A key or a token without an id may match anything, so only a fetch can show whether there
        // is a newer key. A key with exactly this id needs no fetch.
        if candidates.is_empty() || candidates.iter().any(|key| key.id.is_some() && key.id.as_deref() == id) {
            return false;
        }
        let is_newer = move |cached: &CachedKeys| cached.fetched_at != fetched_at;
        // Counts as useless, because nothing indicates that the issuer has a newer key.
        let fetch = self.clone().fetch_unless(now, is_newer, |_| false).in_current_span();
        tokio::spawn(fetch).await.is_ok()
            && self.0.cached().candidates(id).iter().any(|key| key.verifies(token))
    }

    /// The keys that may have signed a token with this key id, or all keys without one. Waits for a
    /// fetch only if there is no candidate.
    async fn candidates(&self, id: Option<&str>, now: Stamp) -> Vec<Arc<VerificationKey>> {
        let cached = self.0.cached();
        let found = cached.candidates(id);
        if !found.is_empty() {
            if !cached.is_fresh(now) && cached.may_fetch(now) {
                let is_fresh = move |cached: &CachedKeys| cached.is_fresh(now);
                tokio::spawn(self.clone().fetch_unless(now, is_fresh, is_fresh));
            }
            return found;
        }
        let wanted = id.map(str::to_owned);
        let is_known = move |cached: &CachedKeys| !cached.candidates(wanted.as_deref()).is_empty();
        // In a task of its own: if this caller disconnects, the fetch goes on for the others that wait.
        let fetch = self.clone().fetch_unless(now, is_known.clone(), is_known).in_current_span();
        if tokio::spawn(fetch).await.is_err() {
            return Vec::new();
        }
        self.0.cached().candidates(id)
    }

    /// Fetches the keys unless `is_satisfied` holds. The fetch counts as useless if `is_useful` does
    /// not hold afterwards.
    async fn fetch_unless(
        self,
        now: Stamp,
        is_satisfied: impl Fn(&CachedKeys) -> bool + Send,
        is_useful: impl Fn(&CachedKeys) -> bool + Send,
    ) {
        let Self(shared) = self;
        // A fetch that ends while this call waits for the lock may have brought what it needs.
        let _fetching = shared.fetching.lock().await;
        let cached = shared.cached();
        if is_satisfied(&cached) || !cached.may_fetch(now) {
            return;
        }
        match shared.fetch().await {
            Ok(keys) => shared.update(|cached| {
                cached.keys = Arc::new(keys);
                cached.fetched_at = Some(now);
                cached.failures = 0;
                let is_useful = is_useful(cached);
                cached.next_fetch_at = if is_useful { None } else { Some(now.plus(RETRY_INTERVAL)) };
            }),
            Err(error) => {
                tracing::warn!(url = shared.url, %error, "could not fetch an issuer's keys; the old ones stay");
                shared.update(|cached| {
                    let pause = FIRST_PAUSE.saturating_mul(1 << cached.failures.min(5)).min(RETRY_INTERVAL);
                    cached.failures = cached.failures.saturating_add(1);
                    cached.next_fetch_at = Some(now.plus(pause));
                });
            }
        }
    }
}

impl Shared {
    /// Fails if the response holds no usable key: an issuer that signs tokens publishes at least one.
    async fn fetch(&self) -> Result<Vec<Arc<VerificationKey>>, FetchError> {
        let set: JwkSet = http::fetch_json(self.http.get(&self.url)).await?;
        let jwks = set.keys.into_iter().filter_map(|jwk| serde_json::from_value::<Jwk>(jwk).ok());
        let keys: Vec<_> = jwks.filter_map(|jwk| VerificationKey::from_jwk(&jwk)).map(Arc::new).collect();
        if keys.is_empty() { Err(FetchError::InvalidBody) } else { Ok(keys) }
    }

    fn cached(&self) -> CachedKeys {
        self.cache.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn update(&self, change: impl FnOnce(&mut CachedKeys)) {
        change(&mut self.cache.write().unwrap_or_else(PoisonError::into_inner));
    }
}
