//! The client's address behind a proxy.

use blackbox_tests::{Answer, Client, Database, Server, on_both_databases};
use reqwest::Method;
use serde_json::json;

use crate::support::text;

/// A server with rate limits that trusts `proxies`. The tests connect from 127.0.0.1.
async fn behind(database: Database, proxies: &str) -> Server {
    let settings = [("RATE_LIMIT_ENABLED", "true"), ("TRUSTED_PROXIES", proxies)];
    Server::start_with(database, &settings).await
}

/// Sends a wrong password for the `n`th account, with this header.
async fn guess(client: &Client, n: usize, header: (&str, &str)) -> Answer {
    let body = json!({"email": format!("{n}@example.com"), "password": "Wrong-Horse-7"});
    let login = client.request(Method::POST, "/api/v1/auth/login").header(header.0, header.1);
    client.send(login.json(&body)).await
}

/// Sends five wrong passwords, which is the limit of one network; `header` returns the `n`th
/// header.
async fn use_up(client: &Client, name: &str, header: impl Fn(usize) -> String) {
    for n in 0..5 {
        guess(client, n, (name, &header(n))).await.expect_problem(401, "AUTH_001");
    }
}

const XFF: &str = "x-forwarded-for";

on_both_databases! {
    async fn behind_a_trusted_proxy_each_address_has_its_own_limit(database: Database) {
        let server = behind(database, "127.0.0.1/32").await;
        let client = server.client();
        use_up(&client, XFF, |_| "192.0.2.1".into()).await;
        guess(&client, 5, (XFF, "192.0.2.1")).await.expect_problem(429, "RATE_001");
        guess(&client, 5, (XFF, "192.0.2.2")).await.expect_problem(401, "AUTH_001");
        // The same address in `Forwarded`, behind a second proxy, and as an IPv4-mapped IPv6
        // address.
        guess(&client, 6, ("forwarded", "for=192.0.2.1:4711;proto=https")).await.expect_problem(429, "RATE_001");
        guess(&client, 7, (XFF, "192.0.2.1, 127.0.0.1")).await.expect_problem(429, "RATE_001");
        guess(&client, 8, (XFF, "::ffff:192.0.2.1")).await.expect_problem(429, "RATE_001");
    }

    async fn entries_left_of_the_clients_address_are_ignored(database: Database) {
        let server = behind(database, "127.0.0.1").await;
        let client = server.client();
        use_up(&client, XFF, |n| format!("198.51.100.{n}, 192.0.2.1")).await;
        guess(&client, 5, (XFF, "198.51.100.99, 192.0.2.1")).await.expect_problem(429, "RATE_001");
        guess(&client, 6, (XFF, "127.0.0.1, 192.0.2.1")).await.expect_problem(429, "RATE_001");
        // The addresses that the client made up keep their own limits.
        guess(&client, 7, (XFF, "198.51.100.0")).await.expect_problem(401, "AUTH_001");
    }

    async fn only_trusted_proxies_are_believed(database: Database) {
        for proxies in ["", "10.0.0.0/8,192.0.2.0/24"] {
            let server = behind(database, proxies).await;
            let client = server.client();
            use_up(&client, XFF, |n| format!("192.0.2.{n}")).await;
            guess(&client, 5, (XFF, "192.0.2.5")).await.expect_problem(429, "RATE_001");
            guess(&client, 6, ("forwarded", "for=192.0.2.6")).await.expect_problem(429, "RATE_001");
        }
    }

    async fn a_device_has_the_address_that_a_trusted_proxy_reports(database: Database) {
        for (proxies, shown) in [("127.0.0.1", "192.0.2.1"), ("", "127.0.0.1")] {
            let server = behind(database, proxies).await;
            let client = server.client();
            let body = json!({"email": "ann@example.com", "password": blackbox_tests::client::PASSWORD});
            let registration = client.request(Method::POST, "/api/v1/auth/register").header(XFF, "192.0.2.1");
            let tokens = client.send(registration.json(&body)).await.expect(201).json();
            let ann = client.with_token(text(&tokens["access_token"]));
            let devices = ann.get("/api/v1/users/me/devices").await.expect(200).json();
            assert_eq!(devices[0]["ip"], shown, "{devices:#}");
        }
    }
}
