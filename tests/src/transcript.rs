//! Turns an answer into text that is the same in every run and short enough to read in a snapshot.

use reqwest::StatusCode;
use serde_json::{Map, Value};

/// The widest line of a rendered body, in bytes.
const WIDTH: usize = 100;

/// Replaces tokens, request ids, digests, UUIDs and instants by placeholders.
pub fn redact(body: Value) -> Value {
    match body {
        Value::String(string) => Value::String(redact_text(&string)),
        Value::Array(items) => Value::Array(items.into_iter().map(redact).collect()),
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .map(|(name, value)| {
                    let value = match (name.as_str(), &value) {
                        ("access_token", Value::String(_)) => "[access token]".into(),
                        ("refresh_token", Value::String(_)) => "[refresh token]".into(),
                        ("request_id", Value::String(_)) => "[request id]".into(),
                        ("digest", Value::String(_)) => "[digest]".into(),
                        _ => redact(value),
                    };
                    (redact_text(&name), value)
                })
                .collect(),
        ),
        other => other,
    }
}

/// Replaces UUIDs and instants by placeholders.
pub fn redact_text(text: &str) -> String {
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

/// How many members every problem has with a standard value.
pub const STANDARD_MEMBERS: usize = 6;

/// Removes the members of a problem that have their standard value; any other value stays visible.
pub fn without_standard_members(problem: &mut Map<String, Value>, status: u16, request_id: Option<&str>) {
    let title = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let detail = problem.get("detail").cloned();
    problem.retain(|name, value| match name.as_str() {
        "type" => value != "about:blank",
        "title" => value.as_str() != title,
        "status" => *value != status,
        "message" => Some(&*value) != detail.as_ref(),
        "request_id" => value.as_str() != request_id,
        "timestamp" => !value.as_str().is_some_and(is_instant),
        _ => true,
    });
}

/// Writes JSON with as many members on a line as fit into [`WIDTH`].
pub fn render(value: &Value) -> String {
    render_at(value, 0, 0)
}

/// Writes `value` from `column` on; its other lines are indented by more than `indent`.
fn render_at(value: &Value, indent: usize, column: usize) -> String {
    let inner = indent + 1;
    let (open, parts, close) = match value {
        Value::Array(items) => {
            ('[', items.iter().map(|item| render_at(item, inner, inner)).collect::<Vec<_>>(), ']')
        }
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                let name = format!("{}: ", Value::from(name.as_str()));
                format!("{name}{}", render_at(value, inner, inner + name.len()))
            };
            ('{', members.iter().map(member).collect(), '}')
        }
        scalar => return scalar.to_string(),
    };
    let (mut out, mut column) = (String::from(open), column + 1);
    for (n, part) in parts.iter().enumerate() {
        let one_line = !part.contains('\n');
        if n > 0 && one_line && column + part.len() + 3 <= WIDTH {
            out.push_str(", ");
            column += 2;
        } else if n > 0 {
            out.push_str(",\n");
            out.extend(std::iter::repeat_n(' ', inner));
            column = inner;
        }
        out.push_str(part);
        column = if one_line { column + part.len() } else { WIDTH };
    }
    out.push(close);
    out
}

fn is_uuid(text: &str) -> bool {
    text.char_indices()
        .all(|(i, c)| if matches!(i, 8 | 13 | 18 | 23) { c == '-' } else { c.is_ascii_hexdigit() })
}

/// Whether `text` is an instant as the server writes them: `2026-01-09T10:15:00.000000Z`.
fn is_instant(text: &str) -> bool {
    text.len() == 27
        && text.chars().zip("0000-00-00T00:00:00.000000Z".chars()).all(|(c, form)| match form {
            '0' => c.is_ascii_digit(),
            form => c == form,
        })
}
