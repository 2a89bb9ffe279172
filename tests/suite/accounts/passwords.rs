//! Changing the password.

use blackbox_tests::client::PASSWORD;
use blackbox_tests::{Answer, Client, Database, Server, Socket, on_both_databases};
use expect_test::expect;
use serde_json::json;

use crate::support::{days_ago, log_in, members, refresh};

const NEW: &str = "Other-Horse-8";

async fn change(client: &Client, current: &str, new: &str) -> Answer {
    let body = json!({"current_password": current, "new_password": new});
    client.post("/api/v1/auth/change-password", body).await
}

on_both_databases! {
    async fn a_new_password_ends_every_other_session_and_keeps_this_one(server: Server) {
        let (phone, phone_tokens) = server.client().register("ann@example.com").await;
        let (laptop, laptop_tokens) = log_in(&server.client(), "ann@example.com", "laptop").await;
        let (mut socket, _) = Socket::ready(&server.socket_url(), laptop.token(), "").await;
        change(&phone, PASSWORD, NEW).await.expect(204);
        phone.get("/api/v1/todos").await.expect(200);
        refresh(&server.client(), &phone_tokens).await.expect(200);
        let devices = phone.get("/api/v1/users/me/devices").await.expect(200).json();
        assert_eq!((members(&devices, "client_id"), members(&devices, "current")), (json!(["test"]), json!([true])));
        laptop.get("/api/v1/todos").await.expect_problem(401, "AUTH_004");
        assert_eq!(socket.closed().await, 4401);
        refresh(&server.client(), &laptop_tokens).await.expect_problem(401, "AUTH_004");

        let log_in_with = |password| {
            let body = json!({"email": "ann@example.com", "password": password});
            let client = server.client();
            async move { client.post("/api/v1/auth/login", body).await }
        };
        log_in_with(PASSWORD).await.expect_problem(401, "AUTH_001");
        log_in_with(NEW).await.expect(200);
    }

    async fn a_session_that_has_just_ended_changes_no_password(server: Server) {
        let (phone, _) = server.client().register("ann@example.com").await;
        let (thief, _) = log_in(&server.client(), "ann@example.com", "thief").await;
        // As by another instance, of which this one has not heard yet: its access token is still accepted.
        let now = days_ago(&server, 0);
        server.execute(&format!("UPDATE sessions SET revoked_at = {now}, revoke_reason = 'device_revoked' WHERE client_id = 'thief'"));
        thief.get("/api/v1/todos").await.expect(200);
        for path in ["/api/v1/auth/change-password", "/auth/change-password"] {
            let body = json!({"current_password": PASSWORD, "new_password": NEW});
            thief.post(path, body).await.expect_problem(401, "AUTH_004");
        }
        phone.get("/api/v1/todos").await.expect(200);
        log_in(&server.client(), "ann@example.com", "phone").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_refused_says_why_and_changes_nothing() {
    let server = Server::start(Database::Sqlite).await;
    let (phone, _) = server.client().register("ann@example.com").await;
    let (laptop, _) = log_in(&server.client(), "ann@example.com", "laptop").await;
    let wrong = change(&phone, "Wrong-Horse-7", NEW).await;
    wrong.expect_problem(422, "VALIDATION_007");
    expect![[r#"
        422
        content-type: application/problem+json
        cache-control: private, no-store
        {"detail": "current_password is not your password",
         "details": {"errors": [{"code": "VALIDATION_007", "field": "current_password",
            "message": "current_password is not your password"}],
          "field": "current_password"},
         "error_code": "VALIDATION_007"}
    "#]]
    .assert_eq(&wrong.to_string());
    change(&phone, PASSWORD, PASSWORD).await.expect_problem(422, "VALIDATION_008");
    change(&phone, PASSWORD, "weak").await.expect_problem(422, "VALIDATION_002");
    let missing = phone.post("/api/v1/auth/change-password", json!({"current_password": ""})).await;
    missing.expect_problem(422, "VALIDATION_004");
    change(&server.client(), PASSWORD, NEW).await.expect_problem(401, "AUTH_005");
    laptop.get("/api/v1/todos").await.expect(200);
    log_in(&server.client(), "ann@example.com", "tablet").await;
}
