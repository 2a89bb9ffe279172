//! Sync requests and their answers.

use blackbox_tests::{Database, Server, on_both_databases};
use expect_test::expect;
use serde_json::{Value, json};

use crate::support::{add, at, everything, id, items, members, sync, text, texts};

on_both_databases! {
    async fn a_device_gets_back_a_text_whose_line_breaks_the_server_changed(server: Server) {
        let ann = server.client().new_user().await;
        let todo = |n, text: &str| json!({"id": id(n), "text": "lines", "description": text});
        let todos = [todo(1, "one\r\ntwo"), todo(2, "one\ntwo")];
        let answer = ann.post("/api/v1/todos/sync", json!({"todos": todos})).await.expect(200).json();
        let changes = items(&answer["server_changes"]);
        assert_eq!(members(&answer["server_changes"], "id"), json!([id(1)]), "only the changed one comes back");
        assert_eq!(changes[0]["description"], "one\ntwo");
    }

    async fn an_answer_lists_applied_conflicting_and_rejected_todos(server: Server) {
        let ann = server.client().new_user().await;
        let (milk, bread) = (add(&ann, "milk").await, add(&ann, "bread").await);
        ann.patch(&at(&bread), json!({"text": "rye bread"})).await.expect(200);
        let body = json!({"last_sync": null, "strategy": "manual", "client_id": "phone", "limit": 1000, "todos": [
            {"id": milk["id"], "text": "oat milk", "completed": true, "version": 1, "updated_at": "2026-01-09T10:30:00Z"},
            {"id": bread["id"], "text": "white bread", "version": 1},
            {"id": id(1), "text": "eggs", "version": 99, "created_at": "2020-01-01T00:00:00Z"},
            {"id": id(2), "completed": true},
            {"id": id(3), "text": ""},
        ]});
        let answer = ann.post("/api/v1/todos/sync", body).await;
        expect![[r#"
            200
            cache-control: private, no-store
            {"applied": ["[id]", "[id]"],
             "conflicts": [{"applied_fields": [], "client_data": {"id": "[id]", "text": "white bread", "version": 1},
               "client_version": 1, "fields": ["text"], "id": "[id]", "resolution_strategy": "manual",
               "resolved": null,
               "server_data": {"client_id": null, "completed": false, "completed_at": null,
                "created_at": "[time]", "deleted_at": null, "description": null, "id": "[id]", "metadata": {},
                "text": "rye bread", "updated_at": "[time]", "version": 2},
               "server_version": 2}],
             "digest": "[digest]", "epoch": "[id]", "has_more": false,
             "rejected": [{"error_code": "VALIDATION_004", "id": "[id]", "index": 3,
               "message": "text is required to create a todo, or to restore one whose text is gone"},
              {"error_code": "VALIDATION_004", "id": "[id]", "index": 4, "message": "text must not be blank"}],
             "server_changes": [{"client_id": null, "completed": false, "completed_at": null, "created_at": "[time]",
               "deleted_at": null, "description": null, "id": "[id]", "metadata": {}, "text": "rye bread",
               "updated_at": "[time]", "version": 2},
              {"client_id": "phone", "completed": true, "completed_at": "[time]", "created_at": "[time]",
               "deleted_at": null, "description": null, "id": "[id]", "metadata": {}, "text": "oat milk",
               "updated_at": "[time]", "version": 2}],
             "stamps": {"[id]": "[time]"}, "sync_timestamp": "[time]", "versions": {"[id]": 2}}
        "#]]
        .assert_eq(&answer.to_string());
        let body = answer.json();
        let newest = everything(&ann).await.as_array().expect("a list").last().expect("a todo").clone();
        assert_eq!(newest["updated_at"], body["sync_timestamp"]);
    }

    async fn a_sync_without_changes_gets_an_empty_answer(server: Server) {
        let ann = server.client().new_user().await;
        let first = ann.post("/api/v1/todos/sync", json!({})).await;
        expect![[r#"
            200
            cache-control: private, no-store
            {"applied": [], "conflicts": [], "digest": "[digest]", "epoch": "[id]", "has_more": false,
             "rejected": [], "server_changes": [], "stamps": {}, "sync_timestamp": "[time]", "versions": {}}
        "#]]
        .assert_eq(&first.to_string());
        let cursor = first.json()["sync_timestamp"].clone();
        let again = sync(&ann, json!({"last_sync": cursor, "todos": []})).await;
        assert_eq!((&again["server_changes"], &again["sync_timestamp"]), (&json!([]), &cursor));
    }

    async fn a_sync_deletes_and_restores_todos(server: Server) {
        let ann = server.client().new_user().await;
        let milk = add(&ann, "milk").await;
        let cursor = sync(&ann, json!({})).await["sync_timestamp"].clone();
        let one = |change: Value| json!({"last_sync": cursor, "todos": [change]});
        let deleted = sync(&ann, one(json!({"id": milk["id"], "deleted": true, "version": 1}))).await;
        assert_eq!(deleted["versions"], json!({text(&milk["id"]): 2}));
        ann.get(&at(&milk)).await.expect_problem(404, "RESOURCE_001");
        let seen = sync(&ann, json!({"last_sync": cursor})).await;
        assert_eq!(seen["server_changes"][0]["deleted_at"], seen["server_changes"][0]["updated_at"]);
        sync(&ann, one(json!({"id": milk["id"], "deleted": false, "version": 2}))).await;
        assert_eq!(ann.get(&at(&milk)).await.expect(200).json()["version"], 3);
        let by_date = json!({"id": milk["id"], "deleted_at": "2026-01-09T10:30:00Z", "version": 3});
        sync(&ann, one(by_date)).await;
        ann.get(&at(&milk)).await.expect_problem(404, "RESOURCE_001");
    }

    async fn deleting_an_unknown_todo_stores_nothing(server: Server) {
        let ann = server.client().new_user().await;
        let answer =
            sync(&ann, json!({"todos": [{"id": id(1), "deleted": true, "text": "x", "version": 3}]})).await;
        assert_eq!((&answer["applied"], &answer["versions"]), (&json!([id(1)]), &json!({id(1): 0})));
        assert_eq!(everything(&ann).await, json!([]));
    }

    async fn a_thousand_uploaded_todos_are_downloaded_in_stamp_order(server: Server) {
        let ann = server.client().new_user().await;
        let todos: Vec<_> = (0..1000).map(|n| json!({"id": id(n), "text": format!("todo {n:04}")})).collect();
        let answer = sync(&ann, json!({"todos": todos})).await;
        assert_eq!((items(&answer["applied"]).len(), &answer["server_changes"]), (1000, &json!([])));
        // The cursor advances with each page; no todo is missing or repeated.
        let (mut cursor, mut seen) = (Value::Null, Vec::new());
        loop {
            let page = sync(&ann, json!({"last_sync": cursor, "limit": 300})).await;
            let changes = &page["server_changes"];
            seen.extend(texts(changes).iter().map(|&text| text.to_owned()));
            cursor = page["sync_timestamp"].clone();
            if page["has_more"] == false {
                break;
            }
            assert_eq!(items(changes).len(), 300);
            assert_eq!(cursor, changes[299]["updated_at"]);
        }
        assert_eq!(seen, (0..1000).map(|n| format!("todo {n:04}")).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_todo_imported_with_a_numeric_id_syncs_under_its_uuid() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let imported =
        ann.post("/api/v1/todos/bulk", json!({"todos": [{"id": 7, "text": "seven"}]})).await.expect(201);
    let uuid = members(&imported.json()["created"], "id")[0].clone();
    let answer = sync(&ann, json!({"todos": [{"id": uuid, "text": "eight", "version": 1}]})).await;
    assert_eq!(answer["applied"], json!([uuid]));
}
