//! Limits of a bulk request.

use blackbox_tests::{Database, Server, on_both_databases};
use serde_json::{Value, json};

use crate::support::{add, id, items, numbered};

const BULK: &str = "/api/v1/todos/bulk";

on_both_databases! {
    async fn a_batch_past_the_quota_is_refused_whole(server: Server) {
        let server = Server::start_with(server.database(), &[("MAX_TODOS_PER_USER", "10")]).await;
        let ann = server.client().new_user().await;
        add(&ann, "one").await;
        let refused = ann.post(BULK, numbered(10)).await;
        refused.expect_problem(409, "QUOTA_001");
        let bad = json!([{"field": "todos", "index": 9, "code": "QUOTA_001", "max": 10,
                          "message": "todos would exceed the account's limit of 10 todos"}]);
        assert_eq!(refused.json()["details"]["errors"], bad, "{refused}");
        assert_eq!(ann.get("/api/v1/todos").await.header("x-total-count"), "1");
        ann.post(BULK, numbered(9)).await.expect(201);
        // Existing todos do not count against the quota.
        assert_eq!(items(&ann.post(BULK, numbered(9)).await.expect(201).json()["existing"]).len(), 9);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_has_between_one_and_a_thousand_items() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    for method in [reqwest::Method::POST, reqwest::Method::PATCH] {
        let send = |body: Value| ann.send(ann.request(method.clone(), BULK).json(&body));
        send(numbered(1001)).await.expect_problem(413, "VALIDATION_010");
        let none = send(json!({"todos": []})).await;
        assert_eq!(none.status, 422, "{none}");
        assert_eq!(none.json()["details"]["field"], "todos");
        send(json!({})).await.expect_problem(422, "VALIDATION_004");
        send(json!({"todos": null})).await.expect_problem(422, "VALIDATION_004");
        send(json!({"todos": {}})).await.expect_problem(422, "VALIDATION_006");
        for item in [json!(null), json!(7), json!("x"), json!([])] {
            let refused = send(json!({"todos": [{"id": id(1), "text": "x"}, item]})).await;
            assert_eq!(refused.status, 422, "{refused}");
        }
    }
    assert_eq!(ann.get("/api/v1/todos").await.header("x-total-count"), "0");
}
