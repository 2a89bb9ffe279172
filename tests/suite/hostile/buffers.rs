//! The memory that connections keep beside what requests reserve: the buffers in which they read and write.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use blackbox_tests::server::TIMEOUT;
use blackbox_tests::{Database, Server, Wire};
use futures_util::future::join_all;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::memory::fill;
use super::readers::open_connections;
use super::{peak_memory, reset_peak_memory};

const CONNECTIONS: usize = 600;

fn get(path: &str, token: Option<&str>) -> Vec<u8> {
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{token}\r\n").into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_keep_small_buffers_after_long_answers() {
    let server = Server::start(Database::Sqlite).await;
    // The document exists from its first request on.
    server.client().get("/openapi.json").await.expect(200);
    let before = reset_peak_memory(&server);
    let begun = (0..CONNECTIONS).map(async |n| {
        let reads = n % 2 == 0;
        let url = &server.base_url;
        let mut wire = if reads { Wire::connect(url).await } else { Wire::narrow(url).await };
        wire.send(&get("/openapi.json", None)).await;
        if reads {
            assert_eq!(wire.next_answer().await.status, 200);
        } else {
            assert_eq!(wire.peek_status().await, 200);
        }
        wire
    });
    let wires = join_all(begun).await;
    let grown = peak_memory(&server).saturating_sub(before);
    assert!(grown <= 24, "{grown} MiB more with {CONNECTIONS} connections that had a long answer");
    // Every connection that was read from goes on.
    for mut wire in wires.into_iter().step_by(2) {
        wire.send(&get("/health/live", None)).await;
        assert_eq!(wire.next_answer().await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn short_answers_that_nobody_reads_take_a_bounded_memory() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    fill(&ann, 10, 6_000).await;
    let path = "/api/v1/todos?per_page=10";
    // The first pages make caches and pools as large as they get.
    for _ in 0..20 {
        assert!(ann.get(path).await.expect(200).text.len() < 64 * 1024);
    }
    let before = reset_peak_memory(&server);
    let mut wires = Vec::new();
    while wires.len() < CONNECTIONS {
        // So many at once that none waits for memory.
        let begun = (0..30).map(async |_| {
            let mut wire = Wire::narrow(&server.base_url).await;
            wire.send(&get(path, Some(ann.token()))).await;
            // Without buffers of the system for them, responses are refused.
            assert!([200, 429].contains(&wire.peek_status().await));
            wire
        });
        wires.extend(join_all(begun).await);
    }
    let grown = peak_memory(&server).saturating_sub(before);
    assert!(grown <= 28, "{grown} MiB more with {} pages of 60 KB", wires.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn more_connections_than_there_is_memory_for_keep_nobody_out() {
    const LIMIT: usize = 2048;
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).expect("it can be raised");
    let server = Server::start(Database::Sqlite).await;
    let before = reset_peak_memory(&server);
    let address = server.base_url.trim_start_matches("http://");
    let mut idle = Vec::new();
    for n in 0..LIMIT + 400 {
        idle.push(TcpStream::connect(address).expect("it is accepted"));
        if n % 500 == 0 {
            server.client().get("/health/live").await.expect(200);
        }
    }
    let start = Instant::now();
    while open_connections(&server) > LIMIT {
        assert!(start.elapsed() < TIMEOUT, "{} connections are open", open_connections(&server));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    server.client().get("/health/live").await.expect(200);
    let grown = peak_memory(&server).saturating_sub(before);
    assert!(grown <= 72, "{grown} MiB more with {} idle connections", idle.len());
}
