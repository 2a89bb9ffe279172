//! Concurrent refreshes of one token, by body and by cookie, and the replay of a stolen token
//! afterwards.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use blackbox_tests::{Answer, Client, Server, Socket, on_both_databases, on_postgres};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{end_grace_period, refresh, text, twin};

const ORIGIN: &str = "http://localhost:3000";

/// Refreshes as a browser does, with the token in the cookie only.
async fn refresh_by_cookie(client: &Client, token: &str) -> Answer {
    let request = client
        .anonymous()
        .request(Method::POST, "/api/v1/auth/refresh")
        .header("origin", ORIGIN)
        .header("cookie", format!("refresh_token={token}"));
    client.send(request).await
}

/// The refresh token in the cookie of an answer, which must not clear the cookie.
fn cookie(answer: &Answer) -> String {
    let (pair, attributes) = answer.header("set-cookie").split_once("; ").expect("attributes");
    assert!(!attributes.contains("Max-Age=0"), "{answer}");
    pair.strip_prefix("refresh_token=").expect("the refresh token's cookie").to_owned()
}

/// Asserts that the server's only session has two tokens and that the first is replaced.
fn assert_one_live_token(server: &Server) {
    let live =
        server.column("SELECT '' || generation AS value FROM refresh_tokens WHERE replaced_at IS NULL");
    assert_eq!(live, ["1"], "the successor");
    assert_eq!(server.column("SELECT '' || generation AS value FROM refresh_tokens").len(), 2);
}

/// Refreshes one token two hundred times at once, by body and by cookie; returns the common
/// successor.
async fn all_come_to_one_successor(clients: &[Client], first: &Value) -> String {
    let token = text(&first["refresh_token"]);
    let answers = join_all((0..200).map(|n| async move {
        let client = &clients[n % clients.len()];
        if (n / clients.len()).is_multiple_of(2) {
            (false, refresh(client, first).await)
        } else {
            (true, refresh_by_cookie(client, token).await)
        }
    }))
    .await;
    let mut successors = BTreeSet::new();
    for (by_cookie, answer) in answers {
        let answer = answer.expect(200);
        let body = answer.json();
        assert_eq!(answer.headers.contains_key("set-cookie"), by_cookie, "{answer}");
        if by_cookie {
            assert_eq!(cookie(&answer), text(&body["refresh_token"]));
        }
        successors.insert(text(&body["refresh_token"]).to_owned());
    }
    assert_eq!(successors.len(), 1);
    successors.pop_first().expect("one")
}

on_both_databases! {
    async fn two_hundred_refreshes_by_body_and_cookie_return_one_successor(server: Server) {
        let (_, first) = server.client().register("ann@example.com").await;
        all_come_to_one_successor(&[server.client()], &first).await;
        assert_one_live_token(&server);
    }

    async fn repeats_of_a_token_count_once_and_each_rotation_counts(database: Database) {
        let server = Server::start_with(database, &[("RATE_LIMIT_ENABLED", "true")]).await;
        let client = server.client();
        let (_, first) = client.register("ann@example.com").await;
        let mut token = json!(all_come_to_one_successor(&[server.client()], &first).await);
        assert_one_live_token(&server);
        // The limit is sixty, including the refreshes above, which count as one.
        let mut rotated = 1;
        let refused = loop {
            let answer = refresh(&client, &json!({"refresh_token": token})).await;
            if answer.status != 200 {
                break answer;
            }
            token = answer.json()["refresh_token"].clone();
            rotated += 1;
            assert!(rotated < 200, "there is a limit");
        };
        refused.expect_problem(429, "RATE_001");
        assert!(rotated >= 60, "{rotated}");
    }
}

on_postgres! {
    async fn a_token_replayed_after_a_race_over_two_instances_ends_the_session_and_its_sockets(server: Server) {
        let other = twin(&server).await;
        let (ann, first) = server.client().register("ann@example.com").await;
        let (mut here, _) = Socket::ready(&server.socket_url(), ann.token(), "").await;
        let (mut there, _) = Socket::ready(&other.socket_url(), ann.token(), "").await;
        let successor = all_come_to_one_successor(&[server.client(), other.client()], &first).await;
        assert_one_live_token(&server);

        let next = cookie(&refresh_by_cookie(&server.client(), &successor).await.expect(200));
        end_grace_period(&server);
        let replayed = Instant::now();
        let stolen = refresh_by_cookie(&other.client(), text(&first["refresh_token"])).await;
        stolen.expect_problem(401, "AUTH_004");
        assert_eq!((here.closed().await, there.closed().await), (4401, 4401));
        assert!(replayed.elapsed() < Duration::from_secs(2), "on both within two seconds");
        let lost = refresh_by_cookie(&server.client(), &next).await;
        lost.expect_problem(401, "AUTH_004");
        for refused in [stolen, lost] {
            assert!(!refused.headers.contains_key("set-cookie"), "a request that loses clears nothing: {refused}");
        }
        ann.get("/api/v1/todos").await.expect_problem(401, "AUTH_004");
        other.client().with_token(ann.token()).get("/api/v1/todos").await.expect_problem(401, "AUTH_004");
    }
}
