//! The code at the end of a login: valid once, for one minute.

use blackbox_tests::{Database, Server, on_both_databases};
use futures_util::future::join_all;
use serde_json::json;

use super::browser::{Browser, state};
use super::provider::Provider;
use super::{CHALLENGE, exchange, exchange_with, hand_off, location, server_with};

/// A code that has not been exchanged yet.
async fn code(server: &Server, acme: &Provider) -> String {
    hand_off(&Browser::new(server).log_in(acme).await)
}

on_both_databases! {
    async fn exactly_one_of_many_exchanges_of_one_code_succeeds(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_with(database, &[&acme]).await;
        let code = code(&server, &acme).await;
        let answers = join_all((0..8).map(|_| exchange(&server, &code))).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!(won.len(), 1);
        for answer in lost {
            answer.expect_problem(400, "AUTH_008");
        }
        exchange(&server, &code).await.expect_problem(400, "AUTH_008");
        let user = won[0].json();
        let user = server.client().with_token(user["access_token"].as_str().expect("a token"));
        let devices = user.get("/api/v1/users/me/devices").await.expect(200).json();
        assert_eq!(devices.as_array().map(Vec::len), Some(1));
    }

    async fn a_code_without_a_challenge_is_exchanged_by_the_browser_that_began_the_login(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_with(database, &[&acme]).await;
        let log_in = async |browser: &Browser| {
            let started = browser.begin_unbound(&acme, "").await;
            let callback = browser.consent(&acme, location(&started)).await;
            hand_off(&browser.visit(&callback).await)
        };
        let (thief, victim) = (Browser::new(&server), Browser::new(&server));
        // Neither a code of the thief in the victim's browser, nor one of the victim's elsewhere.
        let planted = log_in(&thief).await;
        victim.exchange(&planted).await.expect_problem(400, "AUTH_008");
        let stolen = log_in(&victim).await;
        exchange(&server, &stolen).await.expect_problem(400, "AUTH_008");
        victim.exchange(&stolen).await.expect_problem(400, "AUTH_008");
        let own = log_in(&victim).await;
        victim.exchange(&own).await.expect(200);
    }

    async fn a_code_with_a_challenge_is_exchanged_with_its_verifier_only(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_with(database, &[&acme]).await;
        let wrong = "x".repeat(43);
        for verifier in [None, Some(CHALLENGE), Some(wrong.as_str())] {
            let browser = Browser::new(&server);
            let code = hand_off(&browser.log_in(&acme).await);
            exchange_with(&server, &code, verifier).await.expect_problem(400, "AUTH_008");
            exchange(&server, &code).await.expect_problem(400, "AUTH_008");
            // The browser's cookies are no substitute.
            let code = hand_off(&browser.log_in(&acme).await);
            browser.exchange(&code).await.expect_problem(400, "AUTH_008");
        }
        exchange(&server, &code(&server, &acme).await).await.expect(200);
        for challenge in ["short", &"!".repeat(43), &"A".repeat(44)] {
            let query = format!("?code_challenge={challenge}");
            let asked = Browser::new(&server).begin_unbound(&acme, &query).await;
            asked.expect_problem(422, "VALIDATION_006");
        }
    }

    async fn the_method_of_a_challenge_is_s256(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_with(database, &[&acme]).await;
        let browser = Browser::new(&server);
        for method in ["plain", "PLAIN", "s256", "S512", "", "S256&code_challenge_method=S256"] {
            let refused = browser.begin(&acme, &format!("?code_challenge_method={method}")).await;
            refused.expect_problem(422, "VALIDATION_006");
            assert_eq!(refused.json()["details"]["field"], "code_challenge_method", "{method}");
        }
        browser.begin(&acme, "?code_challenge_method=S256").await.expect(302);
        // Otherwise the client takes for granted that its verifier is needed.
        let unbound = browser.begin_unbound(&acme, "?code_challenge_method=S256").await;
        unbound.expect_problem(422, "VALIDATION_004");
        assert_eq!(unbound.json()["details"]["field"], "code_challenge");
    }

    async fn an_expired_or_invented_code_is_refused(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_with(database, &[&acme]).await;
        let late = code(&server, &acme).await;
        // Let the code expire.
        let minute = match database {
            Database::Postgres => "interval '1 minute'",
            Database::Sqlite => "60000000",
        };
        server.execute(&format!(
            "UPDATE one_time_tokens SET expires_at = expires_at - {minute} WHERE kind = 'oauth_hand_off'"
        ));
        exchange(&server, &late).await.expect_problem(400, "AUTH_008");

        let good = code(&server, &acme).await;
        let mut another: Vec<_> = good.chars().collect();
        another[5] = if another[5] == 'A' { 'B' } else { 'A' };
        for made_up in [another.iter().collect(), good[1..].to_owned(), format!("{good}A"), "x".repeat(10_000)] {
            exchange(&server, &made_up).await.expect_problem(400, "AUTH_008");
        }
        // A state is not a code, and a code is not a magic link.
        let state = state(&Browser::new(&server).to_callback(&acme).await);
        exchange(&server, &state).await.expect_problem(400, "AUTH_008");
        let client = server.client();
        let link = client.get(&format!("/api/v1/auth/magic-link/verify?token={good}")).await;
        link.expect_problem(400, "AUTH_008");
        for (body, code) in [(json!({}), "VALIDATION_004"), (json!({"code": 7}), "VALIDATION_006")] {
            client.post("/api/v1/auth/oauth/exchange", body).await.expect_problem(422, code);
        }
        exchange(&server, &good).await.expect(200);
    }
}
