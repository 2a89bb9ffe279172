//! An example of every body: what its schema gives as one, or one made of the examples of its members.

use serde_json::{Map, Value, json};
use utoipa::openapi::content::Content;
use utoipa::openapi::{OpenApi, RefOr};

const JSON: &str = "application/json";
/// An id and an instant where a schema gives none of its own.
const ID: &str = "0190163d-8694-739b-aea5-966c26f8ad91";
const INSTANT: &str = "2026-01-09T10:15:00.000000Z";

/// Adds the examples of requests and successes.
pub(super) fn finish(document: &mut OpenApi) {
    let schemas = serde_json::to_value(&document.components).unwrap_or_default();
    for item in document.paths.paths.values_mut() {
        for operation in super::finish::operations(item) {
            if let Some(RefOr::T(body)) = &mut operation.request_body {
                add(body.content.get_mut(JSON), &schemas);
            }
            for (_, response) in operation.responses.responses.iter_mut().filter(|(s, _)| s.starts_with('2'))
            {
                if let RefOr::T(response) = response {
                    add(response.content.get_mut(JSON), &schemas);
                }
            }
        }
    }
}

fn add(content: Option<&mut RefOr<Content>>, components: &Value) {
    if let Some(RefOr::T(content)) = content
        && content.example.is_none()
        && let Some(schema) = &content.schema
    {
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
        // What may be null.
        _ => Value::Null,
    }
}
