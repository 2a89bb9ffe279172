//! The components that a part of the document needs.

use std::collections::BTreeSet;

use serde_json::Value;
use utoipa::openapi::Components;

/// Keeps the schemas and responses that `part` refers to, directly or through others.
pub(super) fn keep_needed(components: &mut Components, part: &Value) {
    let all = serde_json::json!({ "components": components });
    let mut needed = BTreeSet::new();
    collect(part, &all, &mut needed);
    let is_needed = |section: &str, name: &str| needed.contains(&format!("/components/{section}/{name}"));
    components.schemas.retain(|name, _| is_needed("schemas", name));
    components.responses.retain(|name, _| is_needed("responses", name));
}

/// Adds the JSON pointers of what `value` refers to.
fn collect(value: &Value, all: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(pointer) =
                members.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix('#'))
                && found.insert(pointer.to_owned())
            {
                collect(all.pointer(pointer).unwrap_or(&Value::Null), all, found);
            }
            members.values().for_each(|member| collect(member, all, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, all, found)),
        _ => {}
    }
}
