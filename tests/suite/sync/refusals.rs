//! What a sync refuses: single todos, without affecting the others, or the whole request.

use blackbox_tests::{Database, Server, on_both_databases};
use expect_test::expect;
use serde_json::{Value, json};

use crate::support::{everything, id, items, members, sync, texts};

const SYNC: &str = "/api/v1/todos/sync";

on_both_databases! {
    async fn invalid_todos_are_rejected_without_affecting_the_others(server: Server) {
        let ann = server.client().new_user().await;
        let body = json!({"todos": [
            {"id": id(1), "text": "one"},
            {"id": id(2)},
            {"id": id(3), "text": "   "},
            {"id": id(4), "text": "x".repeat(501)},
            {"id": id(5), "text": 7},
            {"id": id(6), "text": "x", "completed": "yes"},
            {"id": id(7), "text": "x", "version": "1"},
            {"id": id(8), "text": "x", "updated_at": "yesterday"},
            {"id": id(9), "text": "x", "description": "a\u{0}b"},
            {"id": id(10), "text": "x", "client_id": "y".repeat(101)},
            {"id": id(11), "text": "x", "created_at": "0000-01-01T00:00:00Z"},
            {"id": id(12), "text": null},
            {"id": id(13), "text": "x", "deleted": "no"},
            {"id": id(14), "text": "last"},
        ]});
        let answer = sync(&ann, body).await;
        assert_eq!(answer["applied"], json!([id(1), id(14)]));
        assert_eq!(answer["conflicts"], json!([]));
        let rejected = items(&answer["rejected"]).iter().map(|one| {
            format!(
                "{} {}",
                one["error_code"].as_str().unwrap_or("?"),
                one["message"].as_str().unwrap_or("?")
            )
        });
        expect![[r#"
            VALIDATION_004 text is required to create a todo, or to restore one whose text is gone
            VALIDATION_004 text must not be blank
            VALIDATION_005 text must be at most 500 characters long; it has 501
            VALIDATION_006 text must be a string
            VALIDATION_006 completed must be true or false
            VALIDATION_006 version must be an integer between -9007199254740991 and 9007199254740991
            VALIDATION_006 updated_at must be an RFC 3339 timestamp of the years 1 to 9999, such as 2026-01-09T10:15:00.000000Z
            VALIDATION_006 description must not contain the control character U+0000
            VALIDATION_005 client_id must be at most 100 characters long; it has 101
            VALIDATION_006 created_at must be an RFC 3339 timestamp of the years 1 to 9999, such as 2026-01-09T10:15:00.000000Z
            VALIDATION_004 text is required to create a todo, or to restore one whose text is gone
            VALIDATION_006 deleted must be true or false"#]].assert_eq(&rejected.collect::<Vec<_>>().join("\n"));
        assert_eq!(members(&answer["rejected"], "id"), (2..=13).map(id).collect::<Value>());
        assert_eq!(texts(&everything(&ann).await), ["one", "last"]);
    }

    async fn a_change_after_an_invalid_one_of_the_same_todo_is_rejected_with_it(server: Server) {
        let ann = server.client().new_user().await;
        let body = json!({"todos": [
            {"id": id(1), "text": "x".repeat(501)},
            {"id": id(1).to_uppercase(), "text": "on top of it"},
            {"id": id(2), "text": "another todo"},
            {"id": id(1), "completed": true},
            {"id": id(1), "deleted": true},
            {"id": id(1), "text": "on top of the deletion"},
            {"id": id(3), "text": "before it"},
            {"id": id(3), "completed": "yes", "version": 1},
            {"id": id(3), "description": "after it", "version": 1},
        ]});
        let answer = sync(&ann, body).await;
        assert_eq!(answer["applied"], json!([id(2), id(1), id(3)]), "a deletion replaces what was there");
        assert_eq!(answer["versions"][id(1)], 0);
        assert_eq!(members(&answer["rejected"], "index"), json!([0, 1, 3, 5, 7, 8]));
        assert_eq!(members(&answer["rejected"], "id"), json!([id(1), id(1), id(1), id(1), id(3), id(3)]));
        let codes = ["VALIDATION_005"; 4].into_iter().chain(["VALIDATION_006"; 2]);
        assert_eq!(members(&answer["rejected"], "error_code"), codes.collect::<Value>());
        let stored = everything(&ann).await;
        assert_eq!(texts(&stored), ["another todo", "before it"]);
        assert_eq!(members(&stored, "description"), json!([null, null]));
    }

    async fn creations_beyond_the_quota_are_rejected_one_by_one(server: Server) {
        let server = Server::start_with(server.database(), &[("MAX_TODOS_PER_USER", "2")]).await;
        let ann = server.client().new_user().await;
        let todos: Vec<_> = (1..=3).map(|n| json!({"id": id(n), "text": format!("todo {n}")})).collect();
        let answer = sync(&ann, json!({"todos": todos})).await;
        assert_eq!(answer["applied"], json!([id(1), id(2)]));
        assert_eq!(members(&answer["rejected"], "error_code"), json!(["QUOTA_001"]));
        // A deletion in the same request makes room.
        let todos = json!([{"id": id(1), "deleted": true, "version": 1}, {"id": id(3), "text": "todo 3"}]);
        assert_eq!(sync(&ann, json!({"todos": todos})).await["applied"], json!([id(1), id(3)]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_todo_without_a_usable_id_is_rejected_alone() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let body = json!({"todos": [{"text": "no id"}, {"id": null, "text": "x"}, {"id": {}, "text": "x"}, {"id": id(1), "text": "good"}]});
    let answer = ann.post(SYNC, body).await;
    expect![[r#"
        200
        cache-control: private, no-store
        {"applied": ["[id]"], "conflicts": [], "digest": "[digest]", "epoch": "[id]", "has_more": false,
         "rejected": [{"error_code": "VALIDATION_004", "id": null, "index": 0, "message": "id is required"},
          {"error_code": "VALIDATION_004", "id": null, "index": 1, "message": "id is required"},
          {"error_code": "VALIDATION_006", "id": null, "index": 2, "message": "id must be a string"}],
         "server_changes": [], "stamps": {"[id]": "[time]"}, "sync_timestamp": "[time]",
         "versions": {"[id]": 1}}
    "#]]
    .assert_eq(&answer.to_string());
    assert_eq!(texts(&everything(&ann).await), ["good"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_request_is_refused_as_a_whole() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let good = json!({"id": id(1), "text": "good"});
    for (name, value) in [
        ("last_sync", json!("yesterday")),
        ("last_sync", json!(0)),
        ("last_sync", json!("0000-01-01T00:00:00Z")),
        ("last_sync", json!("10000-01-01T00:00:00Z")),
        ("strategy", json!("mine")),
        ("strategy", json!(1)),
        ("limit", json!(0)),
        ("limit", json!(1001)),
        ("limit", json!("ten")),
        ("limit", json!(-1)),
        ("limit", json!(1.5)),
        ("epoch", json!(7)),
        ("client_id", json!(7)),
        ("todos", json!({})),
        ("todos", json!("x")),
    ] {
        let mut body = json!({"todos": [good]});
        body[name] = value;
        let refused = ann.post(SYNC, body).await;
        refused.expect_problem(422, "VALIDATION_006");
        assert_eq!(refused.json()["details"]["field"], name, "{refused}");
    }
    let too_long = json!({"client_id": "x".repeat(101), "todos": [good]});
    ann.post(SYNC, too_long).await.expect_problem(422, "VALIDATION_005");
    let many: Vec<_> = (0..1001).map(|n| json!({"id": id(n), "text": "x"})).collect();
    ann.post(SYNC, json!({"todos": many})).await.expect_problem(413, "VALIDATION_010");
    assert_eq!(everything(&ann).await, json!([]));
}
