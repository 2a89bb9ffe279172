//! Requests that clients begin and do not end.

use std::time::{Duration, Instant};

use blackbox_tests::server::TIMEOUT;
use blackbox_tests::{Client, Database, Server, Wire};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::json;

use super::{peak_memory, reset_peak_memory};
use crate::support::add;

/// The head of a bulk request whose body does not follow.
pub fn announced(client: &Client, length: usize) -> Vec<u8> {
    let token = client.token();
    format!(
        "POST /api/v1/todos/bulk HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
    .into_bytes()
}

/// The memory that bodies occupy, in bytes.
async fn bodies_in_flight(server: &Server) -> f64 {
    let metrics = server.client().get("/metrics").await.expect(200).text;
    let held = metrics.lines().find_map(|line| line.strip_prefix("http_bodies_in_flight_bytes "));
    held.expect("the gauge").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_never_end_take_a_bounded_part_of_the_memory_for_bodies() {
    const SIZE: usize = 2 * 1024 * 1024;
    let server = Server::start(Database::Sqlite).await;
    let (ann, _) = server.client().register("ann@example.com").await;
    let (bob, _) = server.client().register("bob@example.com").await;
    add(&bob, "milk").await;
    let before = reset_peak_memory(&server);
    let mut wires = Vec::new();
    for _ in 0..100 {
        let mut wire = Wire::connect(&server.base_url).await;
        wire.send(&announced(&ann, SIZE)).await;
        // All but the last byte. A refused request may be closed before that.
        let body = vec![b' '; SIZE - 1];
        let _ = tokio::time::timeout(Duration::from_secs(1), wire.send(&body)).await;
        wires.push(wire);
    }
    let grown = peak_memory(&server).saturating_sub(before);
    assert!(grown <= 96, "{grown} MiB more with 200 MB of bodies");
    // On a busy machine the deadline of the first bodies makes room for the last ones.
    let refused = loop {
        let answer = wires.pop().expect("one of a hundred is refused").answer().await;
        if answer.status == 429 {
            break answer;
        }
    };
    refused.expect_problem(429, "RATE_001");
    // Others still send bodies of that size.
    let padded = format!("{}{}", json!({"todos": [{"text": "bread"}]}), " ".repeat(SIZE - 100));
    bob.post_raw("/api/v1/todos/bulk", padded).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_of_one_user_wait_for_a_turn_and_hold_up_nothing_else() {
    const HALF: usize = 100 * 1024;
    let server = Server::start(Database::Sqlite).await;
    let (ann, _) = server.client().register("ann@example.com").await;
    let (bob, _) = server.client().register("bob@example.com").await;
    let mut begun = Vec::new();
    for _ in 0..4 {
        let mut wire = Wire::connect(&server.base_url).await;
        wire.send(&[announced(&ann, 2 * HALF), vec![b' '; HALF]].concat()).await;
        begun.push(wire);
    }
    let start = Instant::now();
    while bodies_in_flight(&server).await < f64::from(4 * 100 * 1024) {
        assert!(start.elapsed() < TIMEOUT, "the bodies do not arrive");
    }
    let padded = || format!("{}{}", json!({"todos": [{"text": "bread"}]}), " ".repeat(HALF));
    let fifth = tokio::spawn({
        let (ann, body) = (ann.clone(), padded());
        async move { ann.post_raw("/api/v1/todos/bulk", body).await }
    });
    add(&ann, "milk").await;
    // A body in chunks is as large as what has arrived of it.
    let mut chunked = Wire::connect(&server.base_url).await;
    let request = format!(
        "POST /api/v1/todos HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n11\r\n{{\"text\": \"bread\"}}\r\n0\r\n\r\n",
        ann.token()
    );
    chunked.send(request.as_bytes()).await;
    assert_eq!(chunked.answer().await.status, 201);
    bob.post_raw("/api/v1/todos/bulk", padded()).await.expect(201);
    assert!(!fifth.is_finished(), "it waits");
    drop(begun.pop());
    fifth.await.expect("no panic").expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_that_wait_for_a_turn_take_little_memory() {
    const SIZE: usize = 2 * 1024 * 1024;
    const WAITING: usize = 90;
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let begin = async |_| {
        let mut wire = Wire::connect(&server.base_url).await;
        let begun = [announced(&ann, SIZE), vec![b' '; 400_000]].concat();
        // The system's buffers may take less.
        let _ = tokio::time::timeout(Duration::from_secs(1), wire.send(&begun)).await;
        wire
    };
    let arriving = futures_util::future::join_all((0..4).map(begin)).await;
    let start = Instant::now();
    while bodies_in_flight(&server).await < 4.0 * 390_000.0 {
        assert!(start.elapsed() < TIMEOUT, "the bodies do not arrive");
    }
    let before = reset_peak_memory(&server);
    let waiting = futures_util::future::join_all((0..WAITING).map(begin)).await;
    server.client().get("/health").await.expect(200);
    let grown = peak_memory(&server).saturating_sub(before);
    assert!(grown <= 10, "{grown} MiB more with {} bodies that wait for {}", waiting.len(), arriving.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn anonymous_bodies_of_one_network_leave_memory_to_others() {
    let proxy = [("TRUSTED_PROXIES", "127.0.0.1"), ("MAX_BODIES_IN_FLIGHT_BYTES", "33554432")];
    let server = Server::start_with(Database::Sqlite, &proxy).await;
    let (bob, _) = server.client().register("bob@example.com").await;
    let mut wires = Vec::new();
    for n in 0..600 {
        let mut wire = Wire::connect(&server.base_url).await;
        let head = format!(
            "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 2001:db8:1:2::{n:x}\r\n\
             Content-Type: application/json\r\nContent-Length: 16300\r\n\r\n"
        );
        wire.send(&[head.as_bytes(), &[b' '; 16_000]].concat()).await;
        wires.push(wire);
    }
    // Which one is refused depends on the workers of the server.
    let mut answers: FuturesUnordered<_> = wires.into_iter().map(Wire::answer).collect();
    answers.next().await.expect("many").expect_problem(429, "RATE_001");
    let held = bodies_in_flight(&server).await;
    assert!(held <= f64::from(9 * 1024 * 1024), "{held} bytes, of 32 MiB for all networks");
    // Others still send large bodies.
    let padded = format!("{}{}", json!({"todos": [{"text": "bread"}]}), " ".repeat(2_000_000));
    bob.post_raw("/api/v1/todos/bulk", padded).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_for_providers_count_as_bodies_of_their_network() {
    const FORMS: usize = 600;
    let settings = [
        ("PUBLIC_URL", "http://localhost:8080"),
        ("GITHUB_CLIENT_ID", "todo"),
        ("GITHUB_CLIENT_SECRET", "a secret"),
        ("MAX_BODIES_IN_FLIGHT_BYTES", "33554432"),
    ];
    let server = Server::start_with(Database::Sqlite, &settings).await;
    let head = |provider: &str| {
        format!(
            "POST /api/v1/auth/oauth/{provider}/callback HTTP/1.1\r\nHost: x\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 16384\r\n\r\n"
        )
    };
    // A form for an unknown provider is not read.
    let mut wire = Wire::connect(&server.base_url).await;
    wire.send(head("nobody").as_bytes()).await;
    wire.answer().await.expect_problem(404, "RESOURCE_002");
    let mut wires = Vec::new();
    for _ in 0..FORMS {
        let mut wire = Wire::connect(&server.base_url).await;
        wire.send(&[head("github").as_bytes(), &[b'a'; 16_000]].concat()).await;
        wires.push(wire);
    }
    let mut answers: FuturesUnordered<_> = wires.into_iter().map(Wire::answer).collect();
    answers.next().await.expect("many").expect_problem(429, "RATE_001");
    let in_flight = bodies_in_flight(&server).await;
    assert!(in_flight <= f64::from(9 * 1024 * 1024), "{in_flight} bytes, of 32 MiB for all networks");
    assert!(in_flight > 0.0, "forms count");
}

/// A head that never ends, of about 120 KB in long headers.
fn endless_head() -> Vec<u8> {
    let mut head = b"GET / HTTP/1.1\r\nHost: localhost\r\n".to_vec();
    for n in 0..88 {
        head.extend(format!("X-{n}: {}\r\n", "a".repeat(1_350)).into_bytes());
    }
    head
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_never_end_take_a_bounded_memory_and_keep_nobody_out() {
    const CONNECTIONS: usize = 400;
    let server = Server::start(Database::Sqlite).await;
    let (bob, _) = server.client().register("bob@example.com").await;
    let endless = endless_head();
    let complete = [&endless[..], b"\r\n"].concat();
    let after_a_request = [b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n", &endless[..]].concat();
    let after_a_long_answer = [b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n", &endless[..]].concat();
    for sent in [endless, complete, after_a_request, after_a_long_answer] {
        let before = reset_peak_memory(&server);
        let begun = (0..CONNECTIONS).map(async |_| {
            let mut wire = Wire::narrow(&server.base_url).await;
            // What the server does not read waits in the system's buffers.
            let _ = tokio::time::timeout(Duration::from_secs(2), wire.send(&sent)).await;
            wire
        });
        let wires = futures_util::future::join_all(begun).await;
        add(&bob, "milk").await;
        server.client().get("/health").await.expect(200);
        let grown = peak_memory(&server).saturating_sub(before);
        assert!(grown <= 36, "{grown} MiB more with {} heads of 120 KB", wires.len());
    }
    // Long heads that are complete are served, once the server has noticed that the others are gone.
    let start = Instant::now();
    let client = server.client();
    let long = || client.request(reqwest::Method::GET, "/health/live").header("x-long", "a".repeat(60_000));
    while long().send().await.is_err() {
        assert!(start.elapsed() < TIMEOUT, "a long head is refused");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    client.send(long()).await.expect(200);
}
