//! Keys of an issuer that rotate, are unreachable, or do not exist.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use blackbox_tests::{Database, on_both_databases};
use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use jsonwebtoken::{Algorithm, EncodingKey, Header, decode_header, encode};
use serde_json::json;

use super::endpoint::{Behaviour, Endpoint};
use super::{BetterAuth, Server, add_task, caller};

/// A key that no issuer publishes.
const STRANGER: &str = "-----BEGIN PRIVATE KEY-----\n\
                        MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
                        -----END PRIVATE KEY-----\n";

/// An issuer that rotates its key every second.
async fn rotating() -> BetterAuth {
    BetterAuth::start(json!({"algorithm": "EdDSA", "rotationInterval": 1})).await
}

fn kid(token: &str) -> String {
    decode_header(token).expect("a token").kid.expect("Better Auth names its key")
}

/// A token with an unknown key id, signed by an unknown key.
fn forged(kid: usize) -> String {
    let header = Header { kid: Some(format!("made-up-{kid}")), ..Header::new(Algorithm::EdDSA) };
    let key = EncodingKey::from_ed_pem(STRANGER.as_bytes()).expect("a key");
    encode(&header, &json!({"sub": "ann", "exp": 4_000_000_000_u64}), &key).expect("it can be signed")
}

/// Sends a thousand tokens with unknown key ids.
async fn a_thousand_forgeries(server: &Server) {
    let client = server.client();
    let attempts = (0..1000).map(|n| {
        let forger = client.with_token(&forged(n));
        async move { forger.get("/api/tasks").await }
    });
    let answers: Vec<_> = stream::iter(attempts).buffer_unordered(250).collect().await;
    for answer in answers {
        answer.expect_problem(401, "AUTH_006");
    }
}

/// Asserts that known keys keep working while the endpoint fails and a token of a newer key
/// arrives.
async fn finds_no_new_key(database: Database, issuer: &BetterAuth, behaviour: Behaviour) {
    let endpoint = Endpoint::of(issuer).await;
    // No other process gets this port.
    let person = issuer.sign_up(&format!("{}@example.com", endpoint.port)).await;
    let server = endpoint.server(database, issuer).await;
    let (own, old) = (server.client().new_user().await, caller(&server, &person).await);
    old.get("/api/tasks").await.expect(200);
    endpoint.set(behaviour.clone());
    // Keys rotate every second, so this token's key is newer than the fetch.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let new = caller(&server, &person).await;
    let asks = tokio::spawn({
        let new = new.clone();
        async move { new.get("/api/tasks").await }
    });
    add_task(&own, "Mine").await.expect(201);
    old.get("/api/tasks").await.expect(200);
    if matches!(behaviour, Behaviour::Delay(_)) {
        assert!(!asks.is_finished(), "other requests do not wait for the keys");
    }
    asks.await.expect("it is answered").expect_problem(401, "AUTH_006");
    new.get("/api/tasks").await.expect_problem(401, "AUTH_006");
    for client in [&old, &own] {
        client.get("/api/tasks").await.expect(200);
    }
    // Every request above had a chance to fetch; a second after the failed fetch one more is due.
    assert!((2..=3).contains(&endpoint.requests()), "{behaviour:?}: {}", endpoint.requests());
}

on_both_databases! {
    async fn no_token_is_refused_while_keys_rotate(database: Database) {
        let issuer = rotating().await;
        let endpoint = Endpoint::of(&issuer).await;
        let server = endpoint.server(database, &issuer).await;
        let ann = issuer.sign_up("ann@example.com").await;
        let (anyone, first) = (server.client(), caller(&server, &ann).await);
        let start = Instant::now();
        let callers = (0..8).map(|_| async {
            let mut kids = BTreeSet::new();
            while start.elapsed() < Duration::from_millis(3500) {
                let token = ann.token().await;
                anyone.with_token(&token).get("/api/tasks").await.expect(200);
                kids.insert(kid(&token));
            }
            kids
        });
        let kids: BTreeSet<_> = join_all(callers).await.into_iter().flatten().collect();
        assert!(kids.len() >= 3, "{kids:?}");
        assert!(endpoint.requests() <= kids.len(), "{} fetches for {kids:?}", endpoint.requests());
        first.get("/api/tasks").await.expect(200);
    }

    async fn a_thousand_unknown_keys_cost_one_fetch(database: Database) {
        let issuer = BetterAuth::signing("EdDSA").await;
        let endpoint = Endpoint::of(&issuer).await;
        let server = endpoint.server(database, &issuer).await;
        let ann = caller(&server, &issuer.sign_up("ann@example.com").await).await;
        a_thousand_forgeries(&server).await;
        assert_eq!(endpoint.requests(), 1);
        // The single fetch returned the current keys.
        ann.get("/api/tasks").await.expect(200);
        a_thousand_forgeries(&server).await;
        assert_eq!(endpoint.requests(), 1);
    }

    async fn unreachable_keys_do_not_affect_tokens_of_known_keys(database: Database) {
        let issuer = rotating().await;
        let behaviours = [
            Behaviour::Close,
            Behaviour::Delay(Duration::from_secs(20)),
            Behaviour::Answer("500 Internal Server Error", String::new()),
            Behaviour::Answer("200 OK", "<html>".to_owned()),
            Behaviour::Answer("200 OK", json!({"keys": []}).to_string()),
        ];
        join_all(behaviours.into_iter().map(|behaviour| finds_no_new_key(database, &issuer, behaviour))).await;
    }

    async fn unreachable_keys_at_the_first_token_do_not_fail_the_server(database: Database) {
        let issuer = BetterAuth::signing("EdDSA").await;
        let endpoint = Endpoint::of(&issuer).await;
        endpoint.set(Behaviour::Close);
        let server = endpoint.server(database, &issuer).await;
        let ann = caller(&server, &issuer.sign_up("ann@example.com").await).await;
        let unknown = ann.get("/api/tasks").await;
        unknown.expect_problem(500, "SERVER_003");
        assert_eq!(unknown.header("retry-after"), "1");
        ann.get("/api/v1/todos").await.expect_problem(503, "SERVER_003");
        server.client().new_user().await.get("/api/tasks").await.expect(200);
        // The application starts after the server: its users are let in as soon as it answers.
        endpoint.set(Behaviour::Forward);
        let start = Instant::now();
        while ann.get("/api/tasks").await.status != 200 {
            assert!(start.elapsed() < Duration::from_mins(1), "the keys are fetched");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
