//! After a crash, acknowledged writes are stored and cursors remain valid.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use blackbox_tests::{Client, Server, on_both_databases};
use postgres_testbed::{Durability, PrivateCluster};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{everything, id, items, numbered, sync, text};

/// Upper bound for waits that normally take seconds.
const RECOVERY: Duration = Duration::from_mins(2);

/// Creates and changes todos until `stop` is set, even while the server is down; returns the id and
/// version of each acknowledged write.
async fn write_until_stopped(client: Client, first: usize, stop: Arc<AtomicBool>) -> Vec<(String, i64)> {
    let mut acknowledged = Vec::new();
    for n in first.. {
        if stop.load(Ordering::Relaxed) {
            return acknowledged;
        }
        let create =
            client.request(Method::POST, "/api/v1/todos").json(&json!({"id": id(n), "text": "created"}));
        match create.send().await.map(|response| response.status().as_u16()) {
            Ok(201) => acknowledged.push((id(n), 1)),
            _ => continue,
        }
        let change =
            json!({"last_sync": null, "limit": 1, "todos": [{"id": id(n), "text": "changed", "version": 1}]});
        let change = client.request(Method::POST, "/api/v1/todos/sync").json(&change);
        // The server can crash after it has sent the status line. A change is acknowledged once the
        // whole answer has arrived.
        let answer = match change.send().await {
            Ok(response) if response.status() == 200 => response.json::<Value>().await.ok(),
            _ => None,
        };
        if answer.is_some_and(|answer| answer["applied"] == json!([id(n)])) {
            acknowledged.push((id(n), 2));
        }
    }
    acknowledged
}

/// Asserts that each acknowledged version, or a later one, is stored.
fn expect_all(acknowledged: &[(String, i64)], todos: &Value) {
    let stored: std::collections::BTreeMap<_, _> = items(todos)
        .iter()
        .map(|todo| (text(&todo["id"]), todo["version"].as_i64().expect("a number")))
        .collect();
    for (id, version) in acknowledged {
        let found = stored.get(id.as_str());
        assert!(
            found.is_some_and(|found| found >= version),
            "{id} at {version} was acknowledged, found {found:?}"
        );
    }
}

/// Waits for the writers; returns every write that the server acknowledged.
async fn join_writers(writers: Vec<tokio::task::JoinHandle<Vec<(String, i64)>>>) -> Vec<(String, i64)> {
    let mut all = Vec::new();
    for writer in writers {
        all.extend(writer.await.expect("a writer does not panic"));
    }
    all
}

on_both_databases! {
    async fn every_acknowledged_write_survives_a_crash(server: Server) {
        let mut server = server;
        let (ann, _) = server.client().register("ann@example.com").await;
        let mut acknowledged = Vec::new();
        let mut cursor = Value::Null;
        for round in 0..3 {
            let client = server.client().with_token(ann.token());
            let stop = Arc::new(AtomicBool::new(false));
            let writers = (0..8).map(|writer| {
                let first = 1_000_000 * round + 10_000 * writer;
                tokio::spawn(write_until_stopped(client.clone(), first, Arc::clone(&stop)))
            });
            let writers: Vec<_> = writers.collect();
            // The crash comes in the middle of the writes.
            wait_for(&client, 60 * (round + 1)).await;
            cursor =
                sync(&client, json!({"last_sync": cursor, "limit": 1000})).await["sync_timestamp"].clone();
            server.crash_and_restart().await;
            stop.store(true, Ordering::Relaxed);
            let written = join_writers(writers).await;
            assert!(!written.is_empty());
            acknowledged.extend(written);

            let client = server.client().with_token(ann.token());
            let mut all = Vec::new();
            let mut from = Value::Null;
            loop {
                let page = sync(&client, json!({"last_sync": from})).await;
                all.extend(items(&page["server_changes"]).iter().cloned());
                from = page["sync_timestamp"].clone();
                if page["has_more"] == false {
                    break;
                }
            }
            expect_all(&acknowledged, &Value::Array(all.clone()));
            // The cursor from before the crash remains valid and returns exactly the later changes.
            let later: Vec<_> =
                all.iter().filter(|todo| text(&todo["updated_at"]) > text(&cursor)).cloned().collect();
            let since = sync(&client, json!({"last_sync": cursor, "limit": 1000})).await;
            assert_eq!(since["server_changes"], Value::Array(later));
        }
    }

    /// Such a list is several commits, and the crash may come between any two.
    async fn a_long_bulk_change_can_be_repeated_after_a_crash(server: Server) {
        let mut server = server;
        let (ann, _) = server.client().register("ann@example.com").await;
        ann.post("/api/v1/todos/bulk", numbered(900)).await.expect(201);
        let changes: Vec<_> = (0..900).map(|n| json!({"id": id(n), "version": 1, "text": "changed"})).collect();
        let body = json!({"todos": changes});
        let request = ann.request(Method::PATCH, "/api/v1/todos/bulk").json(&body);
        let interrupted = tokio::spawn(request.send());
        let (began, first) = (Instant::now(), format!("/api/v1/todos/{}", id(0)));
        while ann.get(&first).await.expect(200).json()["version"] == 1 {
            assert!(began.elapsed() < RECOVERY, "the change does not begin");
        }
        server.crash_and_restart().await;
        // Answered or not: the crash may come too late.
        let _ = interrupted.await.expect("no panic");
        let ann = server.client().with_token(ann.token());
        let again = ann.patch("/api/v1/todos/bulk", body).await.expect(200).json();
        let version = |todo: &Value| (todo["version"].clone(), todo["text"].clone());
        let expected = vec![(json!(2), json!("changed")); 900];
        assert_eq!(items(&again["updated"]).iter().map(version).collect::<Vec<_>>(), expected);
    }
}

/// Waits until the user has at least `count` todos.
async fn wait_for(client: &Client, count: usize) {
    let start = Instant::now();
    loop {
        let list = client.get("/api/v1/todos?per_page=1").await.expect(200);
        if list.header("x-total-count").parse::<usize>().expect("a number") >= count {
            return;
        }
        assert!(start.elapsed() < RECOVERY, "the writes have stopped: {list}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_write_is_lost_when_postgresql_crashes_and_restarts() {
    let cluster = PrivateCluster::start(Durability::Full);
    let database = cluster.create_database("crash");
    let settings = [("DATABASE_TIMEOUT_MS", "1000")];
    let server = Server::start_on(&database.app_url(), &database.owner_url(), &settings).await;
    let (ann, _) = server.client().register("ann@example.com").await;
    let stop = Arc::new(AtomicBool::new(false));
    let writers = (0..6)
        .map(|writer| tokio::spawn(write_until_stopped(ann.clone(), 10_000_000 * writer, Arc::clone(&stop))))
        .collect();
    let mut count = 0;
    for _ in 0..2 {
        wait_for(&ann, count + 40).await;
        cluster.stop_immediate();
        cluster.start_again();
        // The server reconnects by itself.
        let restarted = Instant::now();
        count = loop {
            let answer = ann.get("/api/v1/todos?per_page=1").await;
            if answer.status == 200 {
                break answer.header("x-total-count").parse::<usize>().expect("a number");
            }
            assert!(answer.status == 503 && restarted.elapsed() < RECOVERY, "{answer}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
    }
    wait_for(&ann, count + 40).await;
    stop.store(true, Ordering::Relaxed);
    let acknowledged = join_writers(writers).await;
    let all = everything(&ann).await;
    expect_all(&acknowledged, &all);
}
