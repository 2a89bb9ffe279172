//! What is fetched, how often, and what is known meanwhile.

use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use jsonwebtoken::{Algorithm, Header, encode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::pairs::KeyPair;

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
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close", body.len());
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
    for nonsense in [json!({"keys": []}), json!({"keys": [{"kty": "?"}, 7]}), json!([]), json!("<html>")] {
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

fn token(pair: &KeyPair, id: Option<&str>) -> String {
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = id.map(str::to_owned);
    encode(&header, &json!({"sub": "ann"}), &pair.signing()).expect("a token")
}

#[tokio::test]
async fn keys_without_ids_rotate_too_and_are_looked_for_once_in_half_a_minute() {
    let endpoint = Endpoint::start().await;
    let publish = |pair: &KeyPair| {
        let mut key = pair.public_jwk();
        key.as_object_mut().expect("an object").remove("kid");
        endpoint.says(&json!({"keys": [key]}));
    };
    let signed = async |pair: &KeyPair, id: Option<&str>, after: Duration| {
        let token = token(pair, id);
        let parts = Parts::read(&token).expect("a token");
        endpoint.keys.signed(&parts, NOW.plus(after)).await
    };
    let (old, new, nobodys) = (KeyPair::generate(), KeyPair::generate(), KeyPair::generate());
    publish(&old);
    assert!(signed(&old, None, Duration::ZERO).await && signed(&old, Some("any"), Duration::ZERO).await);
    assert_eq!(endpoint.asked(), 1);
    publish(&new);
    assert!(signed(&new, None, SOON).await, "the newer key is found");
    assert_eq!(endpoint.asked(), 2);
    for id in [None, Some("a"), Some("b")] {
        assert!(!signed(&nobodys, id, SOON * 2).await);
        assert!(signed(&new, id, SOON * 2).await);
    }
    assert_eq!(endpoint.asked(), 2);
    assert!(!signed(&nobodys, None, SOON + FETCH_INTERVAL).await);
    assert_eq!(endpoint.asked(), 3);
}
