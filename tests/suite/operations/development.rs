//! What is easier on a developer's machine than elsewhere.

use blackbox_tests::{Client, Database, Server, Socket};
use reqwest::Method;
use serde_json::json;

const LOCAL: [&str; 3] = ["http://localhost:5173", "http://127.0.0.1:3000", "http://[::1]:8081"];
const FOREIGN: &str = "http://localhost.evil.example";

async fn preflight(client: &Client, origin: &str) -> u16 {
    let preflight = client
        .request(Method::OPTIONS, "/api/v1/todos")
        .header("origin", origin)
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization");
    client.send(preflight).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_every_loopback_origin_may_call_in_development_only() {
    for (environment, allowed) in [("development", true), ("staging", false)] {
        let server = Server::start_with(Database::Sqlite, &[("ENVIRONMENT", environment)]).await;
        let ann = server.client().new_user().await;
        for origin in LOCAL {
            assert_eq!(preflight(&ann, origin).await == 200, allowed, "{environment}: {origin}");
            let url = format!("{}?token={}", server.socket_url(), ann.token());
            let opened = Socket::handshake(&url, &[("origin", origin)]).await;
            assert_eq!(opened.is_ok(), allowed, "{environment}: {origin}");
        }
        for _ in 0..3 {
            assert_eq!(preflight(&ann, FOREIGN).await, 403);
        }
        let logs = server.logs();
        let refused = logs.lines().filter(|line| line.contains("ALLOWED_ORIGINS") && line.contains(FOREIGN));
        assert_eq!(refused.count(), 1, "{logs}");
    }
}

/// The statuses of registrations and of requests for a link.
async fn registrations(environment: &str, header: Option<(&str, &str)>) -> Vec<u16> {
    let settings = [("ENVIRONMENT", environment), ("RATE_LIMIT_ENABLED", "true")];
    let server = Server::start_with(Database::Sqlite, &settings).await;
    let client = server.client();
    let send = async |path: &str, body: serde_json::Value| {
        let request = client.request(Method::POST, path).json(&body);
        let request = header.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        client.send(request).await.status
    };
    let mut statuses = Vec::new();
    for n in 0..7 {
        let path = ["/api/v1/auth/register", "/auth/register", "/api/auth/signup"][n % 3];
        let account = json!({"email": format!("ann{n}@example.com"), "password": "Correct-Horse-7"});
        statuses.push(send(path, account).await);
    }
    for _ in 0..7 {
        statuses.push(send("/api/v1/auth/magic-link/request", json!({"email": "ann@example.com"})).await);
    }
    statuses
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_from_this_machine_are_not_limited_in_development() {
    let unlimited = registrations("development", None).await;
    assert_eq!(unlimited, [[201; 7], [202; 7]].concat());
    for (environment, header) in [("staging", None), ("development", Some(("x-forwarded-for", "192.0.2.1")))]
    {
        let limited = registrations(environment, header).await;
        // Registrations and emails are counted apart.
        let expected = [vec![201; 5], vec![429; 2], vec![202; 5], vec![429; 2]].concat();
        assert_eq!(limited, expected, "{environment} {header:?}");
    }
}
