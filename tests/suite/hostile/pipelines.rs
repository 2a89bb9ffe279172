//! Requests that arrive before the response of the one before (RFC 9112 section 9.3.2).

use std::time::Duration;

use blackbox_tests::{Database, Server, Wire};
use futures_util::future::join_all;

use super::{peak_memory, reset_peak_memory};

const LIMIT: Duration = Duration::from_mins(2);
const REQUESTS: usize = 1500;
/// Its handler waits for the database.
const REQUEST: &[u8] = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n";
const LAST: &[u8] = b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_requests_take_little_memory_and_are_all_answered() {
    let server = Server::start(Database::Sqlite).await;
    server.client().get("/health").await.expect(200);
    let pipeline = [REQUEST.repeat(REQUESTS), LAST.to_vec()].concat();
    let before = reset_peak_memory(&server);
    let mut unread = Vec::new();
    for _ in 0..5 {
        let mut wire = Wire::narrow(&server.base_url).await;
        wire.send(&pipeline[..pipeline.len() / 2]).await;
        unread.push(wire);
    }
    let read = (0..5).map(async |_| {
        let mut wire = Wire::connect(&server.base_url).await;
        wire.send(&pipeline).await;
        wire.rest(LIMIT).await.matches("HTTP/1.1 200 OK").count()
    });
    assert_eq!(join_all(read).await, [REQUESTS + 1; 5]);
    let grown = peak_memory(&server).saturating_sub(before);
    assert!(grown <= 12, "{grown} MiB more for ten pipelines of {REQUESTS} requests");
    drop(unread);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_follow_chunks_take_little_memory_and_are_all_answered() {
    let server = Server::start(Database::Sqlite).await;
    server.client().get("/health").await.expect(200);
    let chunked: &[u8] = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
        Transfer-Encoding: chunked\r\n\r\n3\r\n{\n\n\r\n1\r\n}\r\n0\r\n\r\n";
    let pipeline = [chunked, &REQUEST.repeat(REQUESTS), chunked, LAST].concat();
    let before = reset_peak_memory(&server);
    let read = (0..5).map(async |_| {
        let mut wire = Wire::connect(&server.base_url).await;
        wire.send(&pipeline).await;
        let text = wire.rest(LIMIT).await;
        (text.matches("HTTP/1.1 200 OK").count(), text.matches("HTTP/1.1 422 ").count())
    });
    assert_eq!(join_all(read).await, [(REQUESTS + 1, 2); 5]);
    let grown = peak_memory(&server).saturating_sub(before);
    assert!(grown <= 12, "{grown} MiB more for five pipelines of {REQUESTS} requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_response_to_a_head_has_no_body_whatever_follows() {
    let server = Server::start(Database::Sqlite).await;
    let mut wire = Wire::connect(&server.base_url).await;
    wire.send(&[b"HEAD /health/live HTTP/1.1\r\nHost: a\r\n\r\n", LAST].concat()).await;
    let text = wire.rest(LIMIT).await;
    let parts: Vec<_> = text.split("\r\n\r\n").collect();
    assert_eq!(parts.len(), 3, "{text}");
    assert!(parts[1].starts_with("HTTP/1.1 200 OK") && parts[2].starts_with('{'), "{text}");
}
