//! Many at once.

use std::collections::BTreeSet;
use std::time::Duration;

use blackbox_tests::{Client, Socket, Wire, on_both_databases};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{add, at, everything, id, items, sync, text};

const TODOS: &str = "/api/v1/todos";

/// Syncs from its cursor until it has seen so many todos; gives their ids and the versions in the order seen.
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
    async fn of_racing_changes_with_one_base_exactly_one_is_accepted(server: Server) {
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

    async fn of_racing_creations_of_one_id_one_wins_and_its_repeats_are_told_so(server: Server) {
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

    async fn a_cursor_poller_misses_nothing_that_many_devices_write(server: Server) {
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
        let seen = tokio::time::timeout(Duration::from_mins(1), poller)
            .await
            .expect("it sees all")
            .expect("no panic");
        let distinct: BTreeSet<_> = seen.iter().collect();
        assert_eq!((seen.len(), distinct.len()), (300, 300), "each version is seen once");
        // Stamps are unique and in the order in which they were committed.
        let all = everything(&ann).await;
        let stamps: Vec<_> = items(&all).iter().map(|todo| text(&todo["updated_at"])).collect();
        assert!(stamps.is_sorted_by(|a, b| a < b));
    }

    async fn users_who_write_at_once_do_not_wait_for_one_who_is_busy(server: Server) {
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

    async fn a_client_that_breaks_off_leaves_all_of_its_request_or_nothing(server: Server) {
        let ann = server.client().new_user().await;
        let (mut socket, _) = Socket::ready(&server.socket_url(), ann.token(), "").await;
        for round in 0..20_usize {
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
            // At a different moment each time: before the body is whole, while it is handled, after.
            let sent = if round % 5 == 0 { request.len() - 10 } else { request.len() };
            wire.send(&request.as_bytes()[..sent]).await;
            tokio::time::sleep(Duration::from_micros(300 * round as u64)).await;
            wire.reset();
        }
        // A write of one's own comes after whatever the server still does for those who left.
        let mut before = 0;
        loop {
            add(&ann, "marker").await;
            let count = items(&everything(&ann).await).len();
            if before > 0 && count == before + 1 {
                break;
            }
            before = count;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let all = everything(&ann).await;
        let mut rounds = vec![0; 20];
        let mut known = BTreeSet::new();
        for todo in items(&all).iter().filter(|todo| todo["text"] != "marker") {
            let n = usize::from_str_radix(&text(&todo["id"])[24..], 16).expect("an id of ours");
            rounds[n / 10] += 1;
            known.insert(text(&todo["id"]).to_owned());
        }
        assert!(rounds.iter().all(|count| [0, 10].contains(count)), "all or nothing: {rounds:?}");
        assert!(rounds.contains(&10), "some were handled: {rounds:?}");
        // Whatever was written was told, although nobody waited for the answer.
        let told = socket.drain().await;
        let announced: BTreeSet<_> = told
            .iter()
            .filter(|event| event["todo"]["text"] != "marker")
            .map(|event| text(&event["todo"]["id"]).to_owned())
            .collect();
        assert_eq!(announced, known);
    }
}
