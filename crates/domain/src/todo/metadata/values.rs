//! Keys and values, and their limits.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use crate::text::{TextError, one_line};

/// The name of a metadata entry: 1–64 characters, none of them a control character. White space
/// counts like any other character.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MetadataKey(Arc<str>);

impl MetadataKey {
    /// The maximum length in characters.
    pub const MAX: usize = 64;

    /// Checks `text`.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        if text.is_empty() {
            return Err(TextError::Blank);
        }
        Ok(Self(one_line(text, Self::MAX)?.into()))
    }

    /// A key read back from a store, to which the current input rules do not apply.
    pub(super) fn from_stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for MetadataKey {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for MetadataKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MetadataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for MetadataKey {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        Self::parse(text)
    }
}

/// The value of a metadata entry: JSON of any type as canonical text (RFC 8785), at most 2,000
/// characters.
///
/// The rule compares texts and interprets no value. Two values are the same if their canonical
/// texts are, so the caller MUST canonicalise what a client sends.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MetadataValue(Arc<str>);

impl MetadataValue {
    /// The maximum length of the canonical text in characters.
    pub const MAX: usize = 2_000;

    /// Checks that `text` is within the limit. Canonical text contains no control character up to
    /// U+001F.
    pub fn from_canonical(text: &str) -> Result<Self, MetadataError> {
        let got = text.chars().count();
        if got > Self::MAX {
            return Err(MetadataError::ValueTooLong { max: Self::MAX, got });
        }
        if text.is_empty() || text.contains(|c| c < ' ') {
            return Err(MetadataError::NotCanonical);
        }
        Ok(Self(text.into()))
    }

    /// A value read back from a store, to which the current input rules do not apply.
    pub(super) fn from_stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The canonical JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for MetadataValue {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MetadataValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why metadata is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MetadataError {
    /// A value has more characters than allowed.
    #[error("must be at most {max} characters long as JSON; it has {got}")]
    ValueTooLong { max: usize, got: usize },
    /// A text is not canonical JSON.
    #[error("must be canonical JSON")]
    NotCanonical,
    /// The todo would have more keys than allowed.
    #[error("must have at most {max} keys; it would have {got}")]
    TooManyKeys { max: usize, got: usize },
    /// The keys and values of the todo together would have more bytes than allowed.
    #[error("must be at most {max} bytes long, keys and values together; it would have {got}")]
    TooLarge { max: usize, got: usize },
}
