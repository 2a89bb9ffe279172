//! The digest of a list, and the stamps of applied changes.

use blackbox_tests::{Client, on_both_databases};
use domain::TodoId;
use domain::sync::Digest;
use serde_json::{Value, json};

use crate::support::{add, at, everything, id, items, sync, text};

/// The digest that a device computes over the todos that it holds.
fn digest_of(todos: &Value) -> String {
    let live = items(todos).iter().filter(|todo| todo["deleted_at"].is_null());
    let hash = |todo: &Value| {
        let id: TodoId = text(&todo["id"]).parse().expect("an id");
        let at = text(&todo["updated_at"]).parse().expect("a stamp");
        Digest::of(id, todo["version"].as_i64().expect("a version"), at)
    };
    live.map(hash).sum::<Digest>().to_string()
}

async fn digest(client: &Client) -> String {
    text(&sync(client, json!({})).await["digest"]).to_owned()
}

on_both_databases! {
    async fn the_digest_is_that_of_the_live_todos_after_every_kind_of_change(server: Server) {
        let ann = server.client().new_user().await;
        assert_eq!(digest(&ann).await, "0000000000000000");
        let (milk, eggs) = (add(&ann, "milk").await, add(&ann, "eggs").await);
        let paths = [&milk, &eggs].map(at);
        assert_eq!(digest(&ann).await, digest_of(&everything(&ann).await));
        ann.patch(&paths[0], json!({"completed": true})).await.expect(200);
        assert_eq!(digest(&ann).await, digest_of(&everything(&ann).await));
        ann.delete(&paths[1]).await.expect(204);
        assert_eq!(digest(&ann).await, digest_of(&everything(&ann).await));
        ann.post(&format!("{}/restore", paths[1]), json!({})).await.expect(200);
        assert_eq!(digest(&ann).await, digest_of(&everything(&ann).await));
        ann.post("/api/v1/todos/bulk", json!({"todos": [{"text": "a"}, {"text": "b"}]})).await.expect(201);
        let sent = json!({"id": id(1), "text": "c"});
        let synced = sync(&ann, json!({"todos": [sent, {"id": milk["id"], "deleted": true, "version": 2}]})).await;
        let all = everything(&ann).await;
        assert_eq!(synced["digest"], digest_of(&all));
        // A page that is not the last has none: the device does not hold everything yet.
        let page = sync(&ann, json!({"limit": 1})).await;
        assert_eq!((&page["has_more"], &page["digest"]), (&json!(true), &Value::Null));
    }

    async fn stamps_give_the_updated_at_of_each_applied_todo(server: Server) {
        let ann = server.client().new_user().await;
        let milk = add(&ann, "milk").await;
        let body = json!({"todos": [
            {"id": id(1), "text": "new"}, {"id": milk["id"], "text": "milk"}, {"id": id(9), "deleted": true},
        ]});
        let answer = sync(&ann, body).await;
        let new = ann.get(&format!("/api/v1/todos/{}", id(1))).await.expect(200).json();
        let mut stamps = json!({id(1): new["updated_at"]});
        stamps[text(&milk["id"])] = milk["updated_at"].clone();
        assert_eq!(answer["stamps"], stamps);
        assert_eq!(answer["versions"][id(9)], 0, "the server stores nothing of it");
    }

    async fn a_sync_from_the_beginning_has_tombstones_only_on_request(server: Server) {
        let ann = server.client().new_user().await;
        let milk = add(&ann, "milk").await;
        ann.delete(&at(&milk)).await.expect(204);
        assert_eq!(sync(&ann, json!({})).await["server_changes"], json!([]));
        let all = sync(&ann, json!({"include_deleted": true})).await;
        assert_eq!(all["server_changes"][0]["id"], milk["id"]);
        assert_eq!(all["digest"], "0000000000000000", "a tombstone does not count");
    }
}
