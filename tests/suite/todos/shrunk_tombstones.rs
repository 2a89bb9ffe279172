//! A tombstone whose text is gone, on every endpoint that can meet one.

use blackbox_tests::{Client, Server, on_both_databases};
use serde_json::{Value, json};

use crate::support::{at, days_ago, everything, id, items, members, sync, texts, until};

const TODOS: &str = "/api/v1/todos";
const BULK: &str = "/api/v1/todos/bulk";

/// Creates and deletes a todo, and waits until housekeeping has removed its text.
async fn shrunk(server: &Server, client: &Client, n: usize) -> Value {
    let name = format!("todo {n}");
    let body = json!({"id": id(n), "text": name, "description": "notes", "metadata": {"due": "2026-12-24"}});
    let todo = client.post(TODOS, body).await.expect(201).json();
    client.delete(&at(&todo)).await.expect(204);
    let before = client.get(&format!("{}?include_deleted=true", at(&todo))).await.expect(200).json();
    assert_eq!(before["text"], name);
    let two_days_ago = days_ago(server, 2);
    server.execute(&format!("UPDATE todos SET deleted_at = {two_days_ago} WHERE title = '{name}'"));
    let titles = format!("SELECT title AS value FROM todos WHERE title = '{name}'");
    until("the removal of the text", || server.column(&titles).is_empty().then_some(())).await;
    before
}

async fn start(database: blackbox_tests::Database) -> Server {
    let settings = [("HOUSEKEEPING_PERIOD_SECONDS", "1"), ("TOMBSTONE_TEXT_DAYS", "1")];
    Server::start_with(database, &settings).await
}

