//! Logging out.

use blackbox_tests::{Database, Server, on_both_databases};
use serde_json::json;

use crate::support::{log_in, refresh};

const LOGOUT: &str = "/api/v1/auth/logout";

on_both_databases! {
    async fn logging_out_ends_this_session_at_once_and_no_other(server: Server) {
        let (phone, phone_tokens) = server.client().register("ann@example.com").await;
        let (laptop, laptop_tokens) = log_in(&server.client(), "ann@example.com", "laptop").await;
        let done = phone.post(LOGOUT, json!({"all": false})).await.expect(204);
        assert_eq!(done.text, "");
        phone.get("/api/v1/todos").await.expect_problem(401, "AUTH_004");
        phone.post(LOGOUT, json!({})).await.expect_problem(401, "AUTH_004");
        refresh(&server.client(), &phone_tokens).await.expect_problem(401, "AUTH_004");
        laptop.get("/api/v1/todos").await.expect(200);
        refresh(&server.client(), &laptop_tokens).await.expect(200);
    }

    async fn logging_out_everywhere_ends_all_sessions_of_this_user_only(server: Server) {
        let (phone, _) = server.client().register("ann@example.com").await;
        let (laptop, laptop_tokens) = log_in(&server.client(), "ann@example.com", "laptop").await;
        let (bob, _) = server.client().register("bob@example.com").await;
        phone.post(LOGOUT, json!({"all": true})).await.expect(204);
        phone.get("/api/v1/todos").await.expect_problem(401, "AUTH_004");
        laptop.get("/api/v1/todos").await.expect_problem(401, "AUTH_004");
        refresh(&server.client(), &laptop_tokens).await.expect_problem(401, "AUTH_004");
        bob.get("/api/v1/todos").await.expect(200);
        let (again, _) = log_in(&server.client(), "ann@example.com", "phone").await;
        again.get("/api/v1/todos").await.expect(200);
    }

    async fn a_refreshed_access_token_ends_with_its_session(server: Server) {
        let (phone, tokens) = server.client().register("ann@example.com").await;
        let fresh = refresh(&server.client(), &tokens).await.expect(200).json();
        phone.post(LOGOUT, json!({})).await.expect(204);
        let fresh = server.client().with_token(fresh["access_token"].as_str().expect("a token"));
        fresh.get("/api/v1/users/me").await.expect_problem(401, "AUTH_004");
    }

    async fn a_session_that_ended_stays_ended_after_a_restart(server: Server) {
        let mut server = server;
        let (phone, _) = server.client().register("ann@example.com").await;
        phone.post(LOGOUT, json!({})).await.expect(204);
        server.crash_and_restart().await;
        let phone = server.client().with_token(phone.token());
        phone.get("/api/v1/todos").await.expect_problem(401, "AUTH_004");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_needs_no_body_but_refuses_a_bad_one() {
    let server = Server::start(Database::Sqlite).await;
    let (phone, _) = server.client().register("ann@example.com").await;
    phone.post(LOGOUT, json!({"all": "yes"})).await.expect_problem(422, "VALIDATION_006");
    phone.post_raw(LOGOUT, "{").await.expect_problem(400, "VALIDATION_009");
    phone.get("/api/v1/todos").await.expect(200);
    phone.send(phone.request(reqwest::Method::POST, LOGOUT)).await.expect(204);
    phone.get("/api/v1/todos").await.expect_problem(401, "AUTH_004");
}
