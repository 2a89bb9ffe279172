//! Keys of an issuer that rotate, can't be had, or never were.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use blackbox_tests::{Database, on_both_databases};
use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use jsonwebtoken::{Algorithm, EncodingKey, Header, decode_header, encode};
use serde_json::json;

use super::endpoint::{Endpoint, Mood};
use super::{BetterAuth, Server, add_task, caller};

/// No issuer's.
const STRANGER: &str = "-----BEGIN PRIVATE KEY-----\n\
                        MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
                        -----END PRIVATE KEY-----\n";

/// An issuer that makes a new key each second.
async fn rotating() -> BetterAuth {
    BetterAuth::start(json!({"algorithm": "EdDSA", "rotationInterval": 1})).await
}

fn kid(token: &str) -> String {
    decode_header(token).expect("a token").kid.expect("Better Auth names its key")
}

/// What a stranger signs under a key id of their own.
fn forged(kid: usize) -> String {
    let header = Header { kid: Some(format!("made-up-{kid}")), ..Header::new(Algorithm::EdDSA) };
    let key = EncodingKey::from_ed_pem(STRANGER.as_bytes()).expect("a key");
    encode(&header, &json!({"sub": "ann", "exp": 4_000_000_000_u64}), &key).expect("it can be signed")
}

/// Brings a thousand tokens with key ids that the issuer never had.
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

/// A server that knows a token's key and finds the endpoint in this mood when it is brought a newer one.
async fn finds_no_new_key(database: Database, issuer: &BetterAuth, mood: Mood) {
    let endpoint = Endpoint::of(issuer).await;
    // Its port is nobody else's.
    let person = issuer.sign_up(&format!("{}@example.com", endpoint.port)).await;
    let server = endpoint.server(database, issuer).await;
    let (own, old) = (server.client().new_user().await, caller(&server, &person).await);
    old.get("/api/tasks").await.expect(200);
    endpoint.is(mood.clone());
    // No key signs for longer than a second: this one's was made after the fetch.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let new = caller(&server, &person).await;
    let asks = tokio::spawn({
        let new = new.clone();
        async move { new.get("/api/tasks").await }
    });
    add_task(&own, "Mine").await.expect(201);
    old.get("/api/tasks").await.expect(200);
    if matches!(mood, Mood::Slow(_)) {
        assert!(!asks.is_finished(), "nobody else waits for the keys");
    }
    asks.await.expect("it is answered").expect_problem(401, "AUTH_006");
    new.get("/api/tasks").await.expect_problem(401, "AUTH_006");
    for client in [&old, &own] {
        client.get("/api/tasks").await.expect(200);
    }
    assert_eq!(endpoint.asked(), 2, "{mood:?}");
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
        assert!(endpoint.asked() <= kids.len(), "{} fetches for {kids:?}", endpoint.asked());
        first.get("/api/tasks").await.expect(200);
    }

    async fn a_thousand_unknown_keys_cost_one_fetch(database: Database) {
        let issuer = BetterAuth::signing("EdDSA").await;
        let endpoint = Endpoint::of(&issuer).await;
        let server = endpoint.server(database, &issuer).await;
        let ann = caller(&server, &issuer.sign_up("ann@example.com").await).await;
        a_thousand_forgeries(&server).await;
        assert_eq!(endpoint.asked(), 1);
        // The one fetch brought the keys that there are.
        ann.get("/api/tasks").await.expect(200);
        a_thousand_forgeries(&server).await;
        assert_eq!(endpoint.asked(), 1);
    }

    async fn keys_that_cannot_be_fetched_stop_nobody_whose_key_is_known(database: Database) {
        let issuer = rotating().await;
        let moods = [
            Mood::Down,
            Mood::Slow(Duration::from_secs(20)),
            Mood::Says("500 Internal Server Error", String::new()),
            Mood::Says("200 OK", "<html>".to_owned()),
            Mood::Says("200 OK", json!({"keys": []}).to_string()),
        ];
        join_all(moods.into_iter().map(|mood| finds_no_new_key(database, &issuer, mood))).await;
    }

    async fn keys_that_cannot_be_fetched_at_first_are_no_failure_of_this_server(database: Database) {
        let issuer = BetterAuth::signing("EdDSA").await;
        let endpoint = Endpoint::of(&issuer).await;
        endpoint.is(Mood::Down);
        let server = endpoint.server(database, &issuer).await;
        let ann = caller(&server, &issuer.sign_up("ann@example.com").await).await;
        ann.get("/api/tasks").await.expect_problem(401, "AUTH_006");
        server.client().new_user().await.get("/api/tasks").await.expect(200);
    }
}
