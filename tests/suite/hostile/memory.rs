//! What clients decide about memory: how long a list is, how many bodies they begin, how slowly they read.

use std::time::Duration;

use blackbox_tests::{Client, Database, Server, Wire, on_both_databases};
use serde_json::{Value, json};

use super::{peak_memory, reset_peak_memory};
use crate::support::{add, id, items};

/// Creates `count` todos with descriptions of `length` bytes.
pub async fn fill(client: &Client, count: usize, length: usize) {
    let description = "d".repeat(length);
    let per_request = (1_500_000 / (length + 200)).clamp(1, 1000);
    for start in (0..count).step_by(per_request) {
        let todos: Vec<Value> = (start..count.min(start + per_request))
            .map(|n| json!({"id": id(n), "text": "x", "description": description}))
            .collect();
        client.post("/api/v1/todos/bulk", json!({"todos": todos})).await.expect(201);
    }
}

/// The head of a bulk request whose body does not follow.
fn announced(client: &Client, length: usize) -> Vec<u8> {
    let token = client.token();
    format!(
        "POST /api/v1/todos/bulk HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
    .into_bytes()
}

on_both_databases! {
    async fn a_list_of_ten_thousand_long_tasks_takes_little_memory(server: Server) {
        let ann = server.client().new_user().await;
        fill(&ann, 10_000, 6_000).await;
        // The first list makes caches and pools as large as they get.
        for _ in 0..2 {
            let before = reset_peak_memory(&server);
            let answer = ann.get("/api/tasks").await.expect(200);
            let grown = peak_memory(&server).saturating_sub(before);
            assert_eq!(answer.header("x-total-count"), "10000");
            assert_eq!(items(&answer.json()).len(), 10_000);
            assert!(grown <= 48, "{grown} MiB more for a list of 60 MB");
        }
    }
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
    let refused = wires.pop().expect("a hundred").answer().await;
    refused.expect_problem(429, "RATE_001");
    // Others still send bodies of that size.
    let padded = format!("{}{}", json!({"todos": [{"text": "bread"}]}), " ".repeat(SIZE - 100));
    bob.post_raw("/api/v1/todos/bulk", padded).await.expect(201);
}
