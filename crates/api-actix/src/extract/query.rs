//! Query parameters.

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use domain::code::ErrorCode;

use super::checks::{Checks, Fault, Refusal};

/// The parameters of a request as sent. Unknown ones are never looked at.
#[derive(Clone, Debug)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// The parameter called `name`, as `parse` reads it; twice the same parameter is refused. Whatever is wrong with its value,
    /// the code is [`ErrorCode::ValueInvalid`].
    pub fn get<T, E: Refusal>(
        &self,
        checks: &mut Checks,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let mut values = self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value);
        let value = values.next()?;
        if values.next().is_some() {
            checks.refuse(name, &Fault::invalid("must not be given more than once"));
            return None;
        }
        checks.parsed(name, parse(value).map_err(|refusal| Fault::of_value(&refusal)))
    }

    /// The same of a parameter that has to be there.
    pub fn required<T, E: Refusal>(
        &self,
        checks: &mut Checks,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if self.value(name).is_none() {
            checks.refuse(name, &Fault::of(ErrorCode::FieldRequired, "is required"));
        }
        self.get(checks, name, parse)
    }

    /// The parameter called `name` as sent, for a link to the same list.
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

/// Reads `true` or `false`.
pub fn flag(text: &str) -> Result<bool, Fault> {
    text.parse().map_err(|_| Fault::invalid("must be true or false"))
}

/// Reads a whole number in a range, written as in JSON: without a plus or leading zeros.
pub fn number(text: &str, min: i64, max: i64) -> Result<i64, Fault> {
    let refused = || {
        Fault::invalid(format!("must be a whole number between {min} and {max}"))
            .with("min", min)
            .with("max", max)
    };
    let number: i64 = text.parse().map_err(|_| refused())?;
    if (min..=max).contains(&number) && number.to_string() == text { Ok(number) } else { Err(refused()) }
}

/// Reads one of some words.
pub fn word<T: Copy>(text: &str, words: &[(&'static str, T)]) -> Result<T, Fault> {
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
    found.ok_or_else(|| {
        let allowed: Vec<Cow<'static, str>> = words.iter().map(|(word, _)| Cow::Borrowed(*word)).collect();
        Fault::invalid(format!("must be one of {}", allowed.join(", "))).with("allowed", allowed.join(", "))
    })
}
