//! Metadata of todos.

use blackbox_tests::socket::Socket;
use blackbox_tests::{Client, on_both_databases};
use serde_json::{Value, json};

use crate::support::{add, at, everything, id, sync, text};

const TODOS: &str = "/api/v1/todos";

/// The metadata of a todo as a read returns it.
async fn stored(client: &Client, todo: &Value) -> Value {
    client.get(&at(todo)).await.expect(200).json()["metadata"].take()
}

on_both_databases! {
    async fn metadata_is_kept_key_by_key_and_shown_wherever_a_todo_is(server: Server) {
        let ann = server.client().new_user().await;
        let (mut socket, _) = Socket::ready(&server.socket_url(), ann.token(), "").await;
        assert_eq!(add(&ann, "plain").await["metadata"], json!({}));
        let body = json!({"id": id(1), "text": "milk", "metadata": {
            "due": "2026-12-24", "nested": {"b": [1.0, null], "a": "é"}, "gone": null
        }});
        let first = json!({"due": "2026-12-24", "nested": {"a": "é", "b": [1, null]}});
        let created = ann.post(TODOS, body.clone()).await.expect(201).json();
        assert_eq!(created["metadata"], first);
        assert_eq!(ann.post(TODOS, body).await.expect(200).json(), created, "the same content");
        let other = json!({"id": id(1), "text": "milk", "metadata": {"due": "2026-12-25"}});
        ann.post(TODOS, other).await.expect_problem(409, "CONFLICT_003");

        let change = json!({"metadata": {"priority": 1, "nested": null}});
        let changed = ann.patch(&at(&created), change.clone()).await.expect(200).json();
        let second = json!({"due": "2026-12-24", "priority": 1});
        assert_eq!((&changed["metadata"], &changed["version"]), (&second, &json!(2)));
        for unchanged in [change, json!({"metadata": null}), json!({"metadata": {"unknown": null}})] {
            assert_eq!(ann.patch(&at(&created), unchanged).await.expect(200).json(), changed);
        }
        assert_eq!(stored(&ann, &created).await, second);
        let list = ann.get(&format!("{TODOS}?search=milk")).await.expect(200).json();
        assert_eq!(list, json!([changed]));
        assert_eq!(everything(&ann).await[1], changed);
        let export = ann.get("/api/v1/users/me/export").await.expect(200).json();
        assert_eq!(export["todos"][1]["metadata"], second);
        let events = [socket.next().await, socket.next().await, socket.next().await];
        assert_eq!(events.map(|event| event["todo"]["metadata"].clone()), [json!({}), first, second.clone()]);

        let bulk = json!({"todos": [{"id": 7, "text": "imported", "metadata": {"list": "old"}}]});
        let imported = ann.post("/api/v1/todos/bulk", bulk).await.expect(201).json();
        assert_eq!(imported["created"][0]["metadata"], json!({"list": "old"}));
        let bulk = json!({"todos": [{"id": id(1), "metadata": {"due": null}}]});
        let updated = ann.patch("/api/v1/todos/bulk", bulk).await.expect(200).json();
        assert_eq!(updated["updated"][0]["metadata"], json!({"priority": 1}));

        // Other contracts neither show nor change it.
        let todo = ann.get(&format!("/todos/{}", text(&created["id"]))).await.expect(200).json();
        assert_eq!(todo.get("metadata"), None, "{todo}");
        ann.put(&format!("/todos/{}", text(&created["id"])), json!({"title": "oat milk"})).await.expect(200);
        assert_eq!(stored(&ann, &created).await, json!({"priority": 1}));
        ann.delete(&at(&created)).await.expect(204);
        let restored = ann.post(&format!("{}/restore", at(&created)), json!({})).await.expect(200).json();
        assert_eq!(restored["metadata"], json!({"priority": 1}));
    }

    async fn devices_that_change_different_keys_never_conflict(server: Server) {
        let ann = server.client().new_user().await;
        let todo = json!({"id": id(1), "text": "milk", "metadata": {"due": "2026-12-24", "list": "a"}});
        let created = sync(&ann, json!({"todos": [todo]})).await;
        assert_eq!(created["applied"], json!([id(1)]));
        let send = |metadata: Value| {
            json!({"strategy": "merge", "todos": [{"id": id(1), "version": 1, "metadata": metadata}]})
        };
        sync(&ann, send(json!({"due": "2026-12-25", "priority": 1}))).await;
        let merged = sync(&ann, send(json!({"list": null, "tag:home": true}))).await;
        assert_eq!((&merged["applied"], &merged["conflicts"]), (&json!([id(1)]), &json!([])));
        let contested = sync(&ann, send(json!({"due": null, "priority": 2, "snooze": "2026-12-20"}))).await;
        let conflict = &contested["conflicts"][0];
        assert_eq!(conflict["fields"], json!(["metadata.due", "metadata.priority"]));
        assert_eq!(conflict["applied_fields"], json!(["metadata.snooze"]));
        let all = json!({"due": "2026-12-25", "priority": 1, "tag:home": true, "snooze": "2026-12-20"});
        assert_eq!(conflict["server_data"]["metadata"], all);
        assert_eq!(everything(&ann).await[0]["metadata"], all);
    }

    async fn metadata_beyond_a_limit_is_refused_and_named(server: Server) {
        let ann = server.client().new_user().await;
        let todo = add(&ann, "milk").await;
        let keys = |count: usize| (0..count).map(|n| (format!("k{n}"), json!(n))).collect::<serde_json::Map<_, _>>();
        for (metadata, code, field) in [
            (json!(7), "VALIDATION_006", "metadata"),
            (json!([]), "VALIDATION_006", "metadata"),
            (json!({"": 1}), "VALIDATION_004", "metadata"),
            (json!({"k".repeat(65): 1}), "VALIDATION_005", "metadata"),
            (json!({"tab\t": 1}), "VALIDATION_006", "metadata"),
            (json!({"big": "x".repeat(1999)}), "VALIDATION_005", "metadata.big"),
            (json!({"nul": "\0"}), "VALIDATION_006", "metadata.nul"),
            (json!(keys(51)), "VALIDATION_005", "metadata"),
            (json!({"a": "x".repeat(1990), "b": "x".repeat(1990), "c": "x".repeat(1990), "d": "x".repeat(1990), "e": "x".repeat(300)}),
             "VALIDATION_005", "metadata"),
        ] {
            let refused = ann.patch(&at(&todo), json!({"metadata": metadata})).await;
            refused.expect_problem(422, code);
            assert_eq!(refused.json()["details"]["field"], field, "{refused}");
            let created = ann.post(TODOS, json!({"text": "x", "metadata": metadata})).await;
            created.expect_problem(422, code);
            let synced = sync(&ann, json!({"todos": [{"id": todo["id"], "version": 1, "metadata": metadata}]})).await;
            assert_eq!(synced["rejected"][0]["error_code"], code, "{synced}");
        }
        for raw in [r#"{"metadata": {"a": 1, "a": 2}}"#, r#"{"metadata": {"\ud800": 2}}"#] {
            let request = ann.request(reqwest::Method::PATCH, &at(&todo)).header("content-type", "application/json");
            ann.send(request.body(raw)).await.expect_problem(400, "VALIDATION_009");
        }
        assert_eq!(ann.get(&at(&todo)).await.json(), todo);
        ann.patch(&at(&todo), json!({"metadata": keys(50)})).await.expect(200);
        ann.patch(&at(&todo), json!({"metadata": {"k50": 1}})).await.expect_problem(422, "VALIDATION_005");
        ann.patch(&at(&todo), json!({"metadata": {"k50": 1, "k0": null}})).await.expect(200);
    }
}
