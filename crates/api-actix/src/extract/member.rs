//! The members of a JSON object.
//!
//! A member can be absent, null, of the right type or of a wrong one. None of these fails the
//! deserialisation of the object, so that a response can list every bad member at once.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// One member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Member<T> {
    #[default]
    Absent,
    Null,
    Value(T),
    /// A value of another type. Contains the expected type in words.
    Invalid(&'static str),
}

impl<T> Member<T> {
    /// Whether the object has no such member.
    #[must_use]
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// This member, or `other` if this one is absent.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self.is_absent() { other } else { self }
    }

    /// Like [`Member::or`], with null as absent.
    #[must_use]
    pub fn or_if_null(self, other: Self) -> Self {
        if matches!(self, Self::Absent | Self::Null) { other } else { self }
    }
}

/// A type that a member can have.
pub trait MemberType<'a>: Sized {
    /// The type in words: "a string".
    const EXPECTED: &'static str;

    /// Reads valid JSON. Returns `None` for a value of another type, and an error for a string that is
    /// not Unicode.
    fn read(json: &'a str) -> Result<Option<Self>, serde_json::Error>;
}

impl<'de, T: MemberType<'de>> Deserialize<'de> for Member<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&'de RawValue>::deserialize(deserializer)?.get();
        if json == "null" {
            return Ok(Self::Null);
        }
        Ok(T::read(json).map_err(D::Error::custom)?.map_or(Self::Invalid(T::EXPECTED), Self::Value))
    }
}

/// A string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> MemberType<'de> for Text<'a> {
    const EXPECTED: &'static str = "a string";

    fn read(json: &'de str) -> Result<Option<Self>, serde_json::Error> {
        let Some(inner) = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
            return Ok(None);
        };
        let plain = !inner.contains('\\');
        let text = if plain { Cow::Borrowed(inner) } else { Cow::Owned(serde_json::from_str(json)?) };
        Ok(Some(Self(text)))
    }
}

impl<'de> MemberType<'de> for bool {
    const EXPECTED: &'static str = "true or false";

    /// Swift's `NSNumber` and SQLite's rows have 1 and 0 for booleans.
    fn read(json: &'de str) -> Result<Option<Self>, serde_json::Error> {
        Ok(match json {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        })
    }
}

/// An integer that every JSON reader represents exactly: its absolute value is at most 2^53 - 1
/// (RFC 8259 section 6). `2.0` is an integer, as in JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Int(pub i64);

impl Int {
    /// 2^53 - 1.
    pub const MAX: i64 = (1 << 53) - 1;
}

impl<'de> MemberType<'de> for Int {
    const EXPECTED: &'static str = "an integer between -9007199254740991 and 9007199254740991";

    fn read(json: &'de str) -> Result<Option<Self>, serde_json::Error> {
        let whole = || json.strip_suffix(".0").and_then(|whole| whole.parse().ok());
        let number = json.parse().ok().or_else(whole);
        Ok(number.filter(|number: &i64| (-Self::MAX..=Self::MAX).contains(number)).map(Self))
    }
}

/// A string, or a number in its JSON form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextOrNumber<'a> {
    Text(Cow<'a, str>),
    Number(&'a str),
}

impl TextOrNumber<'_> {
    /// The string, or the digits of the number as sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number,
        }
    }
}

impl<'de: 'a, 'a> MemberType<'de> for TextOrNumber<'a> {
    const EXPECTED: &'static str = "a string or a number";

    fn read(json: &'de str) -> Result<Option<Self>, serde_json::Error> {
        if json.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
            return Ok(Some(Self::Number(json)));
        }
        Ok(Text::read(json)?.map(|text| Self::Text(text.0)))
    }
}

/// An array whose items are read one by one, so that a bad item does not affect the others.
#[derive(Clone, Debug)]
pub struct List<'a>(pub Vec<&'a RawValue>);

impl<'de: 'a, 'a> MemberType<'de> for List<'a> {
    const EXPECTED: &'static str = "an array";

    fn read(json: &'de str) -> Result<Option<Self>, serde_json::Error> {
        if json.starts_with('[') {
            serde_json::from_str(json).map(|items| Some(Self(items)))
        } else {
            Ok(None)
        }
    }
}

