//! Fields, their values, and todos as devices hold them.
//!
//! Values are symbols rather than texts, so that a run is cheap and a trace short. [`Value::text`]
//! is the form on the wire.

use std::collections::BTreeMap;
use std::fmt;

use domain::todo::{Description, MetadataValue, Todo};
use domain::{Stamp, TodoId};

use super::token::Token;

/// A field of a todo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    Text,
    Description,
    Completed,
    /// The metadata key of this index in [`Key::METADATA`].
    Metadata(u8),
    Deleted,
}

impl Key {
    /// The metadata keys in use.
    pub const METADATA: [&str; 2] = ["due", "tag:home"];
    /// Every field.
    pub const ALL: [Self; 6] =
        [Self::Text, Self::Description, Self::Completed, Self::Metadata(0), Self::Metadata(1), Self::Deleted];

    /// The name of a metadata key.
    #[must_use]
    pub fn metadata(self) -> Option<&'static str> {
        match self {
            Self::Metadata(index) => Some(Self::METADATA[usize::from(index)]),
            Self::Text | Self::Description | Self::Completed | Self::Deleted => None,
        }
    }

    /// The metadata key of this name.
    ///
    /// # Panics
    /// If the name is not in [`Key::METADATA`].
    #[must_use]
    pub fn of_metadata(name: &str) -> Self {
        let key = |key: &Self| key.metadata() == Some(name);
        Self::ALL.into_iter().find(key).expect("a key of ours")
    }

    /// The value of a field that a todo does not have.
    #[must_use]
    pub const fn initial(self) -> Value {
        match self {
            Self::Text | Self::Description | Self::Metadata(_) => Value::Absent,
            Self::Completed | Self::Deleted => Value::Flag(false),
        }
    }
}

/// The value of a field.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Value {
    /// No description, or no such metadata key; of a todo whose text is gone, no text.
    Absent,
    Flag(bool),
    /// The text `w<n>`.
    Word(u32),
}

impl Value {
    /// The text that the value stands for.
    #[must_use]
    pub fn text(self) -> Option<String> {
        match self {
            Self::Word(number) => Some(format!("w{number}")),
            Self::Absent | Self::Flag(_) => None,
        }
    }

    /// The value that `text` stands for; the empty text of a shrunk tombstone is absent.
    ///
    /// # Panics
    /// If [`Value::text`] makes no such text.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        let number = |text: &str| text.strip_prefix('w')?.parse().ok();
        if text.is_empty() { Self::Absent } else { Self::Word(number(text).expect("a text of ours")) }
    }

    /// Whether the value is [`Value::Flag`] of `true`.
    #[must_use]
    pub const fn is_true(self) -> bool {
        matches!(self, Self::Flag(true))
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("-"),
            Self::Flag(flag) => flag.fmt(f),
            Self::Word(number) => write!(f, "w{number}"),
        }
    }
}

/// A value, and who typed it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub value: Value,
    pub token: Token,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// Values for some fields.
pub type Fields = BTreeMap<Key, Held>;

/// Whether the fields ask for a deletion.
#[must_use]
pub fn deletes(fields: &Fields) -> bool {
    fields.get(&Key::Deleted).is_some_and(|held| held.value.is_true())
}

/// The tokens of the values.
pub fn tokens(fields: &Fields) -> impl Iterator<Item = Token> {
    fields.values().map(|held| held.token)
}

/// A todo as the server shows it and a device holds it.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    pub id: TodoId,
    /// 0 if the server does not know the todo.
    pub version: i64,
    pub updated_at: Stamp,
    /// A field that is missing has its [initial](Key::initial) value.
    pub fields: Fields,
}

impl Row {
    /// A todo that the device does not know.
    #[must_use]
    pub const fn unknown(id: TodoId) -> Self {
        Self { id, version: 0, updated_at: Stamp::EPOCH, fields: Fields::new() }
    }

    /// The value of a field.
    #[must_use]
    pub fn value(&self, key: Key) -> Value {
        self.fields.get(&key).map_or(key.initial(), |held| held.value)
    }

    /// The token of a field's value.
    #[must_use]
    pub fn token(&self, key: Key) -> Token {
        self.fields.get(&key).map_or(Token::NONE, |held| held.token)
    }

    /// Whether the todo is deleted.
    #[must_use]
    pub fn is_tombstone(&self) -> bool {
        self.value(Key::Deleted).is_true()
    }

    /// Whether the todo is a tombstone whose texts are gone.
    #[must_use]
    pub fn is_shrunk(&self) -> bool {
        self.is_tombstone() && self.value(Key::Text) == Value::Absent
    }

    /// Whether the todo can be created from what is known of it.
    #[must_use]
    pub fn has_text(&self) -> bool {
        self.value(Key::Text) != Value::Absent
    }

    /// Whether the field has this value.
    #[must_use]
    pub fn holds(&self, key: Key, held: Held) -> bool {
        self.value(key) == held.value
    }

    /// The fields of which `other` has another value.
    #[must_use]
    pub fn differing(&self, other: &Self) -> Vec<Key> {
        Key::ALL.into_iter().filter(|key| self.value(*key) != other.value(*key)).collect()
    }

    /// The part of `fields` whose values this todo does not have.
    #[must_use]
    pub fn lacking(&self, fields: &Fields) -> Fields {
        let differs = |key: &Key, held: &Held| !self.holds(*key, *held);
        fields.iter().filter(|(key, held)| differs(key, held)).map(|(key, held)| (*key, *held)).collect()
    }

    /// The same todo with the values in `fields`.
    #[must_use]
    pub fn with(mut self, fields: &Fields) -> Self {
        self.fields.extend(fields);
        self
    }

    /// All that a device sends of a todo that it sends whole. Of a tombstone, only the deletion.
    #[must_use]
    pub fn whole(&self) -> Fields {
        let kept = |key: &Key| !self.is_tombstone() || *key == Key::Deleted;
        self.fields.iter().filter(|(key, _)| kept(key)).map(|(key, held)| (*key, *held)).collect()
    }

    /// Whether both are the same version of the same todo.
    #[must_use]
    pub fn is_same_version(&self, other: &Self) -> bool {
        (self.version, self.updated_at) == (other.version, other.updated_at)
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, version, updated_at, fields } = self;
        write!(f, "{}v{version}@{} {fields:?}", id.0.as_u128(), short(*updated_at))
    }
}

impl From<&Todo> for Row {
    fn from(todo: &Todo) -> Self {
        let description = todo.description().map(Description::as_str);
        let values = [
            (Key::Text, Value::of_text(todo.title().as_str())),
            (Key::Description, description.map_or(Value::Absent, Value::of_text)),
            (Key::Completed, Value::Flag(todo.completed())),
            (Key::Deleted, Value::Flag(todo.deleted())),
        ];
        let metadata = Key::ALL.into_iter().filter_map(|key| {
            let text = todo.metadata().get(key.metadata()?).map(MetadataValue::as_str);
            Some((key, text.map_or(Value::Absent, |json| Value::of_text(json.trim_matches('"')))))
        });
        let values = values.into_iter().chain(metadata);
        let held = values.map(|(key, value)| (key, Held { value, token: Token::NONE }));
        Self { id: todo.id(), version: todo.version(), updated_at: todo.updated_at(), fields: held.collect() }
    }
}

/// The last digits of a stamp, which suffice to recognise it in a trace.
#[must_use]
pub fn short(at: Stamp) -> i64 {
    at.as_micros().rem_euclid(100_000_000_000)
}
