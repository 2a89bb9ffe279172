//! Changing one todo.

use blackbox_tests::{Database, Server, on_both_databases};
use expect_test::expect;
use serde_json::{Value, json};

use crate::support::{UNKNOWN, add, at};

on_both_databases! {
    async fn a_change_affects_only_the_fields_it_names(server: Server) {
        let ann = server.client().new_user().await;
        let body = json!({"text": "Buy milk", "description": "two", "client_id": "phone"});
        let before = ann.post("/api/v1/todos", body).await.expect(201).json();
        let done =
            ann.patch(&at(&before), json!({"completed": true, "version": 1, "client_id": "laptop"})).await;
        expect![[r#"
            200
            etag: "2"
            cache-control: private, no-cache
            {"client_id": "laptop", "completed": true, "completed_at": "[time]", "created_at": "[time]",
             "deleted_at": null, "description": "two", "id": "[id]", "metadata": {}, "text": "Buy milk",
             "updated_at": "[time]", "version": 2}
        "#]]
        .assert_eq(&done.to_string());
        let after = done.json();
        assert_eq!(after["created_at"], before["created_at"]);
        assert_eq!(after["completed_at"], after["updated_at"]);
        assert!(after["updated_at"].as_str() > before["updated_at"].as_str());

        // Reopening clears `completed_at`; null clears the description.
        let body = json!({"completed": false, "description": null, "version": 2});
        let again = ann.patch(&at(&before), body).await.expect(200).json();
        assert_eq!((&again["completed_at"], &again["description"]), (&Value::Null, &Value::Null));
        assert_eq!(again["version"], 3);
    }

    async fn without_a_version_the_change_applies_to_whatever_is_current(server: Server) {
        let ann = server.client().new_user().await;
        let todo = add(&ann, "Buy milk").await;
        for (n, text) in ["one", "two", "three"].iter().enumerate() {
            let after = ann.patch(&at(&todo), json!({"text": text})).await.expect(200).json();
            assert_eq!(after["version"], n + 2);
        }
    }

    async fn a_stale_version_is_refused_with_both_sides(server: Server) {
        let ann = server.client().new_user().await;
        let todo = add(&ann, "Buy milk").await;
        ann.patch(&at(&todo), json!({"text": "Buy oat milk", "version": 1})).await.expect(200);
        let stale = ann.patch(&at(&todo), json!({"text": "Buy soy milk", "version": 1})).await;
        expect![[r#"
            409
            content-type: application/problem+json
            cache-control: private, no-store
            {"detail": "Version conflict: the request is not based on the todo's current version; `details` has its current state",
             "details": {"client_version": 1, "resolution_strategy": "manual",
              "server_data": {"client_id": null, "completed": false, "completed_at": null,
               "created_at": "[time]", "deleted_at": null, "description": null, "id": "[id]", "metadata": {},
               "text": "Buy oat milk", "updated_at": "[time]", "version": 2},
              "server_version": 2},
             "error_code": "CONFLICT_001"}
        "#]]
        .assert_eq(&stale.to_string());
        // A change of another field conflicts too: only syncs merge.
        let other = ann.patch(&at(&todo), json!({"completed": true, "version": 1})).await;
        other.expect_problem(409, "CONFLICT_001");
        let now = ann.get(&at(&todo)).await.json();
        assert_eq!((&now["text"], &now["version"]), (&json!("Buy oat milk"), &json!(2)));
    }

    async fn an_impossible_version_is_a_conflict(server: Server) {
        let ann = server.client().new_user().await;
        let todo = add(&ann, "Buy milk").await;
        for version in [0, -1, 2, 1_000_000, 9_007_199_254_740_991_i64] {
            let refused = ann.patch(&at(&todo), json!({"text": "other", "version": version})).await;
            refused.expect_problem(409, "CONFLICT_001");
            assert_eq!(refused.json()["details"]["client_version"], version);
        }
        assert_eq!(ann.get(&at(&todo)).await.json(), todo);
    }

    async fn a_change_without_effect_is_accepted_without_a_new_version(server: Server) {
        let ann = server.client().new_user().await;
        let todo = add(&ann, "Buy milk").await;
        for body in [
            json!({}),
            json!({"text": "Buy milk"}),
            json!({"text": " Buy milk ", "completed": false, "description": null, "version": 1}),
            json!({"client_id": "laptop"}),
        ] {
            let same = ann.patch(&at(&todo), body).await.expect(200);
            assert_eq!((same.json(), same.header("etag")), (todo.clone(), "\"1\""));
        }
        // A retry after a lost response: the base is stale, but the effect is in place.
        let change = json!({"text": "Buy oat milk", "version": 1});
        let first = ann.patch(&at(&todo), change.clone()).await.expect(200).json();
        assert_eq!(ann.patch(&at(&todo), change).await.expect(200).json(), first);
    }

    async fn an_unknown_or_deleted_todo_cannot_be_changed(server: Server) {
        let ann = server.client().new_user().await;
        let todo = add(&ann, "Buy milk").await;
        let unknown = format!("/api/v1/todos/{UNKNOWN}");
        ann.patch(&unknown, json!({"text": "x"})).await.expect_problem(404, "RESOURCE_001");
        ann.delete(&at(&todo)).await.expect(204);
        ann.patch(&at(&todo), json!({"text": "x"})).await.expect_problem(404, "RESOURCE_001");
        ann.patch("/api/v1/todos/no-uuid", json!({"text": "x"})).await.expect_problem(404, "RESOURCE_001");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_change_is_refused_with_every_bad_field() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let todo = add(&ann, "Buy milk").await;
    let body = json!({"text": [], "description": 7, "completed": "yes", "version": "1"});
    let refused = ann.patch(&at(&todo), body).await;
    expect![[r#"
        422
        content-type: application/problem+json
        cache-control: private, no-store
        {"detail": "text must be a string",
         "details": {"errors": [{"code": "VALIDATION_006", "field": "text", "message": "text must be a string"},
           {"code": "VALIDATION_006", "field": "description", "message": "description must be a string"},
           {"code": "VALIDATION_006", "field": "completed", "message": "completed must be true or false"},
           {"code": "VALIDATION_006", "field": "version",
            "message": "version must be an integer between -9007199254740991 and 9007199254740991"}],
          "field": "text"},
         "error_code": "VALIDATION_006"}
    "#]]
    .assert_eq(&refused.to_string());
    for (body, code) in [
        (json!({"text": ""}), "VALIDATION_004"),
        (json!({"text": "x".repeat(501)}), "VALIDATION_005"),
        (json!({"version": 1.5}), "VALIDATION_006"),
        (json!({"version": 1e30}), "VALIDATION_006"),
        (json!({"completed": 2}), "VALIDATION_006"),
    ] {
        ann.patch(&at(&todo), body).await.expect_problem(422, code);
    }
    assert_eq!(ann.get(&at(&todo)).await.json(), todo);
}

#[tokio::test(flavor = "multi_thread")]
async fn null_says_the_same_as_an_absent_member() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let created = json!({"id": null, "text": "Buy milk", "description": null, "completed": null, "metadata": null,
        "client_id": null, "created_at": null, "completed_at": null});
    let todo = ann.post("/api/v1/todos", created).await.expect(201).json();
    let described = json!({"text": null, "description": "The blue one", "completed": null, "metadata": null,
        "client_id": null, "version": null});
    let described = ann.patch(&at(&todo), described).await.expect(200).json();
    assert_eq!((&described["text"], &described["description"]), (&json!("Buy milk"), &json!("The blue one")));
    let change = json!({"id": todo["id"], "version": 2, "text": null, "completed": true, "deleted": null,
        "deleted_at": null, "metadata": null, "updated_at": null, "created_at": null, "completed_at": null,
        "healing": null, "client_id": null});
    let sync = json!({"last_sync": null, "epoch": null, "strategy": null, "client_id": null, "limit": null,
        "include_deleted": null, "todos": [change]});
    let synced = ann.post("/api/v1/todos/sync", sync).await.expect(200).json();
    assert_eq!(synced["applied"], json!([todo["id"]]), "{synced}");
    let under_todos = format!("/todos/{}", todo["id"].as_str().expect("an id"));
    let renamed = json!({"title": "Buy oat milk", "is_completed": null});
    let renamed = ann.put(&under_todos, renamed).await.expect(200).json();
    assert_eq!(renamed["is_completed"], true);
    let unnamed =
        ann.put(&under_todos, json!({"title": null, "is_completed": false})).await.expect(200).json();
    assert_eq!((&unnamed["title"], &unnamed["is_completed"]), (&json!("Buy oat milk"), &json!(false)));
    let number = ann.get("/api/tasks").await.expect(200).json()[0]["id"].clone();
    let task = json!({"title": "Buy goat milk", "completed": null});
    let task = ann.put(&format!("/api/tasks/{number}"), task).await.expect(200).json();
    assert_eq!((&task["title"], &task["completed"]), (&json!("Buy goat milk"), &json!(false)));
}
