//! The WebSocket handshake.

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
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_request_opens_no_socket() {
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
        assert_eq!(wire.peek_status().await, 405, "{path}");
    }
    let metrics = server.client().get("/metrics").await.text;
    assert!(metrics.contains("realtime_sockets_open 0"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_counts_against_the_rate_limit_of_its_user() {
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

#[tokio::test(flavor = "multi_thread")]
async fn a_page_can_read_why_its_socket_is_refused() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let url = server.socket_url();
    let from_page = async |token: &str, query: &str| {
        let protocols = format!("bearer, {token}");
        let headers = [("origin", "http://localhost:3000"), ("sec-websocket-protocol", &*protocols)];
        let socket = Socket::handshake(&format!("{url}{query}"), &headers).await;
        let mut socket = socket.unwrap_or_else(|refusal| panic!("{refusal}"));
        (socket.next().await, socket.closed().await)
    };
    let (message, code) = from_page("nonsense", "").await;
    assert_eq!((&message["type"], &message["error_code"]), (&json!("error"), &json!("AUTH_005")));
    assert_eq!(code, 4401);
    let (message, code) = from_page(ann.token(), "?since=yesterday").await;
    assert_eq!((&message["error_code"], code), (&json!("VALIDATION_006"), 4422));
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(Socket::ready(&url, ann.token(), "").await);
    }
    let (message, code) = from_page(ann.token(), "").await;
    assert_eq!((&message["error_code"], code), (&json!("RATE_001"), 4429));
    drop(open);
    // Other clients, and pages of foreign origins, get a status.
    let bearer = ("sec-websocket-protocol", "bearer, nonsense");
    let refused = Socket::handshake(&url, &[bearer]).await.err().expect("a refusal");
    refused.expect_problem(401, "AUTH_005");
    let foreign = Socket::handshake(&url, &[bearer, ("origin", "https://evil.example")]).await;
    foreign.err().expect("a refusal").expect_problem(403, "AUTHZ_002");
}
