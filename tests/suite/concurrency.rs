//! Concurrent requests of one user and of several.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use blackbox_tests::server::TIMEOUT;
use blackbox_tests::{Client, Server, Socket, Wire, on_both_databases};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{add, at, everything, id, items, sync, text};

const TODOS: &str = "/api/v1/todos";

/// Syncs from cursor to cursor until it has seen `count` todos; returns their ids and versions in the
/// order seen.
async fn follow(client: &Client, count: usize) -> Vec<(String, i64)> {
    let (mut cursor, mut seen, mut ids) = (Value::Null, Vec::new(), BTreeSet::new());
    while ids.len() < count {
        let answer = sync(client, json!({"last_sync": cursor, "limit": 50})).await;
        for todo in items(&answer["server_changes"]) {
            seen.push((text(&todo["id"]).to_owned(), todo["version"].as_i64().expect("a number")));
            ids.insert(text(&todo["id"]).to_owned());
        }
        cursor = answer["sync_timestamp"].clone();
    }
    seen
}

on_both_databases! {
    async fn exactly_one_of_racing_changes_to_one_version_is_accepted(server: Server) {
        let ann = server.client().new_user().await;
        let todo = add(&ann, "Buy milk").await;
        for round in 1..=5_i64 {
            let path = at(&todo);
            let answers = join_all((0..16).map(|n| {
                let (ann, path) = (&ann, &path);
                async move {
                    let body = json!({"text": format!("round {round} racer {n}"), "version": round});
                    if n % 2 == 0 {
                        return ann.patch(path, body).await;
                    }
                    let request =
                        ann.request(reqwest::Method::PATCH, path).header("if-match", format!("\"{round}\""));
                    ann.send(request.json(&json!({"text": format!("round {round} racer {n}")}))).await
                }
            }))
            .await;
            let winners: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
            assert_eq!(winners.len(), 1, "round {round}");
            assert!(answers.iter().all(|a| [200, 409, 412].contains(&a.status)), "round {round}");
            assert_eq!(ann.get(&path).await.json(), winners[0].json());
        }
    }

    async fn one_of_racing_creations_of_one_id_wins_and_its_repeats_get_200(server: Server) {
        let ann = server.client().new_user().await;
        let answers =
            join_all((0..12).map(|n| {
                ann.post(TODOS, json!({"id": id(1), "text": if n % 2 == 0 { "even" } else { "odd" }}))
            }))
            .await;
        let count = |status| answers.iter().filter(|answer| answer.status == status).count();
        assert_eq!((count(201), count(200), count(409)), (1, 5, 6));
        assert_eq!(items(&everything(&ann).await).len(), 1);
    }

    async fn a_polling_device_misses_no_change_of_concurrent_writers(server: Server) {
        let ann = server.client().new_user().await;
        let poller = {
            let ann = ann.clone();
            tokio::spawn(async move { follow(&ann, 300).await })
        };
        join_all((0..10_usize).map(|device| {
            let ann = &ann;
            async move {
                for n in 0..10 {
                    let first = 30 * device + 3 * n;
                    ann.post(TODOS, json!({"id": id(first), "text": "posted"})).await.expect(201);
                    let bulk = json!({"todos": [{"id": id(first + 1), "text": "bulk"}]});
                    ann.post("/api/v1/todos/bulk", bulk).await.expect(201);
                    sync(ann, json!({"todos": [{"id": id(first + 2), "text": "synced"}]})).await;
                }
            }
        }))
        .await;
        let seen = tokio::time::timeout(TIMEOUT, poller)
            .await
            .expect("the poller sees every todo")
            .expect("no panic");
        let distinct: BTreeSet<_> = seen.iter().collect();
        assert_eq!((seen.len(), distinct.len()), (300, 300), "each version is seen once");
        // Stamps are unique and in the order in which they were committed.
        let all = everything(&ann).await;
        let stamps: Vec<_> = items(&all).iter().map(|todo| text(&todo["updated_at"])).collect();
        assert!(stamps.is_sorted_by(|a, b| a < b));
    }

    async fn a_busy_user_does_not_make_another_users_writes_fail(database: Database) {
        let server = Server::start_with(database, &[("DATABASE_TIMEOUT_MS", "30000")]).await;
        let (ann, _) = server.client().register("ann@example.com").await;
        let (bob, _) = server.client().register("bob@example.com").await;
        let load = (0..4).map(|round| {
            let ann = &ann;
            async move {
                let todos: Vec<_> =
                    (0..1000).map(|n| json!({"id": id(1000 * round + n), "text": "x"})).collect();
                ann.post("/api/v1/todos/bulk", json!({"todos": todos})).await.expect(201);
            }
        });
        let others = (0..20).map(|_| bob.post(TODOS, json!({"text": "quick"})));
        let (_, answers) = tokio::join!(join_all(load), join_all(others));
        assert!(answers.iter().all(|answer| answer.status == 201));
    }

    async fn a_request_on_a_dropped_connection_is_applied_whole_or_not_at_all(server: Server) {
        const LAST: usize = 19;
        let ann = server.client().new_user().await;
        let (mut socket, _) = Socket::ready(&server.socket_url(), ann.token(), "").await;
        for round in 0..=LAST {
            let todos: Vec<_> =
                (0..10).map(|n| json!({"id": id(10 * round + n), "text": "x".repeat(400)})).collect();
            let body = json!({"todos": todos}).to_string();
            let request = format!(
                "POST /api/v1/todos/bulk HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                ann.token(),
                body.len()
            );
            let mut wire = Wire::connect(&server.base_url).await;
            // The connection breaks before the body is complete, while the server handles it, or later.
            let sent = if round % 5 == 0 { request.len() - 10 } else { request.len() };
            wire.send(&request.as_bytes()[..sent]).await;
            if round == LAST {
                wire.peek_status().await;
            } else {
                tokio::time::sleep(Duration::from_micros(1 << round)).await;
            }
            wire.reset();
        }
        // The server announces what it wrote, although no client waited for the answer.
        let (mut written, mut announced) = (BTreeSet::new(), BTreeSet::new());
        let waiting = Instant::now();
        while written.is_empty() || announced != written {
            assert!(waiting.elapsed() < TIMEOUT, "{announced:?} of {written:?}");
            let events = socket.drain().await;
            announced.extend(events.iter().map(|event| text(&event["todo"]["id"]).to_owned()));
            let all = everything(&ann).await;
            written = items(&all).iter().map(|todo| text(&todo["id"]).to_owned()).collect();
            let mut rounds = [0; LAST + 1];
            for id in &written {
                rounds[usize::from_str_radix(&id[24..], 16).expect("an id of the test") / 10] += 1;
            }
            assert!(rounds.iter().all(|count| [0, 10].contains(count)), "whole or not at all: {rounds:?}");
        }
    }
}
