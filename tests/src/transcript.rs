//! What differs from run to run, replaced by what it is.

use serde_json::Value;

/// The body with ids, instants and tokens replaced.
pub fn json(body: Value) -> Value {
    match body {
        Value::String(string) => Value::String(text(&string)),
        Value::Array(items) => Value::Array(items.into_iter().map(json).collect()),
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .map(|(name, value)| {
                    let value = match (name.as_str(), &value) {
                        ("access_token", Value::String(_)) => "[access token]".into(),
                        ("refresh_token", Value::String(_)) => "[refresh token]".into(),
                        ("request_id", Value::String(_)) => "[request id]".into(),
                        _ => json(value),
                    };
                    (text(&name), value)
                })
                .collect(),
        ),
        other => other,
    }
}

/// The text with ids and instants replaced.
pub fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if rest.get(..36).is_some_and(is_uuid) {
            out.push_str("[id]");
            rest = &rest[36..];
        } else if rest.get(..27).is_some_and(is_instant) {
            out.push_str("[time]");
            rest = &rest[27..];
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

fn is_uuid(text: &str) -> bool {
    text.char_indices()
        .all(|(i, c)| if matches!(i, 8 | 13 | 18 | 23) { c == '-' } else { c.is_ascii_hexdigit() })
}

/// `2026-01-09T10:15:00.000000Z`, the only form in which the server writes instants.
fn is_instant(text: &str) -> bool {
    text.chars().zip("0000-00-00T00:00:00.000000Z".chars()).all(|(c, form)| match form {
        '0' => c.is_ascii_digit(),
        form => c == form,
    })
}
