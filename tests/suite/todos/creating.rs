//! Creating and reading one todo.

use blackbox_tests::{Server, on_both_databases};
use expect_test::expect;
use serde_json::json;

use crate::support::{UNKNOWN, add, at, id, text};

const TODOS: &str = "/api/v1/todos";

on_both_databases! {
    async fn a_todo_is_created_and_read_back(server: Server) {
        let ann = server.client().new_user().await;
        let created = ann.post(TODOS, json!({"text": "  Buy milk\t"})).await;
        expect![[r#"
            201
            location: /api/v1/todos/[id]
            etag: "1"
            cache-control: private, no-cache
            {"client_id": null, "completed": false, "completed_at": null, "created_at": "[time]",
             "deleted_at": null, "description": null, "id": "[id]", "metadata": {}, "text": "Buy milk",
             "updated_at": "[time]", "version": 1}
        "#]]
        .assert_eq(&created.to_string());
        let todo = created.json();
        assert_eq!(created.header("location"), at(&todo));
        assert_eq!(todo["created_at"], todo["updated_at"]);
        let read = ann.get(&at(&todo)).await;
        expect![[r#"
            200
            etag: "1"
            cache-control: private, no-cache
            {"client_id": null, "completed": false, "completed_at": null, "created_at": "[time]",
             "deleted_at": null, "description": null, "id": "[id]", "metadata": {}, "text": "Buy milk",
             "updated_at": "[time]", "version": 1}
        "#]]
        .assert_eq(&read.to_string());
        assert_eq!(read.json(), todo);
    }

    async fn every_field_can_be_given(server: Server) {
        let ann = server.client().new_user().await;
        let body = json!({"id": id(1), "text": "Buy <b>milk</b> & 🥛 \"fresh\"", "description": " kept\n\tas it is ",
                          "completed": true, "client_id": "phone", "created_at": "2020-02-29T12:00:00+02:00"});
        let created = ann.post(TODOS, body).await;
        expect![[r#"
            201
            location: /api/v1/todos/[id]
            etag: "1"
            cache-control: private, no-cache
            {"client_id": "phone", "completed": true, "completed_at": "[time]", "created_at": "[time]",
             "deleted_at": null, "description": " kept\n\tas it is ", "id": "[id]", "metadata": {},
             "text": "Buy <b>milk</b> & 🥛 \"fresh\"", "updated_at": "[time]", "version": 1}
        "#]]
        .assert_eq(&created.to_string());
        let todo = created.json();
        assert_eq!((text(&todo["id"]), text(&todo["created_at"])), (&*id(1), "2020-02-29T10:00:00.000000Z"));
        assert_eq!(todo["completed_at"], todo["updated_at"]);
        assert_eq!(ann.get(&at(&todo)).await.json(), todo);
    }

    async fn a_repeated_creation_returns_the_todo_and_other_content_is_a_conflict(server: Server) {
        let ann = server.client().new_user().await;
        let body = json!({"id": id(1), "text": "Buy milk", "description": "two"});
        let first = ann.post(TODOS, body.clone()).await.expect(201).json();
        let again = ann.post(TODOS, body.clone()).await;
        expect![[r#"
            200
            etag: "1"
            cache-control: private, no-cache
            {"client_id": null, "completed": false, "completed_at": null, "created_at": "[time]",
             "deleted_at": null, "description": "two", "id": "[id]", "metadata": {}, "text": "Buy milk",
             "updated_at": "[time]", "version": 1}
        "#]]
        .assert_eq(&again.to_string());
        assert_eq!(again.json(), first);
        let other = ann.post(TODOS, json!({"id": id(1), "text": "Buy bread"})).await;
        expect![[r#"
            409
            content-type: application/problem+json
            cache-control: private, no-store
            {"detail": "id is already in use, with other content",
             "details": {"errors": [{"code": "CONFLICT_003", "field": "id", "message": "id is already in use, with other content"}],
              "field": "id"},
             "error_code": "CONFLICT_003"}
        "#]]
        .assert_eq(&other.to_string());
        assert_eq!(ann.get(TODOS).await.header("x-total-count"), "1");
    }

    async fn the_quota_counts_live_todos(server: Server) {
        let server = Server::start_with(server.database(), &[("MAX_TODOS_PER_USER", "3")]).await;
        let ann = server.client().new_user().await;
        let first = add(&ann, "one").await;
        add(&ann, "two").await;
        add(&ann, "three").await;
        let fourth = ann.post(TODOS, json!({"text": "four"})).await;
        expect![[r#"
            409
            content-type: application/problem+json
            cache-control: private, no-store
            {"detail": "The account has reached its limit of 3 todos", "details": {"max": 3},
             "error_code": "QUOTA_001"}
        "#]]
        .assert_eq(&fourth.to_string());
        ann.delete(&at(&first)).await.expect(204);
        add(&ann, "four").await;
        ann.post(&format!("{}/restore", at(&first)), json!({})).await.expect_problem(409, "QUOTA_001");
    }

    async fn a_todo_that_is_not_there_is_not_found(server: Server) {
        let ann = server.client().new_user().await;
        let missing = ann.get(&format!("{TODOS}/{UNKNOWN}")).await;
        expect![[r#"
            404
            content-type: application/problem+json
            cache-control: private, no-store
            {"detail": "There is no such todo", "details": {}, "error_code": "RESOURCE_001"}
        "#]]
        .assert_eq(&missing.to_string());
        ann.get(&format!("{TODOS}/no-uuid")).await.expect_problem(404, "RESOURCE_001");
    }
}
