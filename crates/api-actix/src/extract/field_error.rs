//! Why a value is invalid.

use std::borrow::Cow;
use std::fmt::{self, Display};

use domain::code::ErrorCode;
use domain::text::TextError;
use domain::user::{EmailError, WeakPassword};
use serde_json::{Map, Value};

/// Why a value is invalid. Its `Display` form completes a sentence that begins with the field's name:
/// "must be at most 500 characters long".
pub trait ValueError: Display {
    /// The error code.
    fn code(&self) -> ErrorCode;

    /// The numbers and names in the sentence, for programs.
    fn facts(&self) -> Map<String, Value> {
        Map::new()
    }
}

/// An invalid value, as found by a surface rather than by the domain.
#[derive(Clone, Debug)]
pub struct FieldError {
    code: ErrorCode,
    message: Cow<'static, str>,
    facts: Map<String, Value>,
}

impl FieldError {
    /// An error with `code`; `message` completes a sentence that begins with the field's name.
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), facts: Map::new() }
    }

    /// A value of the wrong type or format, or not among those allowed.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::ValueInvalid, message)
    }

    /// A missing value.
    pub fn required() -> Self {
        Self::new(ErrorCode::FieldRequired, "is required")
    }

    /// `error` under the code of an invalid value.
    pub fn as_invalid(error: &dyn ValueError) -> Self {
        Self { facts: error.facts(), ..Self::invalid(error.to_string()) }
    }

    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }
}

impl Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl ValueError for FieldError {
    fn code(&self) -> ErrorCode {
        self.code
    }

    fn facts(&self) -> Map<String, Value> {
        self.facts.clone()
    }
}

impl ValueError for TextError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Blank => ErrorCode::FieldRequired,
            Self::TooLong { .. } => ErrorCode::ValueTooLong,
            Self::Control { .. } => ErrorCode::ValueInvalid,
        }
    }

    fn facts(&self) -> Map<String, Value> {
        match self {
            Self::Blank => Map::new(),
            Self::TooLong { max, got } => limits(*max, *got),
            Self::Control { code } => one("character", format!("U+{code:04X}")),
        }
    }
}

impl ValueError for EmailError {
    fn code(&self) -> ErrorCode {
        ErrorCode::EmailInvalid
    }
}

impl ValueError for WeakPassword {
    fn code(&self) -> ErrorCode {
        ErrorCode::PasswordWeak
    }

    fn facts(&self) -> Map<String, Value> {
        match self {
            Self::Missing { missing } => one("missing", missing.clone()),
            Self::TooLong { max, got } => limits(*max, *got),
            Self::Nul | Self::Common | Self::IsEmail => Map::new(),
        }
    }
}

fn one(name: &str, value: impl Into<Value>) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), value.into())])
}

fn limits(max: usize, got: usize) -> Map<String, Value> {
    Map::from_iter([("max".to_owned(), max.into()), ("got".to_owned(), got.into())])
}
