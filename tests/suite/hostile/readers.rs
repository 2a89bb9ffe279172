//! Clients that ask and don't read, or begin a request and don't end it.

use std::time::{Duration, Instant};

use blackbox_tests::{Client, Database, Server, Wire};
use serde_json::json;

use crate::support::{add, everything, id, items};

/// How long a client may take nothing of an answer, and how long the server may take to notice on a loaded machine.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30 + 60);
/// How long the next request may take on a connection that is kept, and the same.
const NEXT_PATIENCE: Duration = Duration::from_secs(90 + 60);

/// A thousand todos, which a sync from the beginning answers with 10 MB.
async fn fill(client: &Client) {
    for hundred in 0..10 {
        let todos: Vec<_> = (0..100)
            .map(|n| json!({"id": id(hundred * 100 + n), "text": "x", "description": "y".repeat(10_000)}))
            .collect();
        client.post("/api/v1/todos/bulk", json!({"todos": todos})).await.expect(201);
    }
}

fn whole_sync(client: &Client) -> Vec<u8> {
    let token = client.token();
    format!(
        "POST /api/v1/todos/sync HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
    )
    .into_bytes()
}

/// Memory that the process has in use, in MiB.
fn memory(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a figure");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
}

/// How many connections the server has open on its port.
fn open_connections(server: &Server) -> usize {
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
async fn answers_that_nobody_reads_hold_little_memory_and_end_in_half_a_minute() {
    let server = Server::start(Database::Sqlite).await;
    let (ann, _) = server.client().register("ann@example.com").await;
    let (bob, _) = server.client().register("bob@example.com").await;
    fill(&ann).await;
    add(&bob, "milk").await;
    let before = memory(&server);
    let (mut unread, mut refused) = (Vec::new(), 0);
    for _ in 0..64 {
        let mut wire = Wire::narrow(&server.base_url).await;
        wire.send(&whole_sync(&ann)).await;
        if wire.begun().await == 200 {
            unread.push(wire);
        } else {
            wire.answer().await.expect_problem(429, "RATE_001");
            refused += 1;
        }
    }
    let asked = Instant::now();
    let held = memory(&server) - before;
    assert!(refused > 0 && held < 160, "{held} MiB for {} answers of 10 MB that nobody reads", unread.len());
    // Others are served meanwhile.
    assert_eq!(items(&everything(&bob).await).len(), 1);
    let others = open_connections(&server) - unread.len();
    while open_connections(&server) > others {
        assert!(asked.elapsed() < ANSWER_PATIENCE, "{} connections are left", open_connections(&server));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    // What they held is free again, and their user is served.
    assert_eq!(items(&everything(&ann).await).len(), 1000);
    for wire in unread {
        assert!(wire.rest(ANSWER_PATIENCE).await.len() < 10_000_000, "its answer broke off");
    }
    assert!(!server.logs().contains("ERROR"), "{}", server.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_read_slowly_comes_whole() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    fill(&ann).await;
    let mut wire = Wire::narrow(&server.base_url).await;
    wire.send(&whole_sync(&ann)).await;
    tokio::time::sleep(Duration::from_secs(12)).await;
    let answer = wire.answer().await.expect(200);
    assert_eq!(items(&answer.json()["server_changes"]).len(), 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_request_that_is_never_finished_ends_the_connection() {
    let server = Server::start(Database::Sqlite).await;
    let first = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let endless = "POST /health/live HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut wires = Vec::new();
    for (begun, piece) in [(format!("{first}GET /hea"), "l"), (endless.to_owned(), "1\r\nx\r\n")] {
        let mut wire = Wire::connect(&server.base_url).await;
        wire.send(begun.as_bytes()).await;
        wires.push((wire, piece));
    }
    let begun = Instant::now();
    while open_connections(&server) > 0 {
        assert!(begun.elapsed() < NEXT_PATIENCE, "{} connections are left", open_connections(&server));
        tokio::time::sleep(Duration::from_secs(1)).await;
        for (wire, piece) in &mut wires {
            wire.send(piece.as_bytes()).await;
        }
    }
    assert!(begun.elapsed() > Duration::from_mins(1), "not before their time");
}
