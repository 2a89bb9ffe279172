//! Tokens of Better Auth that are not logins, or not for this server.

use blackbox_tests::{Answer, Socket, on_both_databases};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::issuer::SECRET;
use super::{BetterAuth, Server, ask, trusting_keys, trusting_secret};

/// Asserts that every endpoint refuses the token with `code`.
async fn opens_nothing(server: &Server, token: &str, code: &str) {
    let client = server.client().with_token(token);
    for path in ["/api/tasks", "/api/v1/todos", "/todos", "/api/v1/users/me"] {
        client.get(path).await.expect_problem(401, code);
    }
    client.post("/api/tasks", json!({"title": "Buy milk"})).await.expect_problem(401, code);
    assert_eq!(Socket::open(&server.socket_url(), token, "").await.err(), Some(401));
}

/// Signs `payload` at the issuer and requests the tasks with it.
async fn brought(server: &Server, issuer: &BetterAuth, payload: Value) -> Answer {
    ask(server, &issuer.sign(payload).await).await
}

/// Signs `payload` with the shared secret.
fn by_hand(payload: &Value) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    encode(&Header::default(), payload, &key).expect("it can be signed")
}

fn now() -> i64 {
    jsonwebtoken::get_current_timestamp().try_into().expect("not that late")
}

on_both_databases! {
    async fn the_token_of_a_verification_mail_is_refused(database: Database) {
        let issuer = BetterAuth::signing("HS256").await;
        let server = trusting_secret(database).await;
        let ann = issuer.sign_up("ann@example.com").await;
        opens_nothing(&server, &issuer.mailed_token("ann@example.com").await, "AUTH_005").await;
        ask(&server, &ann.token().await).await.expect(200);
    }

    async fn a_session_cache_signed_by_the_shared_secret_is_refused(database: Database) {
        let server = trusting_secret(database).await;
        for strategy in ["jwt", "compact", "jwe"] {
            let issuer = BetterAuth::start(json!({"algorithm": "HS256", "cookieCache": strategy})).await;
            let ann = issuer.sign_up("ann@example.com").await;
            opens_nothing(&server, ann.cookie("better-auth.session_data"), "AUTH_005").await;
            opens_nothing(&server, ann.cookie("better-auth.session_token"), "AUTH_005").await;
            ask(&server, &ann.token().await).await.expect(200);
        }
    }

    async fn a_session_cache_signed_by_the_published_keys_is_refused(database: Database) {
        let configuration = json!({"algorithm": "EdDSA", "cookieCache": "jwt", "cookieCacheByKey": true});
        let issuer = BetterAuth::start(configuration).await;
        let server = trusting_keys(database, &issuer).await;
        let ann = issuer.sign_up("ann@example.com").await;
        opens_nothing(&server, ann.cookie("better-auth.session_data"), "AUTH_005").await;
        ask(&server, &ann.token().await).await.expect(200);
    }

    async fn a_token_without_exp_or_sub_is_malformed(database: Database) {
        let server = trusting_secret(database).await;
        let (sub, exp) = ("ann", now() + 60);
        ask(&server, &by_hand(&json!({"sub": sub, "exp": exp}))).await.expect(200);
        for payload in [json!({"sub": sub}), json!({"sub": sub, "exp": null}), json!({"exp": exp})] {
            opens_nothing(&server, &by_hand(&payload), "AUTH_005").await;
        }
    }

    async fn a_subject_that_cannot_be_stored_is_malformed(database: Database) {
        let by_keys = BetterAuth::signing("EdDSA").await;
        let by_secret = BetterAuth::signing("HS256").await;
        for (issuer, server) in [
            (&by_keys, trusting_keys(database, &by_keys).await),
            (&by_secret, trusting_secret(database).await),
        ] {
            let longest = "é".repeat(255);
            for sub in ["a\0b", "\0", "a\nb", "a\u{7f}", " ", &format!("{longest}a"), &"a".repeat(4000)] {
                let token = issuer.sign(json!({"sub": sub})).await;
                opens_nothing(&server, &token, "AUTH_005").await;
            }
            for sub in ["a", "🦀 '; --", &longest] {
                brought(&server, issuer, json!({"sub": sub})).await.expect(200);
            }
            // Invalid display data is dropped, not refused.
            let odd = json!({"sub": "b", "name": "a\0b", "email": format!("{longest}\0@example.com")});
            brought(&server, issuer, odd).await.expect(200);
            server.client().new_user().await.get("/api/tasks").await.expect(200);
        }
    }

    async fn a_token_of_another_issuer_or_for_another_audience_is_not_trusted(database: Database) {
        let (issuer, other) = (BetterAuth::signing("EdDSA").await, BetterAuth::signing("EdDSA").await);
        let server = trusting_keys(database, &issuer).await;
        for (claim, value) in [
            ("iss", json!(other.base_url)),
            ("aud", json!(other.base_url)),
            ("aud", json!([other.base_url, "todos"])),
            ("aud", json!(format!("{}/", issuer.base_url))),
        ] {
            brought(&server, &issuer, json!({"sub": "ann", claim: value})).await.expect_problem(401, "AUTH_006");
        }
        brought(&server, &issuer, json!({"sub": "ann", "aud": ["todos", issuer.base_url]})).await.expect(200);
        let posing = json!({"sub": "ann", "iss": issuer.base_url, "aud": issuer.base_url});
        brought(&server, &other, posing).await.expect_problem(401, "AUTH_006");

        // With the shared secret, `iss` and `aud` are checked only if configured.
        let settings = [("BETTER_AUTH_ISSUER", "https://app.example.com"), ("BETTER_AUTH_AUDIENCE", "todos")];
        let settings = [&settings[..], &[("BETTER_AUTH_SECRET", SECRET)]].concat();
        let server = Server::start_with(database, &settings).await;
        let claims = |iss: &str, aud: &str| json!({"sub": "ann", "exp": now() + 60, "iss": iss, "aud": aud});
        ask(&server, &by_hand(&claims("https://app.example.com", "todos"))).await.expect(200);
        for (iss, aud) in [("https://app.example.com", "others"), ("https://other.example.com", "todos")] {
            ask(&server, &by_hand(&claims(iss, aud))).await.expect_problem(401, "AUTH_006");
        }
        let silent = json!({"sub": "ann", "exp": now() + 60});
        ask(&server, &by_hand(&silent)).await.expect_problem(401, "AUTH_006");
    }

    async fn clocks_may_differ_by_half_a_minute(database: Database) {
        let issuer = BetterAuth::signing("EdDSA").await;
        let server = trusting_keys(database, &issuer).await;
        for (claim, seconds) in [("exp", -20), ("iat", 20), ("nbf", 20)] {
            let claims = json!({"sub": "ann", claim: now() + seconds});
            brought(&server, &issuer, claims).await.expect(200);
        }
        for (claim, seconds, code) in [("exp", -31, "AUTH_002"), ("iat", 60, "AUTH_006"), ("nbf", 60, "AUTH_006")] {
            let claims = json!({"sub": "ann", claim: now() + seconds});
            brought(&server, &issuer, claims).await.expect_problem(401, code);
        }
    }
}
