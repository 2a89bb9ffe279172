//! Keys rotate by configuration: tokens remain valid while their key is configured.

use blackbox_tests::{Client, Server, on_both_databases};
use jsonwebtoken::decode_header;
use serde_json::{Value, json};

use crate::hostile::tokens::keys::Key;
use crate::support::{items, log_in, refresh};

/// Restarts the server with another value of a setting.
async fn restart(server: &mut Server, setting: &str, value: &str) {
    server.set(setting, value);
    server.crash_and_restart().await;
}

async fn expect_accepted(server: &Server, token: &Client) {
    server.client().with_token(token.token()).get("/api/v1/todos").await.expect(200);
}

async fn expect_refused(server: &Server, token: &Client) {
    let client = server.client().with_token(token.token());
    client.get("/api/v1/todos").await.expect_problem(401, "AUTH_006");
}

/// The id of the key that signed the token.
fn kid(token: &Client) -> Value {
    json!(decode_header(token.token()).expect("a token").kid)
}

/// A member of each key that the server publishes.
async fn published(server: &Server, member: &str) -> Vec<Value> {
    let keys = server.client().get("/.well-known/jwks.json").await.expect(200).json()["keys"].take();
    items(&keys).iter().map(|key| key[member].clone()).collect()
}

on_both_databases! {
    async fn a_token_is_valid_while_its_secret_is_configured(database: Database) {
        let [a, b] = ["a", "b"].map(|letter| letter.repeat(32));
        let mut server = Server::start_with(database, &[("SECRET_KEY", &a)]).await;
        let (first, tokens) = server.client().register("ann@example.com").await;
        let (_, idle) = log_in(&server.client(), "ann@example.com", "tablet").await;

        restart(&mut server, "SECRET_KEY", &format!("{b},{a}")).await;
        expect_accepted(&server, &first).await;
        refresh(&server.client(), &tokens).await.expect(200);
        let (second, later) = log_in(&server.client(), "ann@example.com", "laptop").await;
        expect_accepted(&server, &second).await;
        assert_ne!(kid(&first), kid(&second));
        assert_eq!(published(&server, "kid").await, [json!(null); 0], "a secret is not published");

        restart(&mut server, "SECRET_KEY", &b).await;
        expect_refused(&server, &first).await;
        expect_accepted(&server, &second).await;
        // A holder of the removed secret could forge its refresh tokens.
        refresh(&server.client(), &idle).await.expect_problem(401, "AUTH_005");
        refresh(&server.client(), &later).await.expect(200);
    }

    async fn a_token_is_valid_while_its_key_pair_is_configured(database: Database) {
        let (a, b) = (Key::ed25519(), Key::ed25519());
        let mut server = Server::start_with(database, &[]).await;
        let (before, _) = server.client().register("ann@example.com").await;

        restart(&mut server, "JWT_PRIVATE_KEY", a.pem()).await;
        let (first, _) = log_in(&server.client(), "ann@example.com", "phone").await;
        assert_eq!(published(&server, "x").await, [a.jwk["x"].clone()]);
        assert_eq!(published(&server, "kid").await, [kid(&first)]);
        expect_accepted(&server, &before).await;

        restart(&mut server, "JWT_PRIVATE_KEY", &format!("{}{}", b.pem(), a.pem())).await;
        expect_accepted(&server, &first).await;
        let (second, _) = log_in(&server.client(), "ann@example.com", "laptop").await;
        expect_accepted(&server, &second).await;
        assert_eq!(published(&server, "x").await, [b.jwk["x"].clone(), a.jwk["x"].clone()]);
        assert_eq!(published(&server, "kid").await, [kid(&second), kid(&first)]);

        restart(&mut server, "JWT_PRIVATE_KEY", b.pem()).await;
        expect_refused(&server, &first).await;
        expect_accepted(&server, &second).await;
        assert_eq!(published(&server, "kid").await, [kid(&second)]);
    }
}
