//! Refreshing: each use rotates the token; retries and races return the same successor.

use blackbox_tests::{Database, Server, on_both_databases};
use expect_test::expect;
use serde_json::json;

use crate::support::{end_grace_period, log_in, refresh, text};

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
        // During the grace period, also after the successor has been used.
        let third = refresh(&server.client(), &second).await.expect(200).json();
        let late = refresh(&server.client(), &first).await.expect(200).json();
        assert_eq!(late["refresh_token"], second["refresh_token"]);
        let onward = refresh(&server.client(), &late).await.expect(200).json();
        assert_eq!(onward["refresh_token"], third["refresh_token"]);
    }

    async fn a_token_in_the_place_of_another_is_unknown_and_ends_nothing(server: Server) {
        const SECRET: usize = 43;
        let (_, ann) = server.client().register("ann@example.com").await;
        let (_, bob) = server.client().register("bob@example.com").await;
        let [ann_token, bob_token] = [&ann, &bob].map(|tokens| text(&tokens["refresh_token"]));
        let swapped = format!("{}{}", &ann_token[..SECRET], &bob_token[SECRET..]);
        refresh(&server.client(), &json!({"refresh_token": swapped})).await.expect_problem(401, "AUTH_005");
        for tokens in [&ann, &bob] {
            refresh(&server.client(), tokens).await.expect(200);
        }
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

    async fn a_thief_in_lock_step_is_found_at_the_second_attempt(server: Server) {
        let (ann, first) = server.client().register("ann@example.com").await;
        let second = refresh(&server.client(), &first).await.expect(200).json();
        end_grace_period(&server);
        // The thief has copied the first token. The answer could as well have been lost.
        refresh(&server.client(), &first).await.expect(200);
        let third = refresh(&server.client(), &second).await.expect(200).json();
        end_grace_period(&server);
        refresh(&server.client(), &second).await.expect_problem(401, "AUTH_004");
        refresh(&server.client(), &third).await.expect_problem(401, "AUTH_004");
        ann.get("/api/v1/todos").await.expect_problem(401, "AUTH_004");
    }

    async fn a_thief_who_rotates_all_the_time_does_not_make_the_owners_token_unknown(server: Server) {
        let (ann, first) = server.client().register("ann@example.com").await;
        // The thief has copied the first token, and rotates until the server has forgotten it.
        let mut stolen = refresh(&server.client(), &first).await.expect(200).json();
        for _ in 0..20 {
            stolen = refresh(&server.client(), &stolen).await.expect(200).json();
        }
        let stored = || server.column("SELECT '' || generation AS value FROM refresh_tokens").len();
        assert_eq!(stored(), 22);
        let a_while = match server.database() {
            Database::Postgres => "interval '16 minutes'",
            Database::Sqlite => "960000000",
        };
        let before = format!("replaced_at = replaced_at - {a_while} WHERE replaced_at IS NOT NULL");
        server.execute(&format!("UPDATE refresh_tokens SET {before}"));
        let stolen = refresh(&server.client(), &stolen).await.expect(200).json();
        assert_eq!(stored(), 2, "the newest and the one before");

        let thief = server.client().with_token(text(&stolen["access_token"]));
        thief.get("/api/v1/todos").await.expect(200);
        // A token of another session, or without the right secret, ends nothing.
        let token = text(&first["refresh_token"]);
        let altered = format!("{}{}", if token.starts_with('A') { 'B' } else { 'A' }, &token[1..]);
        let earlier_form = &token[..43];
        let another_place = format!("{}{:08x}", &token[..token.len() - 8], 7);
        for forged in [altered.as_str(), earlier_form, &another_place] {
            let answer = refresh(&server.client(), &json!({"refresh_token": forged})).await;
            answer.expect_problem(401, "AUTH_005");
        }
        thief.get("/api/v1/todos").await.expect(200);

        refresh(&server.client(), &first).await.expect_problem(401, "AUTH_004");
        thief.get("/api/v1/todos").await.expect_problem(401, "AUTH_004");
        ann.get("/api/v1/todos").await.expect_problem(401, "AUTH_004");
        refresh(&server.client(), &stolen).await.expect_problem(401, "AUTH_004");
        refresh(&server.client(), &first).await.expect_problem(401, "AUTH_004");
        let reasons = server.column("SELECT reason AS value FROM revoked_tokens");
        assert_eq!(reasons, ["reuse_detected"]);
    }

    async fn a_reuse_is_found_while_a_thief_uses_up_the_rate_limit(database: Database) {
        let settings = [("RATE_LIMIT_ENABLED", "true"), ("RATE_LIMIT_REFRESH", "2/1h")];
        let server = Server::start_with(database, &settings).await;
        let (ann, first) = server.client().register("ann@example.com").await;
        let second = refresh(&server.client(), &first).await.expect(200).json();
        let third = refresh(&server.client(), &second).await.expect(200).json();
        refresh(&server.client(), &third).await.expect_problem(429, "RATE_001");
        end_grace_period(&server);
        refresh(&server.client(), &first).await.expect_problem(401, "AUTH_004");
        refresh(&server.client(), &third).await.expect_problem(401, "AUTH_004");
        ann.get("/api/v1/todos").await.expect_problem(401, "AUTH_004");
    }

    async fn a_token_of_an_earlier_version_is_still_exchanged(server: Server) {
        let (_, first) = server.client().register("ann@example.com").await;
        server.execute("UPDATE refresh_tokens SET located = (1 = 0)");
        let earlier_form = json!({"refresh_token": &text(&first["refresh_token"])[..43]});
        let second = refresh(&server.client(), &earlier_form).await.expect(200).json();
        let third = refresh(&server.client(), &second).await.expect(200).json();
        let fourth = refresh(&server.client(), &third).await.expect(200).json();
        // Its row stays, because nothing else tells of its reuse.
        let old = match server.database() {
            Database::Postgres => "interval '1 day'",
            Database::Sqlite => "86400000000",
        };
        server.execute(&format!(
            "UPDATE refresh_tokens SET replaced_at = replaced_at - {old} WHERE replaced_at IS NOT NULL"
        ));
        refresh(&server.client(), &fourth).await.expect(200);
        let kept = server.column("SELECT '' || generation AS value FROM refresh_tokens ORDER BY generation");
        assert_eq!(kept, ["0", "3", "4"]);
        refresh(&server.client(), &earlier_form).await.expect_problem(401, "AUTH_004");
    }

    async fn a_token_reused_after_the_grace_ends_the_whole_session(server: Server) {
        let (ann, first) = server.client().register("ann@example.com").await;
        let (laptop, _) = log_in(&server.client(), "ann@example.com", "laptop").await;
        let second = refresh(&server.client(), &first).await.expect(200).json();
        // While the successor is unused, once: the client may have lost the response.
        end_grace_period(&server);
        let again = refresh(&server.client(), &first).await.expect(200).json();
        assert_eq!(again["refresh_token"], second["refresh_token"]);

        let third = refresh(&server.client(), &second).await.expect(200).json();
        end_grace_period(&server);
        refresh(&server.client(), &first).await.expect_problem(401, "AUTH_004");
        refresh(&server.client(), &third).await.expect_problem(401, "AUTH_004");
        ann.get("/api/v1/todos").await.expect_problem(401, "AUTH_004");
        laptop.get("/api/v1/todos").await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_refresh_token_is_refused() {
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

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_expires() {
    let server = Server::start(Database::Postgres).await;
    let (_, tokens) = server.client().register("ann@example.com").await;
    server.execute("UPDATE refresh_tokens SET expires_at = expires_at - interval '8 days'");
    refresh(&server.client(), &tokens).await.expect_problem(401, "AUTH_003");
}
