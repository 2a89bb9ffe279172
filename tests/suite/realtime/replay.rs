//! `?since=`: missed changes, then live events, without gaps or repeats.

use std::collections::BTreeSet;

use blackbox_tests::{Socket, on_both_databases};
use serde_json::{Value, json};

use crate::support::{add, at, id, sync, text};

/// The id and the version of the todo of an event.
fn id_and_version(event: &Value) -> (String, i64) {
    let (id, version) = if event["type"] == "todo_deleted" {
        (&event["todo_id"], &event["version"])
    } else {
        (&event["todo"]["id"], &event["todo"]["version"])
    };
    (text(id).to_owned(), version.as_i64().expect("a version"))
}

/// A cursor as a query parameter.
fn since(cursor: &Value) -> String {
    format!("?since={}", text(cursor).replace('+', "%2B"))
}

on_both_databases! {
    async fn changes_after_the_cursor_are_replayed_before_live_events(server: Server) {
        let url = server.socket_url();
        let ann = server.client().new_user().await;
        let (old, gone, edited) =
            (add(&ann, "old").await, add(&ann, "gone").await, add(&ann, "edited").await);
        let cursor = sync(&ann, json!({})).await["sync_timestamp"].clone();
        ann.delete(&at(&gone)).await.expect(204);
        ann.patch(&at(&edited), json!({"completed": true})).await.expect(200);
        let new = add(&ann, "new").await;

        let mut socket = Socket::open(&url, ann.token(), &since(&cursor)).await.expect("it opens");
        let mut replayed = Vec::new();
        let ready = loop {
            let message = socket.next().await;
            if message["type"] == "ready" {
                break message;
            }
            replayed.push(message);
        };
        // The replay comes before any live event, whether it comes before or after `ready`.
        replayed.extend(socket.drain().await);
        let versions: Vec<_> = replayed.iter().map(id_and_version).collect();
        assert_eq!(
            versions,
            [
                (text(&gone["id"]).to_owned(), 2),
                (text(&edited["id"]).to_owned(), 2),
                (text(&new["id"]).to_owned(), 1)
            ]
        );
        assert!(text(&ready["sync_timestamp"]) >= text(&cursor));
        assert!(!versions.iter().any(|(id, _)| *id == old["id"]), "{versions:?}");

        add(&ann, "live").await;
        assert_eq!(socket.next().await["todo"]["text"], "live");
        // A current cursor replays nothing.
        let now = sync(&ann, json!({})).await["sync_timestamp"].clone();
        let (mut fresh, _) = Socket::ready(&url, ann.token(), &since(&now)).await;
        assert_eq!(fresh.drain().await, Vec::<Value>::new());
    }

    async fn a_socket_opened_during_writes_has_no_gaps_or_repeats(server: Server) {
        let url = server.socket_url();
        let ann = server.client().new_user().await;
        let cursor = sync(&ann, json!({})).await["sync_timestamp"].clone();
        let writers: Vec<_> = (0..4_usize)
            .map(|writer| {
                let ann = ann.clone();
                tokio::spawn(async move {
                    for n in 0..40 {
                        ann.post("/api/v1/todos", json!({"id": id(40 * writer + n), "text": "x"}))
                            .await
                            .expect(201);
                    }
                })
            })
            .collect();
        let mut listeners = Vec::new();
        for _ in 0..8 {
            let socket = Socket::open(&url, ann.token(), &since(&cursor)).await.expect("it opens");
            listeners.push(tokio::spawn(async move {
                let mut socket = socket;
                let mut events = Vec::new();
                while events.len() < 160 {
                    let message = socket.next().await;
                    if text(&message["type"]).starts_with("todo_") {
                        events.push(message);
                    }
                }
                events.extend(socket.drain().await);
                events
            }));
            tokio::time::sleep(std::time::Duration::from_millis(15)).await;
        }
        for writer in writers {
            writer.await.expect("it writes");
        }
        for listener in listeners {
            let events = listener.await.expect("all arrive");
            let distinct: BTreeSet<_> = events.iter().map(id_and_version).collect();
            assert_eq!((events.len(), distinct.len()), (160, 160), "no gap, no repeat");
            assert!(
                events.is_sorted_by(|a, b| text(&a["todo"]["updated_at"]) < text(&b["todo"]["updated_at"]))
            );
        }
    }
}
