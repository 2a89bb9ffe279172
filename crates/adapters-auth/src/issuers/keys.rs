//! The published keys of an issuer (JWK Set, RFC 7517 section 5), kept in memory.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use domain::Stamp;
use jsonwebtoken::jwk::Jwk;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::public_key::PublicKey;
use crate::http::{self, FetchError};

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

    /// The keys that may have signed a token with this key id; all of them where it names none. A key that is known is never waited
    /// for.
    pub async fn named(&self, id: Option<&str>, now: Stamp) -> Vec<Arc<PublicKey>> {
        let kept = self.0.kept();
        let found = kept.named(id);
        if !found.is_empty() {
            if !kept.is_fresh(now) && kept.may_fetch(now) {
                tokio::spawn(self.clone().fetch_unless(now, move |kept| kept.is_fresh(now)));
            }
            return found;
        }
        let wanted = id.map(str::to_owned);
        let is_there = move |kept: &Kept| !kept.named(wanted.as_deref()).is_empty();
        // A task of its own: a caller who goes away does not take along what others wait for, nor is the fetch forgotten.
        if tokio::spawn(self.clone().fetch_unless(now, is_there)).await.is_err() {
            return Vec::new();
        }
        self.0.kept().named(id)
    }

    async fn fetch_unless(self, now: Stamp, satisfied: impl Fn(&Kept) -> bool + Send) {
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
        shared.write(|kept| kept.in_vain = if satisfied(kept) { None } else { Some(now) });
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex as StdMutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::{Value, json};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    const NOW: Stamp = Stamp::EPOCH;

    /// A keys endpoint that says what it is told to and counts how often it is asked.
    struct Endpoint {
        says: Arc<StdMutex<String>>,
        asked: Arc<AtomicUsize>,
        keys: KeySet,
    }

    impl Endpoint {
        async fn start() -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let url = format!("http://{}/jwks", listener.local_addr().expect("an address"));
            let (says, asked) = (Arc::<StdMutex<String>>::default(), Arc::<AtomicUsize>::default());
            let keys = KeySet::new(http::client().expect("a client"), url);
            let endpoint = Self { says: says.clone(), asked: asked.clone(), keys };
            tokio::spawn(async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    let _ = stream.read(&mut [0; 1024]).await;
                    asked.fetch_add(1, Ordering::SeqCst);
                    // So that whoever asks at once waits for one answer.
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    let body = says.lock().expect("not poisoned").clone();
                    let head =
                        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close", body.len());
                    let _ = stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await;
                }
            });
            endpoint
        }

        fn publishes(&self, ids: &[&str]) {
            let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
            let keys: Vec<_> =
                ids.iter().map(|id| json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": id})).collect();
            self.says(&json!({"keys": keys}));
        }

        fn says(&self, body: &Value) {
            *self.says.lock().expect("not poisoned") = body.to_string();
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }

        async fn has(&self, id: &str, after: Duration) -> bool {
            !self.keys.named(Some(id), NOW.plus(after)).await.is_empty()
        }
    }

    const SOON: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn keys_that_are_not_there_are_asked_for_once_in_half_a_minute() {
        let endpoint = Endpoint::start().await;
        endpoint.publishes(&["a"]);
        for _ in 0..3 {
            assert!(!endpoint.has("b", Duration::ZERO).await);
            assert!(endpoint.has("a", Duration::ZERO).await);
        }
        assert_eq!(endpoint.asked(), 1);
        assert!(!endpoint.has("b", FETCH_INTERVAL.saturating_sub(SOON)).await);
        assert_eq!(endpoint.asked(), 1);
        assert!(!endpoint.has("b", FETCH_INTERVAL).await);
        assert_eq!(endpoint.asked(), 2);
    }

    #[tokio::test]
    async fn a_key_made_right_after_a_fetch_that_brought_another_is_found() {
        let endpoint = Endpoint::start().await;
        for (known, newest) in [(&["a"][..], "a"), (&["a", "b"], "b"), (&["b", "c"], "c")] {
            endpoint.publishes(known);
            assert!(endpoint.has(newest, SOON).await, "{newest}");
        }
        assert!(!endpoint.has("a", SOON).await, "it was taken back");
    }

    #[tokio::test]
    async fn whoever_needs_one_key_at_once_waits_for_one_fetch_and_another_does_without_it() {
        let endpoint = Endpoint::start().await;
        endpoint.publishes(&["a"]);
        let (first, second) = tokio::join!(endpoint.has("a", SOON), endpoint.has("a", SOON));
        assert!(first && second);
        assert_eq!(endpoint.asked(), 1);
        // The caller goes away in the middle of the fetch, which goes on.
        endpoint.publishes(&["a", "b"]);
        let gone = tokio::time::timeout(Duration::from_millis(1), endpoint.has("b", SOON)).await;
        assert!(gone.is_err());
        assert!(endpoint.has("b", SOON).await);
        assert_eq!(endpoint.asked(), 2);
    }

    #[tokio::test]
    async fn an_answer_without_a_usable_key_leaves_the_old_ones() {
        let endpoint = Endpoint::start().await;
        endpoint.publishes(&["a"]);
        assert!(endpoint.has("a", Duration::ZERO).await);
        let mut after = Duration::ZERO;
        for nonsense in [json!({"keys": []}), json!({"keys": [{"kty": "?"}, 7]}), json!([]), json!("<html>")]
        {
            endpoint.says(&nonsense);
            after += FETCH_INTERVAL;
            assert!(!endpoint.has("b", after).await);
            assert!(endpoint.has("a", after).await, "{nonsense}");
        }
        assert_eq!(endpoint.asked(), 5);
    }

    #[tokio::test]
    async fn old_keys_are_fetched_again_while_they_still_serve() {
        let endpoint = Endpoint::start().await;
        endpoint.publishes(&["a"]);
        assert!(endpoint.has("a", Duration::ZERO).await);
        endpoint.publishes(&["b"]);
        assert!(endpoint.has("a", MAX_AGE.saturating_sub(SOON)).await);
        assert_eq!(endpoint.asked(), 1);
        assert!(endpoint.has("a", MAX_AGE).await, "nobody waits for what is there");
        while endpoint.has("a", MAX_AGE).await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(endpoint.has("b", MAX_AGE).await);
    }
}