on_both_databases! {
    async fn deleted_todos_take_few_rows_and_after_a_week_no_bytes(database: Database) {
        let server = Server::start_with(database, &[("HOUSEKEEPING_PERIOD_SECONDS", "1")]).await;
        let ann = server.client().new_user().await;
        for request in 0..40 {
            let ids = move || (0..500).map(move |n| id(request * 500 + n));
            let created = ids().map(|id| json!({"id": id, "text": "milk", "metadata": {"priority": 1}}));
            let todos: Vec<_> = created.chain(ids().map(|id| json!({"id": id, "deleted": true}))).collect();
            let answer = sync(&ann, json!({"todos": todos, "limit": 1})).await;
            assert_eq!(items(&answer["applied"]).len(), 1000, "{}", answer["rejected"]);
        }
        let value = |sql: &str| -> i64 { server.column(sql)[0].parse().expect("a number") };
        let rows = "SELECT CAST(count(*) AS text) AS value FROM todos";
        let bytes = "SELECT CAST(stored_bytes AS text) AS value FROM users";
        let count = value(rows);
        assert!((9_000..=10_000).contains(&count), "{count}");
        assert!(value(bytes) > 10 * count);
        server.execute(&format!("UPDATE todos SET deleted_at = {}", days_ago(&server, 8)));
        until("the removal of the texts", || (value(bytes) == 0).then_some(())).await;
        assert_eq!(value(rows), count);
        let left = "SELECT title AS value FROM todos WHERE title IS NOT NULL OR metadata IS NOT NULL";
        assert!(server.column(left).is_empty());
    }

    async fn the_text_of_a_tombstone_goes_and_its_version_and_stamp_stay(database: Database) {
        let server = start(database).await;
        let ann = server.client().new_user().await;
        let before = shrunk(&server, &ann, 1).await;
        let cursor = sync(&ann, json!({})).await;
        let path = at(&before);
        let shown = ann.get(&format!("{path}?include_deleted=true")).await.expect(200).json();
        assert_eq!([&shown["text"], &shown["description"], &shown["metadata"]], [&json!(""), &Value::Null, &json!({})]);
        for same in ["version", "updated_at", "created_at"] {
            assert_eq!(shown[same], before[same]);
        }
        assert_eq!(everything(&ann).await, json!([shown]));
        assert_eq!(ann.get(&format!("{TODOS}?include_deleted=true")).await.expect(200).json(), json!([shown]));
        let since = json!({"last_sync": cursor["sync_timestamp"], "epoch": cursor["epoch"]});
        assert_eq!(sync(&ann, since).await["server_changes"], json!([]), "shrinking is no change");

        let restored = ann.post(&format!("{path}/restore"), json!({})).await;
        restored.expect_problem(404, "RESOURCE_001");
        assert!(restored.json()["message"].as_str().is_some_and(|told| told.contains("text")), "{restored}");
        for body in [json!({"id": id(1), "text": "todo 1"}), json!({"id": id(1), "text": "other"})] {
            ann.post(TODOS, body).await.expect_problem(409, "CONFLICT_003");
        }
        ann.get(&path).await.expect_problem(404, "RESOURCE_001");
        ann.patch(&path, json!({"text": "x"})).await.expect_problem(404, "RESOURCE_001");
        ann.delete(&path).await.expect(204);
        let imported = ann.post(BULK, json!({"todos": [{"id": id(1), "text": "todo 1"}]})).await.expect(201).json();
        assert_eq!((&imported["created"], &imported["existing"]), (&json!([]), &json!([shown])));
        let changed = ann.patch(BULK, json!({"todos": [{"id": id(1), "text": "x"}]})).await.expect(200).json();
        assert_eq!(changed["not_found"], json!([id(1)]));
        ann.get(&format!("/todos/{}", id(1))).await.expect_problem(404, "RESOURCE_001");
        assert_eq!(ann.get("/api/tasks").await.expect(200).json(), json!([]));
        assert_eq!(everything(&ann).await, json!([shown]), "nothing of this changed the tombstone");
    }

    async fn a_sync_decides_by_versions_and_needs_a_text_to_restore(database: Database) {
        let server = start(database).await;
        let ann = server.client().new_user().await;
        for n in 1..=4 {
            shrunk(&server, &ann, n).await;
        }
        for strategy in ["manual", "merge", "client_wins"] {
            let answer = sync(&ann, json!({"strategy": strategy, "todos": [
                {"id": id(1), "version": 1, "text": "in place whatever else it names", "deleted": true},
                {"id": id(2), "version": 1, "description": "a stale edit"},
                {"id": id(3), "version": 2, "deleted": false, "description": "no text"},
            ]})).await;
            assert_eq!((&answer["applied"], &answer["versions"]), (&json!([id(1)]), &json!({id(1): 2})), "{strategy}");
            assert_eq!(members(&answer["conflicts"], "id"), json!([id(2)]), "{strategy}");
            assert_eq!(answer["conflicts"][0]["server_data"]["text"], "", "{strategy}");
            assert_eq!(members(&answer["rejected"], "id"), json!([id(3)]), "{strategy}");
            assert_eq!(members(&answer["rejected"], "error_code"), json!(["VALIDATION_004"]), "{strategy}");
        }
        let whole = json!({"id": id(4), "version": 2, "text": "back", "description": null, "completed": false,
                           "deleted": false, "metadata": {"priority": 1}});
        let answer = sync(&ann, json!({"todos": [whole]})).await;
        assert_eq!(answer["versions"], json!({id(4): 3}));
        let list = ann.get(TODOS).await.expect(200).json();
        assert_eq!((texts(&list), &list[0]["metadata"]), (vec!["back"], &json!({"priority": 1})));
    }
    async fn a_device_sends_a_tombstone_without_text_back_as_it_was_shown(database: Database) {
        let server = start(database).await;
        let ann = server.client().new_user().await;
        let path = at(&shrunk(&server, &ann, 1).await);
        let shown = ann.get(&format!("{path}?include_deleted=true")).await.expect(200).json();
        let with = |more: Value| {
            let mut item = shown.clone();
            item.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            item
        };
        let healing = with(json!({"deleted": true, "version": 0, "healing": true}));
        for strategy in ["manual", "merge", "last_write_wins", "client_wins"] {
            for item in [shown.clone(), with(json!({"deleted": true})), healing.clone()] {
                let answer = sync(&ann, json!({"strategy": strategy, "todos": [item]})).await;
                assert_eq!(answer["applied"], json!([id(1)]), "{strategy}: {answer}");
                assert_eq!(answer["versions"], json!({id(1): shown["version"]}), "{strategy}");
            }
        }
        assert_eq!(everything(&ann).await, json!([shown]), "all was in place");

        // A server that lost the tombstone: to another user, the id is unknown.
        let bob = server.client().register("bob@example.com").await.0;
        assert_eq!(sync(&bob, json!({"todos": [shown]})).await["versions"], json!({id(1): 0}));
        let healed = sync(&bob, json!({"todos": [healing]})).await;
        assert_eq!(healed["applied"], json!([id(1)]), "{healed}");
        let back = everything(&bob).await;
        assert_eq!((back[0]["text"].clone(), back[0]["version"].clone()), (json!(""), json!(1)));
        assert_eq!(back[0]["created_at"], shown["created_at"]);

        // A todo that lives: healing is a conflict, and a deletion keeps the text, which the device gets.
        let cat = server.client().register("cat@example.com").await.0;
        let live = sync(&cat, json!({"todos": [{"id": id(1), "text": "milk", "description": "two"}]})).await;
        let refused = sync(&cat, json!({"todos": [healing]})).await;
        let fields = &refused["conflicts"][0]["fields"];
        assert_eq!(fields, &json!(["description", "deleted"]), "{refused}");
        let since = json!({"last_sync": live["sync_timestamp"], "epoch": live["epoch"],
                           "todos": [{"id": id(1), "text": "", "deleted": true, "version": 1}]});
        let deleted = sync(&cat, since).await;
        assert_eq!(deleted["versions"], json!({id(1): 2}), "{deleted}");
        assert_eq!(deleted["server_changes"][0]["text"], "milk");
    }
}
