//! Logging in.

use blackbox_tests::client::PASSWORD;
use blackbox_tests::{Answer, Client, Database, Server, on_both_databases};
use expect_test::expect;
use serde_json::json;

use crate::support::{log_in, refresh};

const LOGIN: &str = "/api/v1/auth/login";

async fn attempt(client: &Client, email: &str, password: &str) -> Answer {
    client.post(LOGIN, json!({"email": email, "password": password})).await
}

on_both_databases! {
    async fn each_login_opens_a_new_session(server: Server) {
        let (ann, registered) = server.client().register("ann@example.com").await;
        let answer = attempt(&server.client(), "ann@example.com", PASSWORD).await;
        expect![[r#"
            200
            cache-control: private, no-store
            {"access_token": "[access token]", "expires_in": 900, "refresh_token": "[refresh token]",
             "token_type": "bearer",
             "user": {"display_name": null, "email": "ann@example.com", "email_verified": false, "id": "[id]"}}
        "#]]
        .assert_eq(&answer.to_string());
        let tokens = answer.json();
        assert_eq!(tokens["user"]["id"], registered["user"]["id"]);
        assert_ne!(tokens["refresh_token"], registered["refresh_token"]);
        // Ending one session leaves the other.
        ann.post("/api/v1/auth/logout", json!({})).await.expect(204);
        let (second, _) = log_in(&server.client(), "ann@example.com", "laptop").await;
        second.get("/api/v1/todos").await.expect(200);
    }

    async fn a_password_works_in_either_unicode_form(server: Server) {
        let (composed, decomposed) = ("Schl\u{fc}ssel-7", "Schlu\u{308}ssel-7");
        for (email, set, typed) in [("a@example.com", composed, decomposed), ("b@example.com", decomposed, composed)] {
            server.client().post("/api/v1/auth/register", json!({"email": email, "password": set})).await.expect(201);
            attempt(&server.client(), email, typed).await.expect(200);
            let body = json!({"email": email, "password": typed});
            server.client().post("/auth/login", body).await.expect(200);
        }
    }

    async fn an_unknown_address_and_a_wrong_password_get_the_same_answer(server: Server) {
        server.client().register("ann@example.com").await;
        let wrong = attempt(&server.client(), "ann@example.com", "Wrong-Horse-7").await;
        let unknown = attempt(&server.client(), "bob@example.com", PASSWORD).await;
        expect![[r#"
            401
            content-type: application/problem+json
            www-authenticate: Bearer
            cache-control: private, no-store
            {"detail": "The email or the password is wrong", "details": {}, "error_code": "AUTH_001"}
        "#]]
        .assert_eq(&wrong.to_string());
        assert_eq!(wrong.to_string(), unknown.to_string());
    }

    async fn a_login_beyond_the_limit_of_sessions_ends_the_oldest(database: Database) {
        let server = Server::start_with(database, &[("MAX_SESSIONS_PER_USER", "2")]).await;
        let (oldest, oldest_tokens) = server.client().register("ann@example.com").await;
        let (second, second_tokens) = log_in(&server.client(), "ann@example.com", "laptop").await;
        let (third, _) = log_in(&server.client(), "ann@example.com", "tablet").await;
        oldest.get("/api/v1/todos").await.expect_problem(401, "AUTH_004");
        refresh(&server.client(), &oldest_tokens).await.expect_problem(401, "AUTH_004");
        refresh(&server.client(), &second_tokens).await.expect(200);
        for client in [&second, &third] {
            client.get("/api/v1/todos").await.expect(200);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_or_malformed_credentials_are_reported_by_field() {
    let server = Server::start(Database::Sqlite).await;
    let client = server.client();
    let nothing = client.post(LOGIN, json!({})).await;
    expect![[r#"
        422
        content-type: application/problem+json
        cache-control: private, no-store
        {"detail": "email is required",
         "details": {"errors": [{"code": "VALIDATION_001", "field": "email", "message": "email is required"},
           {"code": "VALIDATION_004", "field": "password", "message": "password is required"}],
          "field": "email"},
         "error_code": "VALIDATION_001"}
    "#]]
    .assert_eq(&nothing.to_string());
    attempt(&client, "no address", PASSWORD).await.expect_problem(422, "VALIDATION_001");
    attempt(&client, "ann@example.com", "").await.expect_problem(422, "VALIDATION_004");
    // The rules for new passwords do not apply to logins.
    attempt(&client, "ann@example.com", "x").await.expect_problem(401, "AUTH_001");
    attempt(&client, "ann@example.com", &"x".repeat(5000)).await.expect_problem(401, "AUTH_001");
    attempt(&client, "ann@example.com", "\0").await.expect_problem(401, "AUTH_001");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_is_revealed_only_with_the_right_password() {
    let server = Server::start(Database::Postgres).await;
    let (_, tokens) = server.client().register("ann@example.com").await;
    server.execute("UPDATE users SET is_active = false");
    attempt(&server.client(), "ann@example.com", PASSWORD).await.expect_problem(401, "AUTH_007");
    attempt(&server.client(), "ann@example.com", "Wrong-Horse-7").await.expect_problem(401, "AUTH_001");
    refresh(&server.client(), &tokens).await.expect_problem(401, "AUTH_007");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_deleted_account_is_refused() {
    let server = Server::start(Database::Postgres).await;
    let (ann, tokens) = server.client().register("ann@example.com").await;
    server.execute("DELETE FROM users");
    ann.get("/api/v1/users/me").await.expect_problem(401, "AUTH_007");
    ann.get("/api/v1/todos").await.expect_problem(401, "AUTH_007");
    ann.post("/api/v1/todos", json!({"text": "Buy milk"})).await.expect_problem(401, "AUTH_007");
    ann.post("/api/v1/todos/sync", json!({})).await.expect_problem(401, "AUTH_007");
    assert_eq!(refresh(&server.client(), &tokens).await.status, 401);
    attempt(&server.client(), "ann@example.com", PASSWORD).await.expect_problem(401, "AUTH_001");
}
