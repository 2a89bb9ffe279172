//! An example of every body: the example of its schema, or one composed of the examples of its members.

use serde_json::{Map, Value, json};
use utoipa::openapi::content::Content;
use utoipa::openapi::{OpenApi, RefOr};

const JSON: &str = "application/json";
/// The id and the timestamp of schemas without an example of their own.
const ID: &str = "0190163d-8694-739b-aea5-966c26f8ad91";
const INSTANT: &str = "2026-01-09T10:15:00.000000Z";

/// Adds examples to request bodies and successful responses.
pub(super) fn finish(document: &mut OpenApi) {
    let schemas = serde_json::to_value(&document.components).unwrap_or_default();
    for item in document.paths.paths.values_mut() {
        for operation in super::finish::operations(item) {
            let request = operation.request_body.iter_mut().filter_map(|body| match body {
                RefOr::T(body) => body.content.get_mut(JSON),
                RefOr::Ref(_) => None,
            });
            let responses = operation.responses.responses.iter_mut();
            let successes = responses.filter(|(status, _)| status.starts_with('2'));
            let answers = successes.filter_map(|(_, response)| match response {
                RefOr::T(response) => response.content.get_mut(JSON),
                RefOr::Ref(_) => None,
            });
            for content in request.chain(answers) {
                if let RefOr::T(content) = content {
                    add(content, &schemas);
                }
            }
        }
    }
}

fn add(content: &mut Content, components: &Value) {
    if let (None, Some(schema)) = (&content.example, &content.schema) {
        content.example = Some(example(&serde_json::to_value(schema).unwrap_or_default(), components));
    }
}

fn example(schema: &Value, components: &Value) -> Value {
    let of = |schema: &Value| example(schema, components);
    if let Some(given) = schema.get("example").or_else(|| schema["enum"].get(0)) {
        return given.clone();
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        return of(&components["schemas"][name]);
    }
    if let Some(one) = schema["oneOf"].get(0) {
        return of(one);
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let members = parts.iter().map(of).filter_map(|part| part.as_object().cloned());
        return members.flatten().collect::<Map<_, _>>().into();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let members = schema["properties"].as_object().into_iter().flatten();
            members.map(|(name, member)| (name.clone(), of(member))).collect::<Map<_, _>>().into()
        }
        Some("array") => json!([of(&schema["items"])]),
        Some("boolean") => json!(false),
        Some("integer") => schema.get("minimum").cloned().unwrap_or(json!(0)),
        Some("string") => json!(match schema["format"].as_str() {
            Some("uuid") => ID,
            Some("date-time") => INSTANT,
            _ => "text",
        }),
        // A nullable type.
        _ => Value::Null,
    }
}
