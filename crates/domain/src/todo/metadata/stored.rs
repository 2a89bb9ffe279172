//! The form of metadata in a store: JSON objects, written and taken apart without interpreting a
//! value.

use std::iter;

/// Appends one member to the JSON object that is being written to `text`.
pub fn push_member(text: &mut String, key: &str, value: &str) {
    text.push(if text.is_empty() { '{' } else { ',' });
    text.push('"');
    for c in key.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            c => text.push(c),
        }
    }
    text.push_str("\":");
    text.push_str(value);
}

/// The members of the JSON object in `text`, in order: each key, and the text of its value. An item
/// is `None` where the text is not as [`push_member`] writes it.
pub fn members(text: &str) -> impl Iterator<Item = Option<(String, &str)>> {
    let mut rest = Some(text);
    let mut opening = '{';
    iter::from_fn(move || {
        let text = rest?;
        if text == "}" && opening == ',' {
            return None;
        }
        let read = text.strip_prefix(opening).and_then(member);
        opening = ',';
        rest = read.as_ref().map(|(_, _, rest)| *rest);
        Some(read.map(|(key, value, _)| (key, value)))
    })
}

/// Splits a member from the front of `text`.
fn member(text: &str) -> Option<(String, &str, &str)> {
    let (quoted, rest) = string(text)?;
    let (value, rest) = value(rest.strip_prefix(':')?)?;
    Some((unescaped(&quoted[1..quoted.len() - 1]), value, rest))
}

/// The inverse of the escaping in [`push_member`].
fn unescaped(text: &str) -> String {
    let mut chars = text.chars();
    iter::from_fn(|| match chars.next()? {
        '\\' => chars.next(),
        c => Some(c),
    })
    .collect()
}

/// Splits a string, its quotes included, from the front of `text`.
fn string(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    for (index, c) in text.strip_prefix('"')?.char_indices() {
        match c {
            '"' if !escaped => return Some(text.split_at(index + 2)),
            c => escaped = c == '\\' && !escaped,
        }
    }
    None
}

/// Splits one JSON value without white space around it from the front of `text`. It finds the end
/// of the value and does not check what is inside.
pub fn value(text: &str) -> Option<(&str, &str)> {
    let (mut rest, mut depth) = (text, 0_usize);
    loop {
        let first = rest.chars().next()?;
        rest = match first {
            '"' => string(rest)?.1,
            '{' | '[' => {
                depth += 1;
                &rest[1..]
            }
            '}' | ']' => {
                depth = depth.checked_sub(1)?;
                &rest[1..]
            }
            ',' | ':' if depth > 0 => &rest[1..],
            ',' | ':' => return None,
            _ => rest.trim_start_matches(|c| !matches!(c, '"' | '{' | '[' | '}' | ']' | ',' | ':')),
        };
        if depth == 0 {
            return Some(text.split_at(text.len() - rest.len()));
        }
    }
}
