//! A sync from the beginning, and the changes that return to the device that sent them.

use blackbox_tests::{Client, on_both_databases};
use serde_json::{Value, json};

use crate::support::{add, id, items, sync, text, texts};

const SYNC: &str = "/api/v1/todos/sync";

/// Syncs from `cursor` on in pages of two until `has_more` is false; returns the texts received.
async fn sync_all(client: &Client, mut cursor: Value) -> Vec<String> {
    let mut received = Vec::new();
    for _ in 0..20 {
        let page = sync(client, json!({"last_sync": cursor, "limit": 2})).await;
        received.extend(texts(&page["server_changes"]).into_iter().map(str::to_owned));
        assert!(received.len() <= 100 && items(&page["server_changes"]).len() <= 2);
        cursor = page["sync_timestamp"].clone();
        if page["has_more"] == false {
            return received;
        }
    }
    panic!("the sync never ends: {received:?}");
}

on_both_databases! {
    async fn a_sync_from_the_beginning_continues_past_deleted_tombstones(server: Server) {
        let ann = server.client().new_user().await;
        for n in 0..5 {
            add(&ann, &format!("todo {n}")).await;
        }
        // Simulates housekeeping that deleted a tombstone newer than these todos.
        server.execute("UPDATE users SET sync_horizon = sync_clock");
        add(&ann, "the last").await;
        let all = ["todo 0", "todo 1", "todo 2", "todo 3", "todo 4", "the last"];
        assert_eq!(sync_all(&ann, Value::Null).await, all);

        let first = sync(&ann, json!({"limit": 2})).await;
        let cursor = text(&first["sync_timestamp"]).to_owned();
        assert!(cursor.starts_with(&text(&first["server_changes"][1]["updated_at"])[..26]), "{cursor}");
        let changes = json!([{"id": id(1), "text": "mine"}]);
        let second = sync(&ann, json!({"last_sync": cursor, "limit": 2, "todos": changes})).await;
        assert_eq!(second["applied"], json!([id(1)]));
        // As an ordinary cursor, the same instant is too old. So is this cursor once housekeeping deletes
        // more tombstones.
        let old = format!("{}Z", &cursor[..26]);
        ann.post(SYNC, json!({"last_sync": old})).await.expect_problem(410, "SYNC_001");
        server.execute("UPDATE users SET sync_horizon = sync_clock");
        ann.post(SYNC, json!({"last_sync": cursor})).await.expect_problem(410, "SYNC_001");
        assert_eq!(sync_all(&ann, Value::Null).await.len(), 7);
    }

    async fn a_device_gets_back_only_the_todos_that_the_server_altered(server: Server) {
        let ann = server.client().new_user().await;
        let whole = |n: usize, text: &str| {
            json!({"id": id(n), "text": text, "description": null, "completed": false, "deleted": false, "version": 0})
        };
        let mut future = whole(3, "from the future");
        future["created_at"] = json!("2999-01-01T00:00:00Z");
        let sent = json!([whole(1, "as it is"), whole(2, "  Buy milk "), future]);
        for _ in 0..2 {
            // The second request repeats the first, as after a lost answer.
            let answer = sync(&ann, json!({"todos": sent})).await;
            assert_eq!(texts(&answer["server_changes"]), ["Buy milk", "from the future"]);
            assert_eq!(items(&answer["applied"]).len(), 3);
        }
    }
}
