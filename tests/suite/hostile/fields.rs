//! Each field of each request with each kind of wrong value.

use blackbox_tests::{Answer, on_both_databases};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::support::{add, at, everything, id};

/// Values that are wrong for most fields. Some of the strings are valid where a field is a text.
fn wrong_values() -> Vec<Value> {
    let mut deep = json!(1);
    for _ in 0..50 {
        deep = json!([deep]);
    }
    vec![
        json!({}),
        json!([]),
        json!([1]),
        json!({"a": 1}),
        deep,
        json!(true),
        json!(-1),
        json!(0),
        json!(1.5),
        json!(1e300),
        json!(-1e300),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(""),
        json!(" "),
        json!("\u{0}"),
        json!("a\u{0}b"),
        json!("\u{7f}"),
        json!("\u{85}"),
        json!("\u{1b}[31m"),
        json!("x".repeat(20_000)),
        json!("0000-01-01T00:00:00Z"),
        json!("-0001-01-01T00:00:00Z"),
        json!("10000-01-01T00:00:00Z"),
        json!("9999-12-31T23:59:60Z"),
        json!("2026-02-30T00:00:00Z"),
        json!("2026-01-01T25:00:00Z"),
        json!("2026-01-01"),
        json!("2026-01-01T00:00:00+99:99"),
        json!("../../etc/passwd"),
        json!("'; DROP TABLE todos; --"),
        json!("{{7*7}}${7*7}"),
        json!("\u{feff}"),
        json!("\u{202e}gnirts"),
        json!("00000000-0000-0000-0000-000000000000"),
        json!("9999-12-31T23:59:59.999999Z"),
        json!("0001-01-01T00:00:00Z"),
    ]
}

/// Requests whose fields are valid; the test replaces one field at a time.
fn requests(todo: &Value) -> Vec<(Method, String, Value)> {
    let item = json!({"id": id(900), "text": "x", "description": "y", "completed": false, "client_id": "c",
                      "created_at": "2020-01-01T00:00:00Z"});
    let change = json!({"id": todo["id"], "text": "never", "description": "y", "completed": true, "client_id": "c",
                        "version": 77, "updated_at": "2020-01-01T00:00:00Z", "deleted": false, "deleted_at": null,
                        "created_at": "2020-01-01T00:00:00Z"});
    let bulk = |item: &Value| json!({"todos": [item]});
    vec![
        (Method::POST, "/api/v1/todos".into(), item.clone()),
        (Method::PATCH, at(todo), change.clone()),
        (Method::POST, "/api/v1/todos/bulk".into(), bulk(&item)),
        (Method::PATCH, "/api/v1/todos/bulk".into(), bulk(&change)),
        (Method::POST, "/api/v1/todos/sync".into(), bulk(&change)),
        (
            Method::POST,
            "/api/v1/todos/sync".into(),
            json!({"last_sync": null, "strategy": "manual", "client_id": "c", "limit": 10, "epoch": null, "todos": []}),
        ),
        (
            Method::POST,
            "/api/v1/auth/register".into(),
            json!({"email": "eve@example.com", "password": "Correct-Horse-7", "display_name": "Eve", "client_id": "c"}),
        ),
        (
            Method::POST,
            "/api/v1/auth/login".into(),
            json!({"email": "eve@example.com", "password": "Correct-Horse-7", "client_id": "c"}),
        ),
        (Method::POST, "/api/v1/auth/refresh".into(), json!({"refresh_token": "x"})),
        (
            Method::POST,
            "/api/v1/auth/change-password".into(),
            json!({"current_password": "Wrong-Horse-7", "new_password": "Other-Horse-8"}),
        ),
        (Method::PATCH, "/api/v1/users/me".into(), json!({"display_name": "Ann"})),
    ]
}

/// Copies of the body with one field replaced by `value`, at the top level or in its only todo, each
/// with the field's name.
fn replacing_each_field(body: &Value, value: &Value) -> Vec<(String, Value)> {
    let object = |body: &Value| body.as_object().cloned().unwrap_or_default();
    let replace = |fields: &Map<String, Value>| {
        let names: Vec<_> = fields.keys().cloned().collect();
        names
            .into_iter()
            .map(|name| {
                let mut fields = fields.clone();
                fields.insert(name.clone(), value.clone());
                (name, Value::Object(fields))
            })
            .collect::<Vec<_>>()
    };
    let mut all = replace(&object(body));
    let item = object(&body["todos"][0]);
    all.extend(replace(&item).into_iter().map(|(name, item)| (name, json!({"todos": [item]}))));
    all
}

fn check(answer: &Answer, what: &str) {
    assert!(answer.status < 500, "{what}: {answer}");
    if answer.status >= 400 {
        answer.expect_problem(answer.status, &answer.code());
        assert!(!answer.code().is_empty(), "{what}: {answer}");
    }
}

on_both_databases! {
    async fn no_value_of_any_field_causes_a_server_error_or_a_partial_write(server: Server) {
        let ann = server.client().new_user().await;
        let todo = add(&ann, "untouched").await;
        for (method, path, valid) in requests(&todo) {
            for value in wrong_values() {
                for (name, body) in replacing_each_field(&valid, &value) {
                    if name == "all" || (path.ends_with("register") && name != "password") {
                        // Skips strings that may be valid: each registration costs a password hash.
                        if value.is_string() {
                            continue;
                        }
                    }
                    let answer = ann.send(ann.request(method.clone(), &path).json(&body)).await;
                    let what = format!("{method} {path} {name} = {:.80}", value.to_string());
                    check(&answer, &what);
                }
            }
        }
        // A read returns every accepted todo as the sync does.
        let all = everything(&ann).await;
        for todo in all.as_array().expect("a list") {
            let read = ann.get(&format!("{}?include_deleted=true", at(todo))).await.expect(200).json();
            assert_eq!(&read, todo);
        }
        assert!(!server.logs().contains("panicked"), "{}", server.logs());
    }

    async fn dates_at_the_edges_of_the_calendar_are_stored_or_refused(server: Server) {
        let ann = server.client().new_user().await;
        for (date, kept) in [
            ("0001-01-01T00:00:00Z", Some("0001-01-01T00:00:00.000000Z")),
            ("1969-12-31T23:59:59.999999Z", Some("1969-12-31T23:59:59.999999Z")),
            ("2016-12-31T23:59:59.1234567891Z", Some("2016-12-31T23:59:59.123456Z")),
            ("2020-01-01t00:00:00z", Some("2020-01-01T00:00:00.000000Z")),
            ("0000-12-31T23:59:59Z", None),
            ("0001-01-01T00:00:00+01:00", None),
            ("10000-01-01T00:00:00Z", None),
            ("9999-12-31T23:59:59-01:00", None),
            ("2020-01-01T00:00:00", Some("2020-01-01T00:00:00.000000Z")),
            ("2020-13-01T00:00:00Z", None),
        ] {
            let answer = ann.post("/api/v1/todos", json!({"text": "x", "created_at": date})).await;
            match kept {
                Some(kept) => assert_eq!(answer.expect(201).json()["created_at"], kept, "{date}"),
                None => answer.expect_problem(422, "VALIDATION_006"),
            }
        }
        // The present replaces a date in the future.
        let answer = ann
            .post("/api/v1/todos", json!({"text": "x", "created_at": "9999-12-31T23:59:59.999999Z"}))
            .await;
        let todo = answer.expect(201).json();
        assert_eq!(todo["created_at"], todo["updated_at"]);
        ann.get("/api/v1/todos?sort=oldest").await.expect(200);
    }
}
