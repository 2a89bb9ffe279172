//! Query parameters.

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};

use super::field_error::{FieldError, ValueError};
use super::validation::Validation;

/// The query parameters of a request. Unknown ones are ignored.
#[derive(Clone, Debug)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Parses the parameter `name`, which must not occur twice. Every error has the code
    /// [`ValueInvalid`](domain::code::ErrorCode::ValueInvalid).
    pub fn get<T, E: ValueError>(
        &self,
        validation: &mut Validation,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = self.single(validation, name)?;
        validation.record(name, parse(value).map_err(|error| FieldError::as_invalid(&error)))
    }

    /// The unparsed value of the parameter `name`, which must not occur twice.
    pub fn single(&self, validation: &mut Validation, name: &'static str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value);
        let value = values.next()?;
        if values.next().is_some() {
            validation.reject(name, &FieldError::invalid("must not be given more than once"));
            return None;
        }
        Some(value)
    }

    /// Like [`Query::get`], for a parameter that must be present.
    pub fn required<T, E: ValueError>(
        &self,
        validation: &mut Validation,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if self.value(name).is_none() {
            validation.reject(name, &FieldError::required());
        }
        self.get(validation, name, parse)
    }

    /// The unparsed value of the parameter `name`.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl FromRequest for Query {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
        ready(Ok(Self(pairs.map(web::Query::into_inner).unwrap_or_default())))
    }
}

/// Parses `true` or `false`, also as Python writes them, or as 1 and 0.
pub fn flag(text: &str) -> Result<bool, FieldError> {
    match text {
        "true" | "True" | "1" => Ok(true),
        "false" | "False" | "0" => Ok(false),
        _ => Err(FieldError::invalid("must be true or false")),
    }
}

/// Parses an integer in a range, in the form of JSON: without a plus sign and leading zeros.
pub fn number(text: &str, min: i64, max: i64) -> Result<i64, FieldError> {
    let error = || {
        FieldError::invalid(format!("must be a whole number between {min} and {max}"))
            .with("min", min)
            .with("max", max)
    };
    let number: i64 = text.parse().map_err(|_| error())?;
    if (min..=max).contains(&number) && number.to_string() == text { Ok(number) } else { Err(error()) }
}

/// Parses one of the given words.
pub fn word<T: Copy>(text: &str, words: &[(&'static str, T)]) -> Result<T, FieldError> {
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
    found.ok_or_else(|| {
        let allowed: Vec<Cow<'static, str>> = words.iter().map(|(word, _)| Cow::Borrowed(*word)).collect();
        FieldError::invalid(format!("must be one of {}", allowed.join(", ")))
            .with("allowed", allowed.join(", "))
    })
}