/// An object whose members may have any name and value. A repeated name fails the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entries<'a> {
    Few(Vec<(String, &'a str)>),
    /// The number of the members, which is greater than [`Entries::MAX`]. They are not kept.
    Many(usize),
}

impl Entries<'_> {
    /// The most members that are kept.
    pub const MAX: usize = 200;
}

impl<'de: 'a, 'a> MemberType<'de> for Entries<'a> {
    const EXPECTED: &'static str = "an object";

    fn read(json: &'de str) -> Result<Option<Self>, serde_json::Error> {
        if !json.starts_with('{') {
            return Ok(None);
        }
        let mut reader = serde_json::Deserializer::from_str(json);
        reader.deserialize_map(EntriesVisitor).map(Some)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Entries::EXPECTED)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut entries, mut names) = (Vec::new(), HashSet::new());
        while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
            if !names.insert(name.clone()) {
                return Err(A::Error::custom("a duplicate member"));
            }
            entries.push((name, value.get()));
            if entries.len() > Entries::MAX {
                let mut count = entries.len();
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    count += 1;
                }
                return Ok(Entries::Many(count));
            }
        }
        Ok(Entries::Few(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Input<'a> {
        #[serde(borrow)]
        text: Member<Text<'a>>,
        version: Member<Int>,
        #[serde(borrow)]
        id: Member<TextOrNumber<'a>>,
        done: Member<bool>,
    }

    fn read(json: &str) -> Input<'_> {
        serde_json::from_str(json).expect("an object")
    }

    #[test]
    fn absent_null_right_and_wrong_members_are_distinguished() {
        let input = read(r#"{"text": null, "version": "1", "id": 7}"#);
        assert_eq!(input.text, Member::Null);
        assert_eq!(input.version, Member::Invalid(Int::EXPECTED));
        assert_eq!(input.id, Member::Value(TextOrNumber::Number("7")));
        assert_eq!(input.done, Member::Absent);
        for (json, expected) in [("true", true), ("1", true), ("false", false), ("0", false)] {
            assert_eq!(read(&format!(r#"{{"done": {json}}}"#)).done, Member::Value(expected), "{json}");
        }
        for json in ["2", "-1", "1.0", "\"true\"", "[]"] {
            let done = read(&format!(r#"{{"done": {json}}}"#)).done;
            assert_eq!(done, Member::Invalid("true or false"), "{json}");
        }
        assert_eq!(read(r#"{"text": {"a": [1]}}"#).text, Member::Invalid("a string"));
        assert_eq!(read(r#"{"text": "a\u00e9\n"}"#).text, Member::Value(Text("aé\n".into())));
    }

    #[test]
    fn an_integer_is_one_that_every_reader_represents_exactly() {
        for (json, expected) in [
            ("9007199254740991", Some(Int::MAX)),
            ("-9007199254740991", Some(-Int::MAX)),
            ("2.0", Some(2)),
            ("9007199254740992", None),
            ("-9223372036854775808", None),
            ("1e400", None),
            ("1.5", None),
            ("true", None),
        ] {
            let found = Int::read(json).expect("no string").map(|int| int.0);
            assert_eq!(found, expected, "{json}");
        }
    }

    #[test]
    fn an_object_of_too_many_members_is_counted_and_not_kept() {
        let object = |count: usize| {
            let members: Vec<_> = (0..count).map(|n| format!("\"k{n}\": [{n}, {{}}]")).collect();
            format!("{{{}}}", members.join(","))
        };
        let few = object(Entries::MAX);
        let Ok(Some(Entries::Few(entries))) = Entries::read(&few) else { panic!("few members") };
        assert_eq!((entries.len(), entries[199].1), (200, "[199, {}]"));
        assert!(matches!(Entries::read(&object(201)), Ok(Some(Entries::Many(201)))));
        assert!(matches!(Entries::read(&object(50_000)), Ok(Some(Entries::Many(50_000)))));
    }

    #[test]
    fn half_a_surrogate_pair_and_a_duplicate_member_fail_the_object() {
        for json in [r#"{"text": "\ud83d"}"#, r#"{"text": "a", "text": "b"}"#, r#"{"id": "\udc00 "}"#] {
            assert!(serde_json::from_str::<Input<'_>>(json).is_err(), "{json}");
        }
    }
}
