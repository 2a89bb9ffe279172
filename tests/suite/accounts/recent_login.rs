//! Irreversible actions require, for an account without a password, a login within the last ten
//! minutes.

use blackbox_tests::{Client, Database, Server, on_both_databases};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{refresh, text, until};

const ME: &str = "/api/v1/users/me";
const EMAIL: &str = "new@example.com";

/// Logs in by the link in the `n`th mail; the first login creates the account.
async fn log_in_by_mail(server: &Server, n: usize) -> (Client, Value) {
    let client = server.client();
    client.post("/api/v1/auth/magic-link/request", json!({"email": EMAIL})).await.expect(202);
    let link = until("the link in the log", || {
        let logs = server.logs();
        let links = logs.lines().filter_map(|line| line.split_once("/magic-link?token="));
        let token = links.skip(n - 1).map(|(_, rest)| rest.split('"').next().unwrap_or_default().to_owned());
        token.into_iter().next()
    });
    let login = format!("/api/v1/auth/magic-link/verify?token={}", link.await);
    let tokens = client.get(&login).await.expect(200).json();
    (client.with_token(text(&tokens["access_token"])), tokens)
}

/// Moves the start of every session into the past.
fn age(server: &Server, minutes: u32) {
    let earlier = match server.database() {
        Database::Postgres => format!("created_at - interval '{minutes} minutes'"),
        Database::Sqlite => format!("created_at - {minutes} * 60000000"),
    };
    server.execute(&format!("UPDATE sessions SET created_at = {earlier}"));
}

async fn expect_old(client: &Client) {
    client.delete(ME).await.expect_problem(403, "AUTHZ_002");
    client.patch(ME, json!({"email": "other@example.com"})).await.expect_problem(403, "AUTHZ_002");
    let guessed = client.request(Method::DELETE, ME).json(&json!({"password": "Correct-Horse-7"}));
    client.send(guessed).await.expect_problem(403, "AUTHZ_002");
    assert_eq!(client.get(ME).await.expect(200).json()["email"], EMAIL);
}

on_both_databases! {
    async fn without_a_password_a_login_of_eleven_minutes_ago_is_too_old(server: Server) {
        let (old, tokens) = log_in_by_mail(&server, 1).await;
        assert_eq!(old.get(ME).await.expect(200).json()["has_password"], false);
        age(&server, 11);
        expect_old(&old).await;
        // Changes that are not sensitive require no recent login.
        old.patch(ME, json!({"display_name": "Ann", "email": EMAIL})).await.expect(200);
        // A refresh does not count as a login.
        let fresh = refresh(&server.client(), &tokens).await.expect(200).json();
        expect_old(&server.client().with_token(text(&fresh["access_token"]))).await;

        // A recent login in another session does not count.
        let (new, _) = log_in_by_mail(&server, 2).await;
        expect_old(&old).await;
        new.delete(ME).await.expect(204);
        new.get(ME).await.expect_problem(401, "AUTH_004");
        old.get(ME).await.expect_problem(401, "AUTH_004");
    }

    async fn a_login_of_nine_minutes_ago_is_recent(server: Server) {
        let (ann, _) = log_in_by_mail(&server, 1).await;
        age(&server, 9);
        let changed = ann.patch(ME, json!({"email": "other@example.com"})).await.expect(200).json();
        assert_eq!(changed["email"], "other@example.com");
        ann.delete(ME).await.expect(204);
    }
}
