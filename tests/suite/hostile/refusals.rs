//! Bytes that the server cannot parse as a request.

use blackbox_tests::server::TIMEOUT;
use blackbox_tests::{Database, Server, Wire};

/// Sends `bytes` and returns everything that the server writes before it closes the connection.
async fn exchange(server: &Server, bytes: &[u8]) -> String {
    let mut wire = Wire::connect(&server.base_url).await;
    wire.send(bytes).await;
    wire.rest(TIMEOUT).await
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_http_is_refused_without_a_body_and_logs_no_error() {
    let server = Server::start(Database::Sqlite).await;
    for request in [
        &b"GARBAGE\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"\0\x01\x02\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA\0: b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n",
    ] {
        let refused = exchange(&server, request).await;
        assert!(refused.starts_with("HTTP/1.1 400 ") && refused.ends_with("\r\n\r\n"), "{refused}");
    }
    let long = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "x".repeat(1_000_000));
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-Many: 1\r\n".repeat(10_000));
    for large in [long, many] {
        let refused = exchange(&server, large.as_bytes()).await;
        assert!(refused.starts_with("HTTP/1.1 431 "), "{refused}");
    }
    let slow = exchange(&server, b"GET / HTTP/1.1\r\nHost: x\r\n").await;
    assert!(slow.starts_with("HTTP/1.1 408 "), "{slow}");
    let logs = server.logs();
    assert!(!logs.contains("ERROR") && !logs.contains("WARN"), "{logs}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_follows_the_answers_to_earlier_requests() {
    let server = Server::start(Database::Sqlite).await;
    let mut wire = Wire::connect(&server.base_url).await;
    let good = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    wire.send(format!("{good}{good}GARBAGE\r\n\r\n").as_bytes()).await;
    let all = wire.rest(TIMEOUT).await;
    let statuses: Vec<_> = all.match_indices("HTTP/1.1 ").map(|(at, _)| &all[at + 9..at + 12]).collect();
    assert_eq!(statuses, ["200", "200", "400"], "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_a_malformed_chunk_is_answered_before_the_connection_closes() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    for (path, status) in [("/api/v1/todos", "400"), ("/nowhere", "404")] {
        let mut wire = Wire::connect(&server.base_url).await;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
            ann.token()
        );
        wire.send(head.as_bytes()).await;
        wire.send(b"2\r\n{}\r\nzz\r\n").await;
        let all = wire.rest(TIMEOUT).await;
        assert!(all.starts_with(&format!("HTTP/1.1 {status} ")), "{all}");
    }
    assert!(!server.logs().contains("ERROR"), "{}", server.logs());
}
