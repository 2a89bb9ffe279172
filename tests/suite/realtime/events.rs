//! Every change, made through any endpoint, reaches every socket of its user in stamp order.

use blackbox_tests::{Socket, on_both_databases};
use serde_json::{Value, json};

use crate::support::{add, at, id, items, log_in, sync, text};

/// The stamp of an event.
fn stamp(event: &Value) -> &str {
    text(if event["type"] == "todo_deleted" { &event["updated_at"] } else { &event["todo"]["updated_at"] })
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| text(&event["type"])).collect()
}

on_both_databases! {
    async fn every_kind_of_write_reaches_all_sockets_of_its_user_and_no_others(server: Server) {
        let url = server.socket_url();
        let (phone, _) = server.client().register("ann@example.com").await;
        let (laptop, _) = log_in(&server.client(), "ann@example.com", "laptop").await;
        let (bob, _) = server.client().register("bob@example.com").await;
        let (mut one, ready) = Socket::ready(&url, phone.token(), "?client_id=phone").await;
        let (mut two, _) = Socket::ready(&url, laptop.token(), "").await;
        let (mut bobs, _) = Socket::ready(&url, bob.token(), "").await;
        assert!(ready["sync_timestamp"].is_string(), "{ready}");

        let milk = add(&phone, "milk").await;
        phone.patch(&at(&milk), json!({"text": "oat milk", "client_id": "phone"})).await.expect(200);
        phone.patch(&at(&milk), json!({"text": "oat milk"})).await.expect(200); // alters nothing: no event
        phone.delete(&at(&milk)).await.expect(204);
        phone.delete(&at(&milk)).await.expect(204); // again: no event
        phone.post(&format!("{}/restore", at(&milk)), json!({})).await.expect(200);
        let bulk = json!({"todos": [{"id": id(1), "text": "one"}, {"id": id(2), "text": "two"}]});
        phone.post("/api/v1/todos/bulk", bulk).await.expect(201);
        let changes = json!({"todos": [{"id": id(2), "completed": true}, {"id": id(1), "completed": true}]});
        phone.patch("/api/v1/todos/bulk", changes).await.expect(200);
        sync(
            &phone,
            json!({"todos": [
                {"id": id(3), "text": "three"},
                {"id": id(1), "deleted": true, "version": 2},
                {"id": id(2), "text": "two!", "version": 1}, // stale: a conflict, no event
                {"id": id(1), "deleted": false, "version": 3},
            ]}),
        )
        .await;

        let expected = [
            "todo_created",
            "todo_updated",
            "todo_deleted",
            "todo_restored",
            "todo_created",
            "todo_created",
            "todo_updated",
            "todo_updated",
            "todo_created",
            "todo_deleted",
            "todo_restored",
        ];
        let events = one.drain().await;
        assert_eq!(kinds(&events), expected);
        assert!(events.is_sorted_by(|a, b| stamp(a) < stamp(b)), "{events:?}");
        assert_eq!(events, two.drain().await);
        assert_eq!(bobs.drain().await, Vec::<Value>::new());

        // An event has the whole todo, as a read returns it.
        let last = events.last().expect("an event");
        assert_eq!(last["todo"], phone.get(&format!("/api/v1/todos/{}", id(1))).await.json());
        assert_eq!(events[0]["todo"], milk);
        assert_eq!(
            events[2],
            json!({"type": "todo_deleted", "todo_id": milk["id"], "version": 3, "updated_at": stamp(&events[2])})
        );
    }

    async fn events_of_concurrent_writers_arrive_in_stamp_order_without_gaps(server: Server) {
        let url = server.socket_url();
        let ann = server.client().new_user().await;
        let (socket, _) = Socket::ready(&url, ann.token(), "").await;
        let listener = tokio::spawn(async move {
            let mut socket = socket;
            socket.take(200).await
        });
        futures_util::future::join_all((0..20).map(|writer| {
            let ann = &ann;
            async move {
                for n in 0..10 {
                    ann.post("/api/v1/todos", json!({"id": id(10 * writer + n), "text": "x"}))
                        .await
                        .expect(201);
                }
            }
        }))
        .await;
        let events = listener.await.expect("all arrive");
        let seen = sync(&ann, json!({"limit": 1000})).await;
        let expected: Vec<_> =
            items(&seen["server_changes"]).iter().map(|todo| &todo["updated_at"]).collect();
        assert_eq!(events.iter().map(|event| &event["todo"]["updated_at"]).collect::<Vec<_>>(), expected);
    }
}
