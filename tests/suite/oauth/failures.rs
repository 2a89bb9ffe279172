//! Providers that are down, slow or faulty: a 502 in bounded time.

use std::time::{Duration, Instant};

use blackbox_tests::{Server, on_both_databases};
use futures_util::future::join_all;
use serde_json::json;

use super::browser::Browser;
use super::provider::Provider;
use super::{location, log_in, server_with};
use crate::support::check_each;

const DISCOVERY: &str = "/.well-known/openid-configuration";

/// The invalid responses of `tests/openid-provider/server.mjs`, except the late ones.
const FAULTS: [&str; 12] = [
    "html",
    "truncated",
    "cut",
    "giant",
    "deep",
    "binary",
    "list",
    "types",
    "empty",
    "error",
    "redirect",
    "reset",
];

/// Asserts that a login fails with 502 `AUTH_010`.
async fn fails(server: &Server, provider: &Provider) {
    let browser = Browser::new(server);
    let started = browser.begin(provider, "").await;
    let answer = if started.status == 302 {
        let callback = browser.consent(provider, location(&started)).await;
        browser.visit(&callback).await
    } else {
        started
    };
    answer.expect_problem(502, "AUTH_010");
}

on_both_databases! {
    async fn a_provider_that_is_down_causes_a_502(database: Database) {
        let (acme, github) = (Provider::openid("acme").await, Provider::github().await);
        let server = server_with(database, &[&acme, &github]).await;
        let browser = Browser::new(&server);
        let (at_acme, at_github) = (browser.to_callback(&acme).await, browser.to_callback(&github).await);
        acme.close().await;
        github.close().await;
        browser.visit(&at_acme).await.expect_problem(502, "AUTH_010");
        browser.visit(&at_github).await.expect_problem(502, "AUTH_010");

        let never_up = Provider::openid("acme").await;
        never_up.close().await;
        let server = server_with(database, &[&never_up]).await;
        Browser::new(&server).begin(&never_up, "").await.expect_problem(502, "AUTH_010");
        let (user, _) = server.client().register("bob@example.com").await;
        user.post("/api/v1/auth/oauth/acme/link", json!({})).await.expect_problem(502, "AUTH_010");
    }

    async fn an_invalid_response_from_any_endpoint_of_a_provider_causes_a_502(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_with(database, &[&acme]).await;
        // Discovery fails first; once it works, the server knows the other endpoints.
        for path in [DISCOVERY, "/token", "/me"] {
            check_each(FAULTS.map(|fault| (path, fault)), async |(path, fault)| {
                acme.fail_at(path, fault).await;
                fails(&server, &acme).await;
            })
            .await;
            // The provider recovers at once.
            acme.configure(json!({"faults": {}})).await;
            log_in(&server, &acme).await;
        }
    }

    async fn invalid_key_sets_verify_nothing(database: Database) {
        let mut providers = Vec::new();
        for fault in FAULTS {
            let provider = Provider::openid(fault).await;
            provider.fail_at("/jwks", fault).await;
            providers.push(provider);
        }
        let server = server_with(database, &providers.iter().collect::<Vec<_>>()).await;
        check_each(FAULTS.into_iter().zip(0..), async |(_, n)| fails(&server, &providers[*n]).await).await;
    }

    async fn a_slow_provider_times_out_after_five_seconds_and_delays_no_other_login(database: Database) {
        let mut providers = Vec::new();
        let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let late = ["silent", "endless"].into_iter().flat_map(|fault| {
            [DISCOVERY, "/token", "/jwks", "/me"].map(|path| (path, fault))
        });
        for (name, (path, fault)) in names.into_iter().zip(late) {
            let provider = Provider::openid(name).await;
            provider.fail_at(path, fault).await;
            providers.push(provider);
        }
        let well = Provider::openid("well").await;
        let all: Vec<_> = providers.iter().chain([&well]).collect();
        let server = server_with(database, &all).await;
        let start = Instant::now();
        // Concurrent logins do not wait for each other.
        let slow = providers.iter().flat_map(|provider| [provider; 3]).map(|provider| fails(&server, provider));
        let quick = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            log_in(&server, &well).await.get("/api/v1/todos").await.expect(200);
            start.elapsed()
        };
        let (_, quick) = tokio::join!(join_all(slow), quick);
        assert!(quick < Duration::from_secs(4), "{quick:?}");
        let slow = start.elapsed();
        assert!(slow > Duration::from_secs(5) && slow < Duration::from_secs(9), "{slow:?}");
    }
}
