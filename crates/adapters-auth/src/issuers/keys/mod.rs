//! The published keys of an issuer (JWK Set, RFC 7517 section 5), kept in memory.

#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use domain::Stamp;
use jsonwebtoken::jwk::Jwk;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::public_key::PublicKey;
use crate::http::{self, FetchError};
use crate::jwt::Parts;

/// How long nothing is fetched after a fetch in vain: a thousand tokens with made-up key ids cost one request.
const FETCH_INTERVAL: Duration = Duration::from_secs(30);

/// At which age keys are fetched again though every token's is known, so that one taken back is forgotten.
const MAX_AGE: Duration = Duration::from_mins(10);

type Keys = Arc<Vec<Arc<PublicKey>>>;

/// The keys of one issuer, fetched when first needed, when a token names one that is not there, and, beside the requests, when they
/// are old.
#[derive(Clone)]
pub(crate) struct KeySet(Arc<Shared>);

struct Shared {
    http: reqwest::Client,
    url: String,
    kept: RwLock<Kept>,
    /// Held while fetching, so that whoever needs the same keys waits for the same answer.
    fetching: Mutex<()>,
}

#[derive(Clone, Default)]
struct Kept {
    keys: Keys,
    fetched: Option<Stamp>,
    /// When a fetch last failed or did not bring what it was for. One that brought it counts for nothing: only the issuer can
    /// make new keys, and a rotation soon after the last is no reason to refuse its tokens.
    in_vain: Option<Stamp>,
}

impl Kept {
    fn named(&self, id: Option<&str>) -> Vec<Arc<PublicKey>> {
        let fits = |key: &&Arc<PublicKey>| id.is_none() || key.id.is_none() || key.id.as_deref() == id;
        self.keys.iter().filter(fits).cloned().collect()
    }

    fn is_fresh(&self, now: Stamp) -> bool {
        self.fetched.is_some_and(|at| now.since(at) < MAX_AGE)
    }

    fn may_fetch(&self, now: Stamp) -> bool {
        self.in_vain.is_none_or(|at| now.since(at) >= FETCH_INTERVAL)
    }
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

impl KeySet {
    pub fn new(http: reqwest::Client, url: String) -> Self {
        let (kept, fetching) = (RwLock::default(), Mutex::default());
        Self(Arc::new(Shared { http, url, kept, fetching }))
    }

    /// Whether one of the keys signed the token.
    pub async fn signed(&self, parts: &Parts<'_>, now: Stamp) -> bool {
        let id = parts.header.kid.as_deref();
        let fetched = self.0.kept().fetched;
        let tried = self.named(id, now).await;
        if tried.iter().any(|key| key.signed(parts)) {
            return true;
        }
        // A key without an id stands for any, and a token without one for none in particular: whether there is a newer one can't be
        // told without looking.
        if tried.is_empty() || tried.iter().any(|key| key.id.is_some() && key.id.as_deref() == id) {
            return false;
        }
        let newer = move |kept: &Kept| kept.fetched != fetched;
        // It may have been for nothing, and so counts as that.
        tokio::spawn(self.clone().fetch_unless(now, newer, |_| false)).await.is_ok()
            && self.0.kept().named(id).iter().any(|key| key.signed(parts))
    }

    /// The keys that may have signed a token with this key id; all of them where it names none. A key that is known is never waited
    /// for.
    async fn named(&self, id: Option<&str>, now: Stamp) -> Vec<Arc<PublicKey>> {
        let kept = self.0.kept();
        let found = kept.named(id);
        if !found.is_empty() {
            if !kept.is_fresh(now) && kept.may_fetch(now) {
                let is_fresh = move |kept: &Kept| kept.is_fresh(now);
                tokio::spawn(self.clone().fetch_unless(now, is_fresh, is_fresh));
            }
            return found;
        }
        let wanted = id.map(str::to_owned);
        let is_there = move |kept: &Kept| !kept.named(wanted.as_deref()).is_empty();
        // A task of its own: a caller who goes away does not take along what others wait for, nor is the fetch forgotten.
        if tokio::spawn(self.clone().fetch_unless(now, is_there.clone(), is_there)).await.is_err() {
            return Vec::new();
        }
        self.0.kept().named(id)
    }

    /// Fetches where `satisfied` does not hold; in vain where `worthwhile` does not hold afterwards.
    async fn fetch_unless(
        self,
        now: Stamp,
        satisfied: impl Fn(&Kept) -> bool + Send,
        worthwhile: impl Fn(&Kept) -> bool + Send,
    ) {
        let Self(shared) = self;
        // Whoever waits here for a fetch that is under way may get what they need from it.
        let _fetching = shared.fetching.lock().await;
        let kept = shared.kept();
        if satisfied(&kept) || !kept.may_fetch(now) {
            return;
        }
        match shared.fetch().await {
            Ok(keys) => shared.write(|kept| {
                kept.keys = Arc::new(keys);
                kept.fetched = Some(now);
            }),
            Err(error) => {
                tracing::warn!(url = shared.url, %error, "keys could not be fetched; the old ones stay");
            }
        }
        shared.write(|kept| kept.in_vain = if worthwhile(kept) { None } else { Some(now) });
    }
}

impl Shared {
    /// Fails where there is no key in the answer that can check signatures: no issuer that signs publishes that.
    async fn fetch(&self) -> Result<Vec<Arc<PublicKey>>, FetchError> {
        let document: Document = http::json(self.http.get(&self.url)).await?;
        let jwks = document.keys.into_iter().filter_map(|jwk| serde_json::from_value::<Jwk>(jwk).ok());
        let keys: Vec<_> = jwks.filter_map(|jwk| PublicKey::read(&jwk)).map(Arc::new).collect();
        if keys.is_empty() { Err(FetchError::Nonsense) } else { Ok(keys) }
    }

    fn kept(&self) -> Kept {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn write(&self, change: impl FnOnce(&mut Kept)) {
        change(&mut self.kept.write().unwrap_or_else(PoisonError::into_inner));
    }
}
