//! Refreshing: each use rotates the token, and races and retries come to the same successor.

use blackbox_tests::{Database, Server, on_both_databases};
use expect_test::expect;
use postgres_testbed::Role;
use serde_json::json;

use crate::support::{log_in, refresh, text};

on_both_databases! {
    async fn a_refresh_gives_new_tokens_and_rotates_the_old_one(server: Server) {
        let (_, first) = server.client().register("ann@example.com").await;
        let answer = refresh(&server.client(), &first).await;
        expect![[r#"
            200
            cache-control: private, no-store
            {"access_token": "[access token]", "expires_in": 900, "refresh_token": "[refresh token]",
             "token_type": "bearer",
             "user": {"display_name": null, "email": "ann@example.com", "email_verified": false, "id": "[id]"}}
        "#]]
        .assert_eq(&answer.to_string());
        let second = answer.json();
        assert_ne!(second["refresh_token"], first["refresh_token"]);
        assert_ne!(second["access_token"], first["access_token"]);
        let client = server.client().with_token(text(&second["access_token"]));
        client.get("/api/v1/todos").await.expect(200);
        let third = refresh(&server.client(), &second).await.expect(200).json();
        assert_ne!(third["refresh_token"], second["refresh_token"]);
    }

    async fn a_refresh_repeated_after_a_lost_answer_gives_the_same_successor(server: Server) {
        let (_, first) = server.client().register("ann@example.com").await;
        let second = refresh(&server.client(), &first).await.expect(200).json();
        let again = refresh(&server.client(), &first).await.expect(200).json();
        assert_eq!(again["refresh_token"], second["refresh_token"]);
        // Also where the successor has been used meanwhile, while the grace lasts.
        let third = refresh(&server.client(), &second).await.expect(200).json();
        let late = refresh(&server.client(), &first).await.expect(200).json();
        assert_eq!(late["refresh_token"], second["refresh_token"]);
        let onward = refresh(&server.client(), &late).await.expect(200).json();
        assert_eq!(onward["refresh_token"], third["refresh_token"]);
    }

    async fn a_refreshed_token_survives_a_restart(server: Server) {
        let mut server = server;
        let (ann, first) = server.client().register("ann@example.com").await;
        let second = refresh(&server.client(), &first).await.expect(200).json();
        server.crash_and_restart().await;
        let again = refresh(&server.client(), &first).await.expect(200).json();
        assert_eq!(again["refresh_token"], second["refresh_token"]);
        server.client().with_token(ann.token()).get("/api/v1/todos").await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_refresh_token_is_refused() {
    let server = Server::start(Database::Sqlite).await;
    let (ann, _) = server.client().register("ann@example.com").await;
    let client = server.client();
    for nonsense in ["", "nonsense", &"A".repeat(43), &"A".repeat(10_000), "\u{0}", ann.token()] {
        refresh(&client, &json!({"refresh_token": nonsense})).await.expect_problem(401, "AUTH_005");
    }
    for body in [json!({}), json!({"refresh_token": null})] {
        client.post("/api/v1/auth/refresh", body).await.expect_problem(401, "AUTH_005");
    }
    let wrong = client.post("/api/v1/auth/refresh", json!({"refresh_token": 7})).await;
    wrong.expect_problem(422, "VALIDATION_006");
}

/// Makes the database believe that half a minute has gone by since every rotation.
fn past_the_grace(server: &Server) {
    let database = server.postgres.as_ref().expect("it runs on PostgreSQL");
    let sql = "UPDATE refresh_tokens SET replaced_at = replaced_at - interval '31 seconds' WHERE replaced_at IS NOT NULL";
    database.sql(Role::Owner, sql).expect("the clock is turned back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_reused_after_the_grace_ends_the_whole_session() {
    let server = Server::start(Database::Postgres).await;
    let (ann, first) = server.client().register("ann@example.com").await;
    let (laptop, _) = log_in(&server.client(), "ann@example.com", "laptop").await;
    let second = refresh(&server.client(), &first).await.expect(200).json();
    // While its successor has never been used, however long: a client that lost the answer.
    past_the_grace(&server);
    let again = refresh(&server.client(), &first).await.expect(200).json();
    assert_eq!(again["refresh_token"], second["refresh_token"]);

    let third = refresh(&server.client(), &second).await.expect(200).json();
    past_the_grace(&server);
    refresh(&server.client(), &first).await.expect_problem(401, "AUTH_004");
    refresh(&server.client(), &third).await.expect_problem(401, "AUTH_004");
    ann.get("/api/v1/todos").await.expect_problem(401, "AUTH_004");
    laptop.get("/api/v1/todos").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_expires() {
    let server = Server::start(Database::Postgres).await;
    let (_, tokens) = server.client().register("ann@example.com").await;
    let database = server.postgres.as_ref().expect("it runs on PostgreSQL");
    let sql = "UPDATE refresh_tokens SET expires_at = expires_at - interval '8 days'";
    database.sql(Role::Owner, sql).expect("the clock is turned back");
    refresh(&server.client(), &tokens).await.expect_problem(401, "AUTH_003");
}
