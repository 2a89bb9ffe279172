//! Creating todos in bulk, for example to import a list from a browser.

use blackbox_tests::on_both_databases;
use expect_test::expect;
use serde_json::json;

use crate::support::{add, at, id, items, members, numbered, text, texts};

const BULK: &str = "/api/v1/todos/bulk";

on_both_databases! {
    async fn many_todos_are_created_in_request_order(server: Server) {
        let ann = server.client().new_user().await;
        let body =
            json!({"todos": [{"text": "one"}, {"text": "two", "completed": true, "client_id": "phone"}]});
        let created = ann.post(BULK, body).await;
        expect![[r#"
            201
            cache-control: private, no-store
            {"created": [{"client_id": null, "completed": false, "completed_at": null, "created_at": "[time]",
               "deleted_at": null, "description": null, "id": "[id]", "text": "one", "updated_at": "[time]",
               "version": 1},
              {"client_id": "phone", "completed": true, "completed_at": "[time]", "created_at": "[time]",
               "deleted_at": null, "description": null, "id": "[id]", "text": "two", "updated_at": "[time]",
               "version": 1}],
             "existing": []}
        "#]]
        .assert_eq(&created.to_string());
        let all = ann.post(BULK, numbered(1000)).await.expect(201).json();
        assert_eq!((items(&all["created"]).len(), &all["existing"]), (1000, &json!([])));
        let stamps: Vec<_> = items(&all["created"]).iter().map(|todo| text(&todo["updated_at"])).collect();
        assert!(stamps.is_sorted_by(|a, b| a < b), "each todo has its own stamp, in request order");
        assert_eq!(ann.get("/api/v1/todos").await.header("x-total-count"), "1002");
    }

    async fn a_repeated_import_creates_nothing_twice(server: Server) {
        let ann = server.client().new_user().await;
        let list = json!({"todos": [
            {"id": 1, "title": "old names", "createdAt": "2019-05-01T08:00:00.000Z", "completed": true},
            {"id": "abc", "text": "a string"},
            {"id": 1_714_550_400_000.5, "text": "a fraction"},
            {"id": "", "text": "even an empty string"},
            {"id": id(7), "text": "a UUID stays"},
        ]});
        let first = ann.post(BULK, list.clone()).await;
        expect![[r#"
            201
            cache-control: private, no-store
            {"created": [{"client_id": null, "completed": true, "completed_at": "[time]", "created_at": "[time]",
               "deleted_at": null, "description": null, "id": "[id]", "text": "old names",
               "updated_at": "[time]", "version": 1},
              {"client_id": null, "completed": false, "completed_at": null, "created_at": "[time]",
               "deleted_at": null, "description": null, "id": "[id]", "text": "a string",
               "updated_at": "[time]", "version": 1},
              {"client_id": null, "completed": false, "completed_at": null, "created_at": "[time]",
               "deleted_at": null, "description": null, "id": "[id]", "text": "a fraction",
               "updated_at": "[time]", "version": 1},
              {"client_id": null, "completed": false, "completed_at": null, "created_at": "[time]",
               "deleted_at": null, "description": null, "id": "[id]", "text": "even an empty string",
               "updated_at": "[time]", "version": 1},
              {"client_id": null, "completed": false, "completed_at": null, "created_at": "[time]",
               "deleted_at": null, "description": null, "id": "[id]", "text": "a UUID stays",
               "updated_at": "[time]", "version": 1}],
             "existing": []}
        "#]]
        .assert_eq(&first.to_string());
        let again = ann.post(BULK, list.clone()).await.expect(201).json();
        assert_eq!((&again["created"], &again["existing"]), (&json!([]), &first.json()["created"]));
        assert_eq!(ann.get("/api/v1/todos").await.header("x-total-count"), "5");
        let ids = members(&again["existing"], "id");
        assert_eq!(ids[4], id(7));
        assert_eq!(first.json()["created"][0]["created_at"], "2019-05-01T08:00:00.000000Z");
        // The same ids of another user create other todos.
        let bob = server.client().register("bob@example.com").await.0;
        let other = ann.post(BULK, list.clone()).await.expect(201).json();
        assert_eq!(items(&other["existing"]).len(), 5);
        let bobs = bob.post(BULK, list).await.expect(201).json();
        assert_eq!(items(&bobs["created"]).len(), 5);
        assert_ne!(bobs["created"][0]["id"], ids[0]);
    }

    async fn one_bad_item_refuses_the_batch_and_each_bad_item_is_named(server: Server) {
        let ann = server.client().new_user().await;
        let body = json!({"todos": [{"text": "good"}, {"text": ""}, {"text": "good too"}, {"text": "x", "completed": 1}]});
        let refused = ann.post(BULK, body).await;
        expect![[r#"
            422
            content-type: application/problem+json
            cache-control: private, no-store
            {"detail": "text must not be blank",
             "details": {"errors": [{"code": "VALIDATION_004", "field": "text", "index": 1, "message": "text must not be blank"},
               {"code": "VALIDATION_006", "field": "completed", "index": 3,
                "message": "completed must be true or false"}],
              "field": "text"},
             "error_code": "VALIDATION_004"}
        "#]]
        .assert_eq(&refused.to_string());
        assert_eq!(members(&refused.json()["details"]["errors"], "index"), json!([1, 3]));
        assert_eq!(ann.get("/api/v1/todos").await.header("x-total-count"), "0");
    }

    async fn an_id_in_use_with_other_content_refuses_all(server: Server) {
        let ann = server.client().new_user().await;
        let taken = add(&ann, "taken").await;
        let body = json!({"todos": [{"text": "good"}, {"id": taken["id"], "text": "other"}]});
        let refused = ann.post(BULK, body).await;
        expect![[r#"
            409
            content-type: application/problem+json
            cache-control: private, no-store
            {"detail": "id is already in use, with other content",
             "details": {"errors": [{"code": "CONFLICT_003", "field": "id", "index": 1,
                "message": "id is already in use, with other content"}],
              "field": "id"},
             "error_code": "CONFLICT_003"}
        "#]]
        .assert_eq(&refused.to_string());
        assert_eq!(texts(&ann.get("/api/v1/todos").await.json()), ["taken"]);
        assert_eq!(ann.get(&at(&taken)).await.json(), taken);
        // An id twice in one request: the same content is one todo, other content a conflict.
        let same = json!({"todos": [{"id": id(1), "text": "x"}, {"id": id(1), "text": "x"}]});
        let same = ann.post(BULK, same).await.expect(201).json();
        assert_eq!((items(&same["created"]).len(), items(&same["existing"]).len()), (1, 1));
        let other = json!({"todos": [{"id": id(2), "text": "x"}, {"id": id(2), "text": "y"}]});
        ann.post(BULK, other).await.expect_problem(409, "CONFLICT_003");
        ann.get(&format!("/api/v1/todos/{}", id(2))).await.expect_problem(404, "RESOURCE_001");
    }
}
