//! What the server can't read as a request at all.

use std::time::Duration;

use blackbox_tests::{Answer, Database, Server, Wire};
use expect_test::expect;

const PATIENCE: Duration = Duration::from_secs(20);

async fn refused(server: &Server, bytes: &[u8], status: u16, code: &str) -> Answer {
    let mut wire = Wire::connect(&server.base_url).await;
    wire.send(bytes).await;
    let refused = wire.answer().await;
    refused.expect_problem(status, code);
    assert_eq!(refused.header("connection"), "close", "{refused}");
    assert_eq!(refused.header("x-content-type-options"), "nosniff", "{refused}");
    assert!(refused.headers.contains_key("date"), "{refused}");
    refused
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_refused_in_the_one_form_and_writes_no_error() {
    let server = Server::start(Database::Sqlite).await;
    let garbage = refused(&server, b"GARBAGE\r\n\r\n", 400, "VALIDATION_009").await;
    expect![[r#"
        400
        content-type: application/problem+json
        cache-control: private, no-store
        {"detail": "This is not a request of HTTP/1.1", "details": {}, "error_code": "VALIDATION_009"}
    "#]]
    .assert_eq(&garbage.to_string());
    for request in [
        &b"GET\r\n\r\n"[..],
        b"\0\x01\x02\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA\0: b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n",
    ] {
        refused(&server, request, 400, "VALIDATION_009").await;
    }
    let long = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "x".repeat(1_000_000));
    refused(&server, long.as_bytes(), 431, "VALIDATION_010").await;
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-Many: 1\r\n".repeat(10_000));
    refused(&server, many.as_bytes(), 431, "VALIDATION_010").await;
    let slow = refused(&server, b"GET / HTTP/1.1\r\nHost: x\r\n", 408, "VALIDATION_009").await;
    assert_eq!(slow.json()["message"], "The request took too long to arrive");

    let figures = server.client().get("/metrics").await.text;
    let counted = |line: &&str| line.starts_with("http_requests_total{") && line.contains("status=\"431\"");
    assert_eq!(
        figures.lines().find(counted).and_then(|line| line.rsplit(' ').next()),
        Some("2"),
        "{figures}"
    );
    let logs = server.logs();
    assert!(logs.contains(garbage.header("x-request-id")), "{logs}");
    assert!(!logs.contains("ERROR") && !logs.contains("WARN"), "{logs}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_follows_the_answers_before_it() {
    let server = Server::start(Database::Sqlite).await;
    let mut wire = Wire::connect(&server.base_url).await;
    let good = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    wire.send(format!("{good}{good}GARBAGE\r\n\r\n").as_bytes()).await;
    let all = wire.rest(PATIENCE).await;
    let statuses: Vec<_> = all.match_indices("HTTP/1.1 ").map(|(at, _)| &all[at + 9..at + 12]).collect();
    assert_eq!(statuses, ["200", "200", "400"], "{all}");
    assert!(all.ends_with('}') && all.contains("VALIDATION_009"), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_with_broken_framing_gets_one_answer() {
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
        let all = wire.rest(PATIENCE).await;
        assert_eq!(all.matches("HTTP/1.1 ").count(), 1, "{all}");
        assert!(all.starts_with(&format!("HTTP/1.1 {status} ")), "{all}");
    }
    assert!(!server.logs().contains("ERROR"), "{}", server.logs());
}
