//! Clients that do not read their answers, and clients that never finish a request.

use std::time::{Duration, Instant};

use blackbox_tests::{Client, Database, Server, Wire};
use serde_json::json;

use super::{peak_memory, reset_peak_memory};
use crate::support::{add, everything, id, items};

/// The server's write timeout of 30 s, with a margin for a busy machine.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30 + 60);
/// The server's timeout of 90 s for the next request on a connection, with the same margin.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(90 + 60);
/// The maximum growth of the server's memory, in MiB. Twelve answers have 120 MB.
const MAX_GROWTH: u64 = 96;

/// Creates a thousand todos: the whole list has 10 MB, and the first page of a sync 2 MB.
async fn fill(client: &Client) {
    for hundred in 0..10 {
        let todos: Vec<_> = (0..100)
            .map(|n| json!({"id": id(hundred * 100 + n), "text": "x", "description": "y".repeat(10_000)}))
            .collect();
        client.post("/api/v1/todos/bulk", json!({"todos": todos})).await.expect(201);
    }
}

fn whole_list(client: &Client) -> Vec<u8> {
    let token = client.token();
    format!("GET /api/tasks HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n")
        .into_bytes()
}

fn first_sync(client: &Client) -> Vec<u8> {
    let token = client.token();
    format!(
        "POST /api/v1/todos/sync HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
    )
    .into_bytes()
}

/// The number of open connections on the server's port.
pub fn open_connections(server: &Server) -> usize {
    let port: u16 = server.base_url.rsplit(':').next().expect("a port").parse().expect("a number");
    let local = format!(":{port:04X}");
    let table = std::fs::read_to_string(format!("/proc/{}/net/tcp", server.pid())).expect("it runs");
    let established = |line: &&str| {
        let mut columns = line.split_whitespace().skip(1);
        columns.next().is_some_and(|at| at.ends_with(&local)) && columns.nth(1) == Some("01")
    };
    table.lines().filter(established).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_answers_hold_bounded_memory_and_end_after_the_write_timeout() {
    let server = Server::start(Database::Sqlite).await;
    let at_start = peak_memory(&server);
    let (ann, _) = server.client().register("ann@example.com").await;
    let (bob, _) = server.client().register("bob@example.com").await;
    fill(&ann).await;
    add(&bob, "milk").await;
    reset_peak_memory(&server);
    let (mut unread, mut refused) = (Vec::new(), 0);
    for _ in 0..12 {
        let mut wire = Wire::narrow(&server.base_url).await;
        wire.send(&whole_list(&ann)).await;
        if wire.peek_status().await == 200 {
            unread.push(wire);
        } else {
            wire.answer().await.expect_problem(429, "RATE_001");
            refused += 1;
        }
    }
    let asked = Instant::now();
    let grown = peak_memory(&server).saturating_sub(at_start);
    assert!(
        refused > 0 && grown < MAX_GROWTH,
        "{grown} MiB more with {} unread answers of 10 MB, and {refused} refused",
        unread.len()
    );
    // The server still answers other users.
    assert_eq!(items(&everything(&bob).await).len(), 1);
    // Two clients keep their connections.
    while open_connections(&server) > 2 {
        assert!(asked.elapsed() < WRITE_TIMEOUT, "{} connections are left", open_connections(&server));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    // The memory that they held is free again, and their user gets answers.
    assert_eq!(items(&everything(&ann).await).len(), 1000);
    for wire in unread {
        assert!(wire.rest(WRITE_TIMEOUT).await.len() < 10_000_000, "its answer broke off");
    }
    assert!(!server.logs().contains("ERROR"), "{}", server.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_read_slowly_arrives_whole() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    fill(&ann).await;
    let mut wire = Wire::narrow(&server.base_url).await;
    wire.send(&first_sync(&ann)).await;
    tokio::time::sleep(Duration::from_secs(12)).await;
    let answer = wire.answer().await.expect(200);
    assert_eq!(items(&answer.json()["server_changes"]).len(), 210);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_request_that_is_never_finished_times_out() {
    let server = Server::start(Database::Sqlite).await;
    let first = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let endless = "POST /health/live HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut wires = Vec::new();
    for (start, piece) in [(format!("{first}GET /hea"), "l"), (endless.to_owned(), "1\r\nx\r\n")] {
        let mut wire = Wire::connect(&server.base_url).await;
        wire.send(start.as_bytes()).await;
        wires.push((wire, piece));
    }
    let start = Instant::now();
    while open_connections(&server) > 0 {
        assert!(start.elapsed() < REQUEST_TIMEOUT, "{} connections are left", open_connections(&server));
        tokio::time::sleep(Duration::from_secs(1)).await;
        for (wire, piece) in &mut wires {
            wire.send(piece.as_bytes()).await;
        }
    }
    assert!(start.elapsed() > Duration::from_mins(1), "not before the timeout");
}
