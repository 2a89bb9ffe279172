//! Limits of a bulk request.

use blackbox_tests::{Database, Server, on_both_databases};
use serde_json::{Value, json};

use crate::support::{add, id, items, members, numbered};

const BULK: &str = "/api/v1/todos/bulk";

on_both_databases! {
    async fn what_fits_into_the_quota_is_created_and_the_rest_rejected(server: Server) {
        let server = Server::start_with(server.database(), &[("MAX_TODOS_PER_USER", "10")]).await;
        let ann = server.client().new_user().await;
        add(&ann, "one").await;
        let imported = ann.post(BULK, numbered(11)).await.expect(201).json();
        assert_eq!(items(&imported["created"]).len(), 9);
        let rejected = &imported["rejected"];
        assert_eq!(members(rejected, "error_code"), json!(["QUOTA_001", "QUOTA_001"]));
        assert_eq!((members(rejected, "index"), members(rejected, "id")), (json!([9, 10]), json!([id(9), id(10)])));
        assert_eq!(rejected[0]["message"], "todos would exceed the account's limit of 10 todos");
        // Existing todos do not count against the quota.
        assert_eq!(items(&ann.post(BULK, numbered(10)).await.expect(201).json()["existing"]).len(), 9);
        let refused = ann.post(BULK, json!({"todos": [{"text": "more"}, {"text": "and more"}]})).await;
        refused.expect_problem(409, "QUOTA_001");
        let bad = |index| json!({"field": "todos", "index": index, "code": "QUOTA_001", "max": 10,
                                 "message": "todos would exceed the account's limit of 10 todos"});
        assert_eq!(refused.json()["details"]["errors"], json!([bad(0), bad(1)]), "{refused}");
    }

    async fn ten_thousand_todos_are_imported_at_once(server: Server) {
        let ann = server.client().new_user().await;
        let list = |count: usize| {
            let todos: Vec<_> = (0..count)
                .map(|n| json!({"id": n, "text": format!("todo {n}"), "createdAt": 1_556_697_600_000_usize + n}))
                .collect();
            json!({"todos": todos})
        };
        ann.post(BULK, list(10_001)).await.expect_problem(413, "VALIDATION_010");
        // A part of the list is there already, as after a crash in the middle of an import.
        ann.post(BULK, list(1500)).await.expect(201);
        let imported = ann.post(BULK, list(10_000)).await.expect(201).json();
        let counts = ["created", "existing", "rejected"].map(|list| items(&imported[list]).len());
        assert_eq!(counts, [8500, 1500, 0]);
        assert_eq!(imported["ids"].as_object().map(serde_json::Map::len), Some(10_000));
        assert_eq!(ann.get("/api/v1/todos").await.header("x-total-count"), "10000");
        let again = ann.post(BULK, list(10_000)).await.expect(201).json();
        assert_eq!((items(&again["existing"]).len(), &again["ids"]), (10_000, &imported["ids"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_request_has_at_least_one_item_and_a_bulk_change_at_most_a_thousand() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    for method in [reqwest::Method::POST, reqwest::Method::PATCH] {
        let send = |body: Value| ann.send(ann.request(method.clone(), BULK).json(&body));
        let none = send(json!({"todos": []})).await;
        assert_eq!(none.status, 422, "{none}");
        assert_eq!(none.json()["details"]["field"], "todos");
        send(json!({})).await.expect_problem(422, "VALIDATION_004");
        send(json!({"todos": null})).await.expect_problem(422, "VALIDATION_004");
        send(json!({"todos": {}})).await.expect_problem(422, "VALIDATION_006");
        for item in [json!(null), json!(7), json!("x"), json!([])] {
            let refused = send(json!({"todos": [item]})).await;
            assert_eq!(refused.status, 422, "{refused}");
        }
    }
    ann.patch(BULK, numbered(1001)).await.expect_problem(413, "VALIDATION_010");
    assert_eq!(ann.get("/api/v1/todos").await.header("x-total-count"), "0");
}
