//! When and how often keys are fetched, and which keys are accepted during a fetch.

use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use jsonwebtoken::{Algorithm, Header, encode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::signing_keys::KeyPair;

const NOW: Stamp = Stamp::EPOCH;

/// A JWKS endpoint that serves a given body and counts its requests.
struct Endpoint {
    body: Arc<StdMutex<String>>,
    requests: Arc<AtomicUsize>,
    keys: KeySet,
}

impl Endpoint {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/jwks", listener.local_addr().expect("an address"));
        let (body, requests) = (Arc::<StdMutex<String>>::default(), Arc::<AtomicUsize>::default());
        let keys = KeySet::new(http::client().expect("a client"), url);
        let endpoint = Self { body: body.clone(), requests: requests.clone(), keys };
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 1024]).await;
                requests.fetch_add(1, Ordering::SeqCst);
                // Leaves time for concurrent callers to join the fetch.
                tokio::time::sleep(Duration::from_millis(10)).await;
                let body = body.lock().expect("not poisoned").clone();
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close", body.len());
                let _ = stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await;
            }
        });
        endpoint
    }

    fn publish(&self, ids: &[&str]) {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let keys: Vec<_> =
            ids.iter().map(|id| json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": id})).collect();
        self.serve(&json!({"keys": keys}));
    }

    fn serve(&self, body: &Value) {
        *self.body.lock().expect("not poisoned") = body.to_string();
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    async fn has(&self, id: &str, after: Duration) -> bool {
        !self.keys.candidates(Some(id), NOW.plus(after)).await.is_empty()
    }
}

const SOON: Duration = Duration::from_secs(1);

#[tokio::test]
async fn unknown_keys_are_fetched_once_in_half_a_minute() {
    let endpoint = Endpoint::start().await;
    endpoint.publish(&["a"]);
    for _ in 0..3 {
        assert!(!endpoint.has("b", Duration::ZERO).await);
        assert!(endpoint.has("a", Duration::ZERO).await);
    }
    assert_eq!(endpoint.requests(), 1);
    assert!(!endpoint.has("b", RETRY_INTERVAL.saturating_sub(SOON)).await);
    assert_eq!(endpoint.requests(), 1);
    assert!(!endpoint.has("b", RETRY_INTERVAL).await);
    assert_eq!(endpoint.requests(), 2);
}

#[tokio::test]
async fn a_key_published_right_after_a_useful_fetch_is_found() {
    let endpoint = Endpoint::start().await;
    for (known, newest) in [(&["a"][..], "a"), (&["a", "b"], "b"), (&["b", "c"], "c")] {
        endpoint.publish(known);
        assert!(endpoint.has(newest, SOON).await, "{newest}");
    }
    assert!(!endpoint.has("a", SOON).await, "it was withdrawn");
}

#[tokio::test]
async fn concurrent_requests_for_one_key_share_a_fetch_that_outlives_its_caller() {
    let endpoint = Endpoint::start().await;
    endpoint.publish(&["a"]);
    let (first, second) = tokio::join!(endpoint.has("a", SOON), endpoint.has("a", SOON));
    assert!(first && second);
    assert_eq!(endpoint.requests(), 1);
    // The fetch goes on when its caller disconnects.
    endpoint.publish(&["a", "b"]);
    let gone = tokio::time::timeout(Duration::from_millis(1), endpoint.has("b", SOON)).await;
    assert!(gone.is_err());
    assert!(endpoint.has("b", SOON).await);
    assert_eq!(endpoint.requests(), 2);
}

#[tokio::test]
async fn a_response_without_a_usable_key_keeps_the_old_ones() {
    let endpoint = Endpoint::start().await;
    endpoint.publish(&["a"]);
    assert!(endpoint.has("a", Duration::ZERO).await);
    let mut after = Duration::ZERO;
    for nonsense in [json!({"keys": []}), json!({"keys": [{"kty": "?"}, 7]}), json!([]), json!("<html>")] {
        endpoint.serve(&nonsense);
        after += RETRY_INTERVAL;
        assert!(!endpoint.has("b", after).await);
        assert!(endpoint.has("a", after).await, "{nonsense}");
    }
    assert_eq!(endpoint.requests(), 5);
}

#[tokio::test]
async fn an_issuer_that_starts_later_is_found_after_pauses_that_grow_from_a_second() {
    let endpoint = Endpoint::start().await;
    endpoint.serve(&json!("not yet"));
    let pair = KeyPair::generate();
    let token = token(&pair, Some("a"));
    let segments = Segments::parse(&token).expect("a token");
    let mut fetched_at = Vec::new();
    for second in 0..100 {
        let before = endpoint.requests();
        let signature = endpoint.keys.signature(&segments, NOW.plus(Duration::from_secs(second))).await;
        assert_eq!(signature, Signature::KeysUnknown);
        if endpoint.requests() > before {
            fetched_at.push(second);
        }
    }
    assert_eq!(fetched_at, [0, 1, 3, 7, 15, 31, 61, 91]);
    endpoint.publish(&["a"]);
    let signature = endpoint.keys.signature(&segments, NOW.plus(Duration::from_secs(121))).await;
    assert_eq!(signature, Signature::Invalid, "the keys are known now, and none of them signed it");
}

#[tokio::test]
async fn old_keys_are_refreshed_in_the_background() {
    let endpoint = Endpoint::start().await;
    endpoint.publish(&["a"]);
    assert!(endpoint.has("a", Duration::ZERO).await);
    endpoint.publish(&["b"]);
    assert!(endpoint.has("a", MAX_AGE.saturating_sub(SOON)).await);
    assert_eq!(endpoint.requests(), 1);
    assert!(endpoint.has("a", MAX_AGE).await, "a known key is not waited for");
    while endpoint.has("a", MAX_AGE).await {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(endpoint.has("b", MAX_AGE).await);
}

fn token(pair: &KeyPair, id: Option<&str>) -> String {
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = id.map(str::to_owned);
    encode(&header, &json!({"sub": "ann"}), &pair.encoding_key()).expect("a token")
}

#[tokio::test]
async fn keys_without_ids_rotate_and_are_fetched_once_in_half_a_minute() {
    let endpoint = Endpoint::start().await;
    let publish = |pair: &KeyPair| {
        let mut key = pair.public_jwk();
        key.as_object_mut().expect("an object").remove("kid");
        endpoint.serve(&json!({"keys": [key]}));
    };
    let signed = async |pair: &KeyPair, id: Option<&str>, after: Duration| {
        let token = token(pair, id);
        let segments = Segments::parse(&token).expect("a token");
        endpoint.keys.signature(&segments, NOW.plus(after)).await == Signature::Valid
    };
    let (old, new, unpublished) = (KeyPair::generate(), KeyPair::generate(), KeyPair::generate());
    publish(&old);
    assert!(signed(&old, None, Duration::ZERO).await && signed(&old, Some("any"), Duration::ZERO).await);
    assert_eq!(endpoint.requests(), 1);
    publish(&new);
    assert!(signed(&new, None, SOON).await, "the newer key is found");
    assert_eq!(endpoint.requests(), 2);
    for id in [None, Some("a"), Some("b")] {
        assert!(!signed(&unpublished, id, SOON * 2).await);
        assert!(signed(&new, id, SOON * 2).await);
    }
    assert_eq!(endpoint.requests(), 2);
    assert!(!signed(&unpublished, None, SOON + RETRY_INTERVAL).await);
    assert_eq!(endpoint.requests(), 3);
}
