//! Collects what is wrong with a request, field by field.

use std::borrow::Cow;
use std::fmt::Display;

use domain::code::ErrorCode;
use domain::text::TextError;
use domain::user::{EmailError, WeakPassword};
use serde_json::{Map, Value};

use super::field::Field;
use crate::error::{FieldProblem, Problem, ProblemCode};

/// Why a value is refused: the rest of a sentence that begins with the field's name.
pub trait Refusal: Display {
    /// The code.
    fn code(&self) -> ErrorCode;

    /// Numbers and names that the sentence has in words.
    fn facts(&self) -> Map<String, Value> {
        Map::new()
    }
}

/// A refusal by the surface itself.
#[derive(Clone, Debug)]
pub struct Fault {
    code: ErrorCode,
    message: Cow<'static, str>,
    facts: Map<String, Value>,
}

impl Fault {
    /// The value is not one of those allowed, or of the wrong type or format.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: ErrorCode::ValueInvalid, message: message.into(), facts: Map::new() }
    }

    /// Another kind of refusal.
    pub fn of(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), facts: Map::new() }
    }

    /// What `refusal` says, of a value that is not as it has to be.
    pub fn of_value(refusal: &dyn Refusal) -> Self {
        let (message, facts) = (refusal.to_string().into(), refusal.facts());
        Self { code: ErrorCode::ValueInvalid, message, facts }
    }

    /// With one more fact.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    /// As the only problem of a request, with its field `name`.
    #[must_use]
    pub fn on(self, name: &'static str) -> Problem {
        Checks::of(name, &self).into()
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl Refusal for Fault {
    fn code(&self) -> ErrorCode {
        self.code
    }

    fn facts(&self) -> Map<String, Value> {
        self.facts.clone()
    }
}

impl Refusal for TextError {
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

impl Refusal for EmailError {
    fn code(&self) -> ErrorCode {
        ErrorCode::EmailInvalid
    }
}

impl Refusal for WeakPassword {
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

/// The problems of one request, or of one item of a list.
#[derive(Debug, Default)]
pub struct Checks {
    found: Vec<FieldProblem>,
}

impl Checks {
    /// With one refusal.
    #[must_use]
    pub fn of(name: &'static str, refusal: &dyn Refusal) -> Self {
        let mut checks = Self::default();
        checks.refuse(name, refusal);
        checks
    }

    /// Whether nothing is wrong so far.
    #[must_use]
    pub const fn passed(&self) -> bool {
        self.found.is_empty()
    }

    /// The first thing that is wrong.
    #[must_use]
    pub fn first(&self) -> Option<&FieldProblem> {
        self.found.first()
    }

    /// Notes that `name` is refused.
    pub fn refuse(&mut self, name: impl Into<Cow<'static, str>>, refusal: &dyn Refusal) {
        let field = name.into();
        let message = format!("{field} {refusal}");
        let code = ProblemCode(refusal.code());
        self.found.push(FieldProblem { field, code, message, index: None, facts: refusal.facts() });
    }

    /// Takes over what is wrong with the item at `index`.
    pub fn absorb(&mut self, index: usize, item: Self) {
        self.found
            .extend(item.found.into_iter().map(|problem| FieldProblem { index: Some(index), ..problem }));
    }

    /// The value of a member that has to be there, not null and as `parse` wants it.
    pub fn required<T, U, E: Refusal>(
        &mut self,
        name: &'static str,
        field: Field<T>,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Option<U> {
        if matches!(field, Field::Absent | Field::Null) {
            self.refuse(name, &Fault::of(ErrorCode::FieldRequired, "is required"));
        }
        self.optional(name, field, parse)
    }

    /// The value of a member that may be missing or null.
    pub fn optional<T, U, E: Refusal>(
        &mut self,
        name: &'static str,
        field: Field<T>,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Option<U> {
        match field {
            Field::Absent | Field::Null => None,
            Field::Value(value) => self.parsed(name, parse(value)),
            Field::Invalid(expected) => {
                self.refuse(name, &Fault::invalid(format!("must be {expected}")));
                None
            }
        }
    }

    /// The value of a member that may be missing, but not null.
    pub fn not_null<T, U, E: Refusal>(
        &mut self,
        name: &'static str,
        field: Field<T>,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Option<U> {
        if matches!(field, Field::Null) {
            self.refuse(name, &Fault::invalid("must not be null"));
        }
        self.optional(name, field, parse)
    }

    /// The value of a member whose absence leaves things as they are and whose null clears them.
    pub fn clearable<T, U, E: Refusal>(
        &mut self,
        name: &'static str,
        field: Field<T>,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Option<Option<U>> {
        match field {
            Field::Null => Some(None),
            field => self.optional(name, field, parse).map(Some),
        }
    }

    /// The value, where there is one.
    pub fn parsed<U, E: Refusal>(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        parsed: Result<U, E>,
    ) -> Option<U> {
        match parsed {
            Ok(value) => Some(value),
            Err(refusal) => {
                self.refuse(name, &refusal);
                None
            }
        }
    }

    /// `Err` where anything is wrong.
    pub fn finish(self) -> Result<(), Problem> {
        if self.passed() { Ok(()) } else { Err(self.into()) }
    }
}

impl From<Checks> for Problem {
    fn from(checks: Checks) -> Self {
        let Some(first) = checks.found.first() else {
            return Self::unexpected();
        };
        let (code, message, field) = (first.code.0, first.message.clone(), first.field.clone());
        let errors = serde_json::to_value(&checks.found).unwrap_or_default();
        Self::new(code, message).with("errors", errors).with("field", field)
    }
}
