//! Who gets a socket.

use std::time::{Duration, Instant};

use blackbox_tests::server::TIMEOUT;
use blackbox_tests::{Database, Server, Socket, Wire, on_both_databases};
use serde_json::json;

use crate::support::add;

on_both_databases! {
    async fn a_token_opens_a_socket_as_subprotocol_or_in_the_query(server: Server) {
        let ann = server.client().new_user().await;
        let url = server.socket_url();
        let protocols = format!("bearer, {}", ann.token());
        let by_protocol = Socket::handshake(&url, &[("sec-websocket-protocol", &protocols)]).await;
        let by_query = Socket::handshake(&format!("{url}?token={}&client_id=phone", ann.token()), &[]).await;
        for socket in [by_protocol, by_query] {
            let mut socket = socket.unwrap_or_else(|refusal| panic!("{refusal}"));
            assert_eq!(socket.next().await["type"], "ready");
            add(&ann, "x").await;
            assert_eq!(socket.next().await["type"], "todo_created");
        }
    }

    async fn a_bad_token_is_refused_before_the_upgrade(server: Server) {
        let ann = server.client().new_user().await;
        let url = server.socket_url();
        let refused = Socket::handshake(&url, &[]).await.err().expect("a refusal");
        refused.expect_problem(401, "AUTH_005");
        let nonsense =
            Socket::handshake(&format!("{url}?token=nonsense"), &[]).await.err().expect("a refusal");
        nonsense.expect_problem(401, "AUTH_005");
        ann.post("/api/v1/auth/logout", json!({})).await.expect(204);
        let ended =
            Socket::handshake(&format!("{url}?token={}", ann.token()), &[]).await.err().expect("a refusal");
        ended.expect_problem(401, "AUTH_004");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_twenty_first_socket_of_a_user_is_refused() {
    let server = Server::start(Database::Sqlite).await;
    let (ann, _) = server.client().register("ann@example.com").await;
    let (bob, _) = server.client().register("bob@example.com").await;
    let url = server.socket_url();
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(Socket::ready(&url, ann.token(), "").await.0);
    }
    let refused =
        Socket::handshake(&format!("{url}?token={}", ann.token()), &[]).await.err().expect("a refusal");
    refused.expect_problem(429, "RATE_001");
    assert!(refused.headers.contains_key("retry-after"), "{refused}");
    Socket::ready(&url, bob.token(), "").await;
    // A closed socket makes room for another.
    open.pop();
    let freed = Instant::now();
    while let Err(status) = Socket::open(&url, ann.token(), "").await {
        assert!(status == 429 && freed.elapsed() < TIMEOUT, "{status}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_foreign_origin_gets_no_socket() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let url = format!("{}?token={}", server.socket_url(), ann.token());
    let foreign =
        Socket::handshake(&url, &[("origin", "https://evil.example")]).await.err().expect("a refusal");
    foreign.expect_problem(403, "AUTHZ_002");
    for origin in ["null", "http://localhost:3000.evil.example", "http://localhost:30000"] {
        assert_eq!(
            Socket::handshake(&url, &[("origin", origin)]).await.err().expect("a refusal").status,
            403,
            "{origin}"
        );
    }
    assert!(Socket::handshake(&url, &[("origin", "http://localhost:3000")]).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_handshake_is_told_so() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let plain = ann.get("/ws/todos").await;
    assert!((400..500).contains(&plain.status), "{plain}");
    plain.expect_problem(plain.status, &plain.code());
    let url = server.socket_url();
    for query in ["?since=yesterday", "?since=", "?client_id="] {
        let refused = Socket::open(&url, ann.token(), query).await.err();
        assert_eq!(refused, Some(422), "{query}");
    }
    let long = format!("?client_id={}", "x".repeat(101));
    assert_eq!(Socket::open(&url, ann.token(), &long).await.err(), Some(422));
}

#[tokio::test(flavor = "multi_thread")]
async fn head_opens_no_socket() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    for path in ["/ws/todos", "/ws/%74odos"] {
        let mut wire = Wire::connect(&server.base_url).await;
        let head = format!(
            "HEAD {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            ann.token()
        );
        wire.send(head.as_bytes()).await;
        assert_eq!(wire.begun().await, 405, "{path}");
    }
    let figures = server.client().get("/metrics").await.text;
    assert!(figures.contains("realtime_sockets_open 0"), "{figures}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_counts_as_a_request_of_its_user() {
    let settings =
        [("RATE_LIMIT_ENABLED", "true"), ("RATE_LIMIT_API", "2/1m"), ("RATE_LIMIT_API_BURST", "3")];
    let server = Server::start_with(Database::Sqlite, &settings).await;
    let ann = server.client().new_user().await;
    let url = format!("{}?token={}", server.socket_url(), ann.token());
    for _ in 0..3 {
        assert!(Socket::handshake(&url, &[]).await.is_ok());
    }
    let refused = Socket::handshake(&url, &[]).await.err().expect("a refusal");
    refused.expect_problem(429, "RATE_001");
    assert!(refused.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds >= 1), "{refused}");
    ann.get("/api/v1/todos").await.expect_problem(429, "RATE_001");
}
