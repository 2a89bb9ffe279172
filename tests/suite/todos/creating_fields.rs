//! Validation of a new todo.

use blackbox_tests::{Database, Server};
use expect_test::expect;
use serde_json::{Value, json};

use crate::support::{check_each, items, members};

const TODOS: &str = "/api/v1/todos";

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_field_of_a_todo_is_reported_at_once() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let body = json!({"id": "x".repeat(300), "text": " ", "description": "x".repeat(10_001), "completed": "yes",
                      "client_id": "x".repeat(101), "created_at": "yesterday"});
    let refused = ann.post(TODOS, body).await;
    expect![[r#"
        422
        content-type: application/problem+json
        cache-control: private, no-store
        {"detail": "text must not be blank",
         "details": {"errors": [{"code": "VALIDATION_004", "field": "text", "message": "text must not be blank"},
           {"code": "VALIDATION_005", "field": "description", "got": 10001, "max": 10000,
            "message": "description must be at most 10000 characters long; it has 10001"},
           {"code": "VALIDATION_006", "field": "completed", "message": "completed must be true or false"},
           {"code": "VALIDATION_005", "field": "client_id", "got": 101, "max": 100,
            "message": "client_id must be at most 100 characters long; it has 101"},
           {"code": "VALIDATION_006", "field": "created_at",
            "message": "created_at must be an RFC 3339 timestamp of the years 1 to 9999, such as [time]"}],
          "field": "text"},
         "error_code": "VALIDATION_004"}
    "#]]
    .assert_eq(&refused.to_string());
    let codes = members(&refused.json()["details"]["errors"], "code");
    assert!(items(&codes).contains(&json!("VALIDATION_005")), "{codes}");
    let cases = [
        (json!({}), "text", "VALIDATION_004"),
        (json!({"text": null}), "text", "VALIDATION_004"),
        (json!({"text": "\u{3000}\u{a0}"}), "text", "VALIDATION_004"),
        (json!({"text": 7}), "text", "VALIDATION_006"),
        (json!({"text": "x".repeat(501)}), "text", "VALIDATION_005"),
        (json!({"text": "bell \u{7}"}), "text", "VALIDATION_006"),
        (json!({"text": "\u{200b}\u{ad}\u{feff}"}), "text", "VALIDATION_004"),
        (json!({"text": "x", "description": "escape \u{1b}"}), "description", "VALIDATION_006"),
        (json!({"text": "x", "client_id": " "}), "client_id", "VALIDATION_004"),
    ];
    check_each(cases, async |(body, field, code)| {
        let refused = ann.post(TODOS, body.clone()).await;
        refused.expect_problem(422, code);
        assert_eq!(refused.json()["details"]["field"], *field, "{refused}");
    })
    .await;
    assert_eq!(ann.get(TODOS).await.header("x-total-count"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn characters_count_not_bytes() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let body =
        json!({"text": "🥛".repeat(500), "description": "é".repeat(10_000), "client_id": "ü".repeat(100)});
    ann.post(TODOS, body).await.expect(201);
    let empty = ann.post(TODOS, json!({"text": "x", "description": ""})).await.expect(201).json();
    assert_eq!(empty["description"], "");
    let absent =
        ann.post(TODOS, json!({"text": "x", "description": null, "id": null})).await.expect(201).json();
    assert_eq!(absent["description"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_contract_takes_the_line_breaks_of_a_form_and_keeps_newlines() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let typed = "milk\r\nbread\rrye\u{2028}eggs";
    for (path, title) in [(TODOS, "text"), ("/todos", "title"), ("/api/tasks", "title")] {
        let body = json!({title: format!("\u{feff}{typed}\r\n"), "description": typed});
        let todo = ann.post(path, body).await.expect(201).json();
        assert_eq!(todo[title], "milk\nbread\nrye\neggs", "{path}");
        assert_eq!(todo["description"], "milk\nbread\nrye\neggs", "{path}");
    }
}
