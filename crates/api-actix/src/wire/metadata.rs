//! Metadata as JSON.
//!
//! The rule compares metadata as text, so values are canonicalised (RFC 8785) when they arrive: the
//! same value then has the same text, whatever its client wrote.

use std::borrow::Cow;

use domain::code::ErrorCode;
use domain::todo::{Metadata, MetadataEdit, MetadataError, MetadataKey, MetadataValue};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::openapi::schema::{AdditionalProperties, Object, ObjectBuilder, Type};

use crate::extract::{Entries, FieldError, Member, Validation};

/// The longest text of a value that is parsed, in bytes: far longer than the canonical text may be.
const MAX_UNPARSED: usize = 64 * 1024;

/// Parses the member `metadata`. Null is as good as absent.
pub fn metadata(validation: &mut Validation, member: Member<Entries<'_>>) -> MetadataEdit {
    let mut edit = MetadataEdit::new();
    for (name, json) in validation.optional("metadata", member, few).unwrap_or_default() {
        let Some(key) = validation.record("metadata", MetadataKey::parse(&name)) else { continue };
        let value = if json == "null" {
            Some(None)
        } else {
            validation.record(format!("metadata.{key}"), canonical(json)).map(Some)
        };
        edit.extend(value.map(|value| (key, value)));
    }
    edit
}

fn few(entries: Entries<'_>) -> Result<Vec<(String, &str)>, FieldError> {
    match entries {
        Entries::Few(entries) => Ok(entries),
        Entries::Many(got) => {
            let max = Entries::MAX;
            let message = format!("must name at most {max} keys; it names {got}");
            Err(FieldError::new(ErrorCode::ValueTooLong, message).with("max", max).with("got", got))
        }
    }
}

fn canonical(json: &str) -> Result<MetadataValue, FieldError> {
    if json.len() > MAX_UNPARSED {
        let (max, got) = (MetadataValue::MAX, json.chars().count());
        return Err(metadata_error(MetadataError::ValueTooLong { max, got }));
    }
    let value: Value = serde_json::from_str(json).map_err(|_| unreadable())?;
    if has_nul(&value) {
        return Err(FieldError::invalid("must not contain the character NUL"));
    }
    let text = serde_json_canonicalizer::to_string(&value).map_err(|_| unreadable())?;
    MetadataValue::from_canonical(&text).map_err(metadata_error)
}

/// The error of metadata that the rule does not accept.
pub fn metadata_error(error: MetadataError) -> FieldError {
    match error {
        MetadataError::NotCanonical => FieldError::invalid(error.to_string()),
        MetadataError::ValueTooLong { max, got }
        | MetadataError::TooManyKeys { max, got }
        | MetadataError::TooLarge { max, got } => {
            FieldError::new(ErrorCode::ValueTooLong, error.to_string()).with("max", max).with("got", got)
        }
    }
}

fn unreadable() -> FieldError {
    FieldError::invalid(
        "must be JSON of at most 127 levels, without lone surrogates, and with numbers in the range of a double",
    )
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(members) => members.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The metadata of a todo, as an object.
#[derive(Clone, Copy, Debug)]
pub struct MetadataObject<'a>(pub &'a Metadata);

impl Serialize for MetadataObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in self.0.entries() {
            // Stored values are JSON texts.
            let value: &RawValue = serde_json::from_str(value.as_str()).map_err(serde::ser::Error::custom)?;
            map.serialize_entry(key.as_str(), value)?;
        }
        map.end()
    }
}

/// The schema of metadata in a response.
pub fn metadata_schema() -> Object {
    object("What clients keep with the todo, such as a due date. The server does not interpret it.")
        .examples([serde_json::json!({"due": "2026-12-24"})])
        .build()
}

/// The schema of metadata in a request.
pub fn metadata_edit_schema() -> Object {
    object(
        "What clients keep with the todo, such as a due date: at most 50 keys of 1 to 64 characters and 8 KiB in all. A \
         value is JSON of any type, as canonical text at most 2,000 characters long. A key with a value is set, one \
         with null is removed, and an absent one remains unchanged. A request names at most 200 keys of a todo.",
    )
    .schema_type([Type::Object, Type::Null].into_iter().collect::<utoipa::openapi::schema::SchemaType>())
    .build()
}

fn object(description: &'static str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .additional_properties(Some(AdditionalProperties::FreeForm(true)))
        .description(Some(Cow::Borrowed(description)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(json: &str) -> Result<String, String> {
        canonical(json).map(|value| value.as_str().to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn equal_values_have_the_same_text() {
        for (json, expected) in [
            (r#"{"b": 1.0, "a": [true, null, "\u00e9\n"]}"#, "{\"a\":[true,null,\"é\\n\"],\"b\":1}"),
            ("1E2", "100"),
            ("-0", "0"),
            ("100000000000000000", "100000000000000000"),
            ("0.10", "0.1"),
            (r#""\u0041""#, r#""A""#),
        ] {
            assert_eq!(stored(json).as_deref(), Ok(expected), "{json}");
        }
    }

    #[test]
    fn what_canonical_json_can_not_hold_is_refused() {
        let deep = format!("{}{}", "[".repeat(128), "]".repeat(128));
        for json in [r#""\ud800""#, r#"{"\udc00": 1}"#, "1e400", r#""a\u0000b""#, r#"{"a\u0000": 1}"#, &deep]
        {
            assert!(stored(json).is_err(), "{json}");
        }
        let text = |length: usize| format!("\"{}\"", "é".repeat(length));
        assert!(stored(&text(1998)).is_ok());
        assert!(stored(&text(1999)).is_err_and(|error| error.contains("2000")));
        assert!(stored(&text(40_000)).is_err_and(|error| error.contains("2000")));
        assert!(stored(&format!("\"{}\"", "\\u00e9".repeat(1998))).is_ok());
    }

    #[test]
    fn each_bad_key_and_value_is_named() {
        let long = "k".repeat(65);
        let entries = vec![
            ("good".to_owned(), "1"),
            ("gone".to_owned(), "null"),
            (String::new(), "1"),
            (long, "1"),
            ("tab\t".to_owned(), "1"),
            ("big".to_owned(), "1e400"),
        ];
        let mut validation = Validation::default();
        let edit = metadata(&mut validation, Member::Value(Entries::Few(entries)));
        let kept: Vec<_> = edit.iter().map(|(key, value)| (key.as_str(), value.is_some())).collect();
        assert_eq!(kept, [("gone", false), ("good", true)]);
        let errors = validation.finish().expect_err("errors").to_string();
        assert!(errors.contains("metadata must not be blank"), "{errors}");
    }

    #[test]
    fn too_many_keys_are_one_error() {
        let mut validation = Validation::default();
        assert!(metadata(&mut validation, Member::Value(Entries::Many(110_000))).is_empty());
        let error = validation.first().map(|error| (error.code.0, &*error.message));
        let message = "metadata must name at most 200 keys; it names 110000";
        assert_eq!(error, Some((ErrorCode::ValueTooLong, message)));
    }
}
