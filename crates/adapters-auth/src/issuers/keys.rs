//! The published keys of an issuer (JWK Set, RFC 7517 section 5), kept in memory.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use domain::Stamp;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::http::{self, FetchError};

/// How often the keys are fetched at most: a thousand tokens with made-up key ids cost one request.
const FETCH_INTERVAL: Duration = Duration::from_secs(30);

/// At which age keys are fetched again though every token's is known, so that one taken back is forgotten.
const MAX_AGE: Duration = Duration::from_mins(10);

/// One published key.
pub(crate) struct PublicKey {
    id: Option<String>,
    /// Fixed by the key: a token only chooses among these (RFC 8725 section 3.1).
    algorithms: &'static [Algorithm],
    pub key: DecodingKey,
}

impl PublicKey {
    /// The algorithm that a token's header names, where it is one of this key's.
    pub fn algorithm(&self, named: &str) -> Option<Algorithm> {
        self.algorithms.iter().copied().find(|algorithm| format!("{algorithm:?}") == named)
    }

    /// `None` for a key that can't check signatures here.
    fn read(jwk: &Jwk) -> Option<Self> {
        if jwk.common.public_key_use.as_ref().is_some_and(|usage| *usage != PublicKeyUse::Signature) {
            return None;
        }
        let algorithms: &'static [Algorithm] = match (&jwk.algorithm, jwk.common.key_algorithm) {
            (AlgorithmParameters::OctetKeyPair(key), None | Some(KeyAlgorithm::EdDSA))
                if key.curve == EllipticCurve::Ed25519 =>
            {
                &[Algorithm::EdDSA]
            }
            (AlgorithmParameters::EllipticCurve(key), None | Some(KeyAlgorithm::ES256))
                if key.curve == EllipticCurve::P256 =>
            {
                &[Algorithm::ES256]
            }
            (AlgorithmParameters::RSA(_), None) => &[Algorithm::RS256, Algorithm::PS256],
            (AlgorithmParameters::RSA(_), Some(KeyAlgorithm::RS256)) => &[Algorithm::RS256],
            (AlgorithmParameters::RSA(_), Some(KeyAlgorithm::PS256)) => &[Algorithm::PS256],
            _ => return None,
        };
        Some(Self { id: jwk.common.key_id.clone(), algorithms, key: DecodingKey::from_jwk(jwk).ok()? })
    }
}

type Keys = Arc<Vec<Arc<PublicKey>>>;

/// The keys of one issuer, fetched when first needed and when a token names one that is not there.
pub(crate) struct KeySet {
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
    tried: Option<Stamp>,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

impl KeySet {
    pub fn new(http: reqwest::Client, url: String) -> Self {
        Self { http, url, kept: RwLock::default(), fetching: Mutex::default() }
    }

    /// The keys that may have signed a token with this key id; all of them where it names none.
    pub async fn named(&self, id: Option<&str>, now: Stamp) -> Vec<Arc<PublicKey>> {
        let kept = self.kept();
        let found = choose(&kept.keys, id);
        let fresh = kept.fetched.is_some_and(|at| now.since(at) < MAX_AGE);
        if !found.is_empty() && fresh {
            return found;
        }
        let keys = self.fetch_unless_just_tried(&kept, now).await;
        choose(&keys, id)
    }

    async fn fetch_unless_just_tried(&self, seen: &Kept, now: Stamp) -> Keys {
        let just_tried = |kept: &Kept| kept.tried.is_some_and(|at| now.since(at) < FETCH_INTERVAL);
        if just_tried(seen) {
            // One that is under way may be about to bring the key.
            drop(self.fetching.lock().await);
            return self.kept().keys;
        }
        let _fetching = self.fetching.lock().await;
        let kept = self.kept();
        if just_tried(&kept) {
            return kept.keys;
        }
        self.write(|kept| kept.tried = Some(now));
        match self.fetch().await {
            Ok(keys) => self.write(|kept| {
                kept.keys = Arc::new(keys);
                kept.fetched = Some(now);
            }),
            Err(error) => {
                tracing::warn!(url = self.url, %error, "keys could not be fetched; the old ones stay");
            }
        }
        self.kept().keys
    }

    async fn fetch(&self) -> Result<Vec<Arc<PublicKey>>, FetchError> {
        let document: Document = http::json(self.http.get(&self.url)).await?;
        let jwks = document.keys.into_iter().filter_map(|jwk| serde_json::from_value::<Jwk>(jwk).ok());
        Ok(jwks.filter_map(|jwk| PublicKey::read(&jwk)).map(Arc::new).collect())
    }

    fn kept(&self) -> Kept {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn write(&self, change: impl FnOnce(&mut Kept)) {
        change(&mut self.kept.write().unwrap_or_else(PoisonError::into_inner));
    }
}

fn choose(keys: &Keys, id: Option<&str>) -> Vec<Arc<PublicKey>> {
    let fits = |key: &&Arc<PublicKey>| id.is_none() || key.id.is_none() || key.id.as_deref() == id;
    keys.iter().filter(fits).cloned().collect()
}
