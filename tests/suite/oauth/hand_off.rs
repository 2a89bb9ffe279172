//! The code with which a login comes out: good once, and for a minute.

use blackbox_tests::{Server, on_both_databases};
use futures_util::future::join_all;
use serde_json::json;

use super::browser::{Browser, state};
use super::provider::Provider;
use super::{exchange, hand_off, server_with};
use crate::support::sql;

/// A code that waits to be exchanged.
async fn code(server: &Server, acme: &Provider) -> String {
    hand_off(&Browser::new(server).log_in(acme).await)
}

on_both_databases! {
    async fn of_many_exchanges_of_one_code_exactly_one_wins(database: Database) {
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

    async fn a_code_that_is_late_or_made_up_opens_nothing(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_with(database, &[&acme]).await;
        let late = code(&server, &acme).await;
        // As if a minute had gone by.
        let age = match &server.postgres {
            Some(_) => "UPDATE one_time_tokens SET expires_at = expires_at - interval '1 minute'",
            None => "UPDATE one_time_tokens SET expires_at = expires_at - 60 * 1000000",
        };
        sql(&server, &format!("{age} WHERE kind = 'oauth_hand_off'"));
        exchange(&server, &late).await.expect_problem(400, "AUTH_008");

        let good = code(&server, &acme).await;
        let mut another: Vec<_> = good.chars().collect();
        another[5] = if another[5] == 'A' { 'B' } else { 'A' };
        for made_up in [another.iter().collect(), good[1..].to_owned(), format!("{good}A"), "x".repeat(10_000)] {
            exchange(&server, &made_up).await.expect_problem(400, "AUTH_008");
        }
        // Neither is what a login carries on its way a code, nor a code a link of a mail.
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
