//! Changing todos in bulk.

use blackbox_tests::{Database, Server, on_both_databases};
use expect_test::expect;
use serde_json::{Value, json};

use crate::support::{UNKNOWN, add, at, id, items, members, numbered};

const BULK: &str = "/api/v1/todos/bulk";

on_both_databases! {
    async fn each_item_is_updated_in_conflict_or_not_found(server: Server) {
        let ann = server.client().new_user().await;
        let (milk, bread, gone) =
            (add(&ann, "milk").await, add(&ann, "bread").await, add(&ann, "gone").await);
        ann.patch(&at(&bread), json!({"text": "rye bread"})).await.expect(200);
        ann.delete(&at(&gone)).await.expect(204);
        let body = json!({"todos": [
            {"id": milk["id"], "version": 1, "completed": true, "client_id": "phone"},
            {"id": bread["id"], "version": 1, "text": "white bread"},
            {"id": UNKNOWN, "text": "nowhere"},
            {"id": gone["id"], "text": "no more"},
        ]});
        let answer = ann.patch(BULK, body).await;
        expect![[r#"
            200
            cache-control: private, no-store
            {"conflicts": [{"applied_fields": [], "client_data": {"id": "[id]", "text": "white bread", "version": 1},
               "client_version": 1, "fields": ["text"], "id": "[id]", "resolution_strategy": "manual",
               "resolved": null,
               "server_data": {"client_id": null, "completed": false, "completed_at": null,
                "created_at": "[time]", "deleted_at": null, "description": null, "id": "[id]", "metadata": {},
                "text": "rye bread", "updated_at": "[time]", "version": 2},
               "server_version": 2}],
             "not_found": ["[id]", "[id]"], "rejected": [],
             "updated": [{"client_id": "phone", "completed": true, "completed_at": "[time]", "created_at": "[time]",
               "deleted_at": null, "description": null, "id": "[id]", "metadata": {}, "text": "milk",
               "updated_at": "[time]", "version": 2}]}
        "#]]
        .assert_eq(&answer.to_string());
        assert_eq!(answer.json()["not_found"], json!([UNKNOWN, gone["id"]]));
        assert_eq!(ann.get(&at(&bread)).await.json()["text"], "rye bread");
    }

    async fn a_thousand_are_changed_in_one_request_and_a_retry_changes_nothing(server: Server) {
        let ann = server.client().new_user().await;
        ann.post(BULK, numbered(1000)).await.expect(201);
        let changes: Vec<Value> =
            (0..1000).map(|n| json!({"id": id(n), "version": 1, "completed": true})).collect();
        let first = ann.patch(BULK, json!({"todos": changes})).await.expect(200).json();
        assert_eq!(items(&first["updated"]).len(), 1000);
        let again = ann.patch(BULK, json!({"todos": changes})).await.expect(200).json();
        assert_eq!((&again["updated"], &again["conflicts"]), (&first["updated"], &json!([])));
    }

    /// The server commits the list in parts.
    async fn a_later_change_of_a_todo_builds_on_the_first_one_however_long_the_list_is(server: Server) {
        let ann = server.client().new_user().await;
        ann.post(BULK, numbered(600)).await.expect(201);
        let mut changes: Vec<Value> =
            (0..600).map(|n| json!({"id": id(n), "version": 1, "completed": true})).collect();
        changes.push(json!({"id": id(0), "version": 1, "text": "again"}));
        let answer = ann.patch(BULK, json!({"todos": changes})).await.expect(200).json();
        let sent: Vec<_> = changes.iter().map(|change| &change["id"]).collect();
        let updated: Vec<_> = items(&answer["updated"]).iter().map(|todo| &todo["id"]).collect();
        assert_eq!((updated, &answer["conflicts"]), (sent, &json!([])));
        let last = &answer["updated"][600];
        assert_eq!((&last["version"], &last["completed"], &last["text"]), (&json!(3), &json!(true), &json!("again")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_item_refuses_the_request_and_is_named() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let milk = add(&ann, "milk").await;
    let body = json!({"todos": [{"id": milk["id"], "text": "oat milk"}, {"text": "no id"}, {"id": milk["id"], "text": ""}]});
    let refused = ann.patch(BULK, body).await;
    expect![[r#"
        422
        content-type: application/problem+json
        cache-control: private, no-store
        {"detail": "id is required",
         "details": {"errors": [{"code": "VALIDATION_004", "field": "id", "index": 1, "message": "id is required"},
           {"code": "VALIDATION_004", "field": "text", "index": 2, "message": "text must not be blank"}],
          "field": "id"},
         "error_code": "VALIDATION_004"}
    "#]]
    .assert_eq(&refused.to_string());
    assert_eq!(members(&refused.json()["details"]["errors"], "index"), json!([1, 2]));
    assert_eq!(ann.get(&at(&milk)).await.json(), milk);
}
