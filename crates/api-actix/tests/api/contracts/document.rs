//! The OpenAPI document.

use std::collections::BTreeSet;

use api_actix::openapi_document;
use serde_json::Value;

#[test]
fn every_operation_has_a_unique_id_and_declares_the_statuses_of_its_surface() {
    let document = serde_json::to_value(openapi_document()).expect("JSON");
    let mut names = BTreeSet::new();
    let mut count = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            let Some(name) = operation["operationId"].as_str() else { continue };
            count += 1;
            assert!(names.insert(name.to_owned()), "{name} twice");
            let responses = operation["responses"].as_object().expect("responses");
            let has = |status: &str| responses.contains_key(status);
            let (body, secured) =
                (operation.get("requestBody").is_some(), operation["security"] != Value::Array(vec![]));
            let tag = operation["tags"][0].as_str().expect("a tag");
            if !tag.ends_with("contract") {
                continue;
            }
            let tasks = path.starts_with("/api/");
            assert_eq!(has("400"), body || (tasks && name.starts_with("list")), "{method} {path}");
            assert_eq!(has("422"), !tasks && (body || name.starts_with("list")), "{method} {path}");
            assert!(has("500") && !has("503") && has("429") && has("default"), "{method} {path}");
            assert!(!secured || (has("401") && has("403")), "{method} {path}");
        }
    }
    assert_eq!(names.len(), count);
    for name in [
        "tokenRegister",
        "bulkCreateTodos",
        "verifyMagicLink",
        "listTodoItems",
        "listTasks",
        "signUp",
        "listUserTasks",
        "toggleUserTask",
    ] {
        assert!(names.contains(name), "{name}");
    }
}

#[test]
fn every_reference_resolves() {
    let document = serde_json::to_value(openapi_document()).expect("JSON");
    let text = document.to_string();
    for part in text.split("\"#/").skip(1) {
        let pointer = format!("/{}", part.split('"').next().expect("a reference"));
        assert!(document.pointer(&pointer).is_some(), "{pointer}");
    }
}

#[test]
fn every_request_and_success_body_has_an_example() {
    let document = serde_json::to_value(openapi_document()).expect("JSON");
    let mut examples = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            let responses = operation["responses"].as_object().expect("responses");
            let successes = responses.iter().filter(|(status, _)| status.starts_with('2'));
            for body in successes.map(|(_, response)| response).chain([&operation["requestBody"]]) {
                let Some(json) = body["content"].get("application/json") else { continue };
                assert!(!json["example"].is_null(), "{method} {path}");
                examples += 1;
            }
        }
    }
    assert!(examples > 60, "{examples}");
    let task = &document["paths"]["/api/tasks"]["get"]["responses"]["200"]["content"]["application/json"]["example"]
        [0];
    assert_eq!((&task["id"], &task["title"]), (&serde_json::json!(17), &serde_json::json!("Buy milk")));
}

/// Client generators turn a property with a default into a mandatory one.
#[test]
fn no_property_has_a_default() {
    let document = serde_json::to_value(openapi_document()).expect("JSON");
    let mut members = 0;
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        for (member, schema) in schema["properties"].as_object().into_iter().flatten() {
            assert!(schema.get("default").is_none(), "{name}.{member}");
            members += 1;
        }
    }
    assert!(members > 100, "{members}");
}
