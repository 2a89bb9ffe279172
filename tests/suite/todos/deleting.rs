//! Deleting and restoring.

use blackbox_tests::on_both_databases;
use expect_test::expect;
use serde_json::{Value, json};

use crate::support::{UNKNOWN, add, at, texts};

on_both_databases! {
    async fn a_deleted_todo_becomes_a_tombstone_shown_only_on_request(server: Server) {
        let ann = server.client().new_user().await;
        let todo = add(&ann, "Buy milk").await;
        let deleted = ann.delete(&at(&todo)).await;
        expect![[r#"
            204
            cache-control: private, no-store
        "#]]
        .assert_eq(&deleted.to_string());
        ann.get(&at(&todo)).await.expect_problem(404, "RESOURCE_001");
        assert_eq!(ann.get("/api/v1/todos").await.header("x-total-count"), "0");
        let tombstone = ann.get(&format!("{}?include_deleted=true", at(&todo))).await;
        expect![[r#"
            200
            etag: "2"
            cache-control: private, no-cache
            {"client_id": null, "completed": false, "completed_at": null, "created_at": "[time]",
             "deleted_at": "[time]", "description": null, "id": "[id]", "metadata": {}, "text": "Buy milk",
             "updated_at": "[time]", "version": 2}
        "#]]
        .assert_eq(&tombstone.to_string());
        let tombstone = tombstone.json();
        assert_eq!(tombstone["deleted_at"], tombstone["updated_at"]);
        let listed = ann.get("/api/v1/todos?include_deleted=true").await.expect(200);
        assert_eq!(listed.json(), json!([tombstone]));
    }

    async fn a_restored_todo_has_all_its_former_values(server: Server) {
        let ann = server.client().new_user().await;
        let body = json!({"text": "Buy milk", "description": "two", "completed": true});
        let todo = ann.post("/api/v1/todos", body).await.expect(201).json();
        ann.delete(&at(&todo)).await.expect(204);
        let path = format!("{}/restore", at(&todo));
        let restored = ann.send(ann.request(reqwest::Method::POST, &path)).await;
        expect![[r#"
            200
            etag: "3"
            cache-control: private, no-cache
            {"client_id": null, "completed": true, "completed_at": "[time]", "created_at": "[time]",
             "deleted_at": null, "description": "two", "id": "[id]", "metadata": {}, "text": "Buy milk",
             "updated_at": "[time]", "version": 3}
        "#]]
        .assert_eq(&restored.to_string());
        let restored = restored.json();
        for field in ["id", "text", "description", "completed", "completed_at", "created_at"] {
            assert_eq!(restored[field], todo[field], "{field}");
        }
        assert_eq!(restored["deleted_at"], Value::Null);
        // Restoring a live todo changes nothing.
        assert_eq!(ann.post(&path, json!({})).await.expect(200).json(), restored);
        assert_eq!(texts(&ann.get("/api/v1/todos").await.json()), ["Buy milk"]);
        let unknown = ann.post(&format!("/api/v1/todos/{UNKNOWN}/restore"), json!({})).await;
        unknown.expect_problem(404, "RESOURCE_001");
    }

    async fn a_creation_under_the_id_of_a_tombstone_does_not_restore_it(server: Server) {
        let ann = server.client().new_user().await;
        let todo = add(&ann, "Buy milk").await;
        ann.delete(&at(&todo)).await.expect(204);
        let other = ann.post("/api/v1/todos", json!({"id": todo["id"], "text": "Buy bread"})).await;
        other.expect_problem(409, "CONFLICT_003");
        // A late repeat of the creation does not undo the deletion.
        let same = ann.post("/api/v1/todos", json!({"id": todo["id"], "text": "Buy milk"})).await.expect(200);
        assert_ne!(same.json()["deleted_at"], Value::Null);
        ann.get(&at(&todo)).await.expect_problem(404, "RESOURCE_001");
    }
}
