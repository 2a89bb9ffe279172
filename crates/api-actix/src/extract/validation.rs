//! Collects the errors of a request, field by field.

use std::borrow::Cow;
use std::fmt::{self, Display};

use domain::code::ErrorCode;
use domain::text::TextError;
use domain::user::{EmailError, WeakPassword};
use serde_json::{Map, Value};

use super::member::Member;
use crate::error::{FieldProblem, Problem, ProblemCode};

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

    /// The problem of a request whose only error is this one, on the field `name`.
    #[must_use]
    pub fn on(self, name: &'static str) -> Problem {
        Validation::of(name, &self).into()
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

/// The errors of one request, or of one item of a list.
#[derive(Debug, Default)]
pub struct Validation {
    errors: Vec<FieldProblem>,
}

impl Validation {
    /// A validation with one error.
    #[must_use]
    pub fn of(name: &'static str, error: &dyn ValueError) -> Self {
        let mut validation = Self::default();
        validation.reject(name, error);
        validation
    }

    /// Whether there is no error so far.
    #[must_use]
    pub const fn is_ok(&self) -> bool {
        self.errors.is_empty()
    }

    /// The first error.
    #[must_use]
    pub fn first(&self) -> Option<&FieldProblem> {
        self.errors.first()
    }

    /// Adds an error on the field `name`.
    pub fn reject(&mut self, name: impl Into<Cow<'static, str>>, error: &dyn ValueError) {
        let field = name.into();
        let message = format!("{field} {error}");
        let code = ProblemCode(error.code());
        self.errors.push(FieldProblem { field, code, message, index: None, facts: error.facts() });
    }

    /// Adds the errors of the list item at `index`.
    pub fn add_item(&mut self, index: usize, item: Self) {
        self.errors.extend(item.errors.into_iter().map(|error| FieldProblem { index: Some(index), ..error }));
    }

    /// Parses a member that must be present and not null.
    pub fn required<T, U, E: ValueError>(
        &mut self,
        name: &'static str,
        member: Member<T>,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Option<U> {
        if matches!(member, Member::Absent | Member::Null) {
            self.reject(name, &FieldError::required());
        }
        self.optional(name, member, parse)
    }

    /// Parses a member that may be absent. Null says the same, because generated clients send it for
    /// every member that the caller leaves out.
    pub fn optional<T, U, E: ValueError>(
        &mut self,
        name: &'static str,
        member: Member<T>,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Option<U> {
        match member {
            Member::Absent | Member::Null => None,
            Member::Value(value) => self.record(name, parse(value)),
            Member::Invalid(expected) => {
                self.reject(name, &FieldError::invalid(format!("must be {expected}")));
                None
            }
        }
    }

    /// Parses a member of a partial update: `None` if it is absent, `Some(None)` if null clears the
    /// field.
    pub fn clearable<T, U, E: ValueError>(
        &mut self,
        name: &'static str,
        member: Member<T>,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Option<Option<U>> {
        match member {
            Member::Null => Some(None),
            member => self.optional(name, member, parse).map(Some),
        }
    }

    /// Returns the value, or adds the error.
    pub fn record<U, E: ValueError>(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        parsed: Result<U, E>,
    ) -> Option<U> {
        match parsed {
            Ok(value) => Some(value),
            Err(error) => {
                self.reject(name, &error);
                None
            }
        }
    }

    /// Returns the errors as a problem, if there are any.
    pub fn finish(self) -> Result<(), Problem> {
        if self.is_ok() { Ok(()) } else { Err(self.into()) }
    }
}

impl From<Validation> for Problem {
    fn from(validation: Validation) -> Self {
        let Some(first) = validation.errors.first() else {
            return Self::unexpected();
        };
        let (code, message, field) = (first.code.0, first.message.clone(), first.field.clone());
        let errors = serde_json::to_value(&validation.errors).unwrap_or_default();
        Self::new(code, message).with("errors", errors).with("field", field)
    }
}
