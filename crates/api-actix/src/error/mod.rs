//! The one error body, and what becomes one.
//!
//! Handlers and extractors return a [`Problem`]; [`crate::middleware`] writes it, as only there the request id is at
//! hand. What the framework refuses by itself goes the same way.

mod body;
mod convert;
mod outage;
mod rate_limit;
mod status;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use domain::code::ErrorCode;
use domain::limits::Charge;
use domain::session::Scope;
use serde_json::{Map, Value};

pub use body::{Details, FieldProblem, ProblemBody, ProblemCode};
pub(crate) use outage::tell;
pub(crate) use rate_limit::{RATE_LIMIT, rate_limit_headers};
pub use status::status;

pub use crate::surface::Surface;

/// What a handler gives: an answer, or the reason why there is none.
pub type Answer = Result<HttpResponse, Problem>;

/// How long a client waits before it tries a server again that could not do its job.
const TRY_AGAIN_IN: Duration = Duration::from_secs(1);

/// A refusal or failure on its way to the client.
#[derive(Clone, Debug)]
pub struct Problem {
    code: ErrorCode,
    message: Cow<'static, str>,
    details: Map<String, Value>,
    retry_after: Option<Duration>,
    challenge: Option<Challenge>,
    allow: Option<String>,
    /// Where it is not that of the code.
    status: Option<StatusCode>,
    // Boxed, as every fallible function carries the size of its error.
    charge: Option<Box<Charge>>,
}

/// What a `WWW-Authenticate` says (RFC 6750 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Challenge {
    /// No token came.
    Bearer,
    /// One came, and is no good.
    InvalidToken,
    /// One came, and allows too little.
    InsufficientScope(Scope),
}

impl Problem {
    /// A problem with `message` for the client: clear, actionable, free of internals and secrets.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        let challenge = match code {
            ErrorCode::AccessTokenExpired
            | ErrorCode::RefreshTokenExpired
            | ErrorCode::TokenRevoked
            | ErrorCode::TokenNotTrusted
            | ErrorCode::AccountGone => Some(Challenge::InvalidToken),
            ErrorCode::CredentialsWrong | ErrorCode::TokenMalformed => Some(Challenge::Bearer),
            _ => None,
        };
        let retry_after = matches!(
            code,
            ErrorCode::DatabaseUnavailable | ErrorCode::RevocationsUnknown | ErrorCode::RateLimited
        )
        .then_some(TRY_AGAIN_IN);
        Self {
            code,
            message: message.into(),
            details: Map::new(),
            retry_after,
            challenge,
            allow: None,
            status: None,
            charge: None,
        }
    }

    /// With one more member in `details`.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// With another status than the code's.
    #[must_use]
    pub const fn under(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    /// To be tried again after `delay`, told in whole seconds, at least 1.
    #[must_use]
    pub const fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// No token came with the request.
    #[must_use]
    pub fn token_missing() -> Self {
        Self::new(ErrorCode::TokenMalformed, "Send an access token: `Authorization: Bearer <token>`")
    }

    /// A token came and can't be read.
    #[must_use]
    pub fn token_malformed() -> Self {
        let mut problem = Self::new(ErrorCode::TokenMalformed, "The token is malformed");
        problem.challenge = Some(Challenge::InvalidToken);
        problem
    }

    /// The token does not allow `scope`.
    #[must_use]
    pub fn scope_missing(scope: Scope) -> Self {
        let message = format!("The token does not allow this; it needs the scope `{}`", scope.as_str());
        let mut problem = Self::new(ErrorCode::ScopeMissing, message).with("scope", scope.as_str());
        problem.challenge = Some(Challenge::InsufficientScope(scope));
        problem
    }

    /// The token is good, but its user is gone.
    #[must_use]
    pub fn account_gone() -> Self {
        Self::new(ErrorCode::AccountGone, "This account does not exist any more or is disabled")
    }

    /// The password is right, but the account is disabled.
    #[must_use]
    pub fn account_disabled() -> Self {
        Self { challenge: Some(Challenge::Bearer), ..Self::account_gone() }
    }

    /// A one-time token or code is not good.
    #[must_use]
    pub fn one_time_token_invalid() -> Self {
        Self::new(
            ErrorCode::OneTimeTokenInvalid,
            "This link or code is unknown, used or expired; ask for a new one",
        )
    }

    /// What can't be undone asks for a recent login of whoever has no password.
    #[must_use]
    pub fn log_in_again() -> Self {
        Self::new(
            ErrorCode::ScopeMissing,
            "This needs a login within the last 10 minutes: log in again, and repeat it with the new token",
        )
    }

    /// Too many large answers to the user's requests wait to be read.
    #[must_use]
    pub fn unread() -> Self {
        Self::new(
            ErrorCode::RateLimited,
            "Too many answers wait to be read: read them first. The request was carried out, and its answer is lost",
        )
    }

    /// The user's requests of a kind that costs much did not get done in time.
    #[must_use]
    pub fn too_many_at_once() -> Self {
        Self::new(
            ErrorCode::RateLimited,
            "Too many such requests at once: wait for the answer of one before the next. Nothing was done",
        )
    }

    /// There is no such user, device or provider.
    #[must_use]
    pub fn not_found(what: &'static str) -> Self {
        Self::new(ErrorCode::ResourceNotFound, format!("There is no such {what}"))
    }

    /// There is no such todo.
    #[must_use]
    pub fn todo_not_found() -> Self {
        Self::new(ErrorCode::TodoNotFound, "There is no such todo")
    }

    /// There is no such route.
    #[must_use]
    pub fn no_such_route() -> Self {
        Self::new(ErrorCode::RouteNotFound, "There is no such resource; see /docs for those there are")
    }

    /// The route is there, but not with this method; `allow` lists those it has.
    #[must_use]
    pub fn wrong_method(allow: &str) -> Self {
        let message = format!("This resource does not have this method; it has {allow}");
        let mut problem = Self::new(ErrorCode::RouteNotFound, message).under(StatusCode::METHOD_NOT_ALLOWED);
        problem.allow = Some(allow.to_owned());
        problem
    }

    /// Something went wrong that nobody foresaw.
    #[must_use]
    pub fn unexpected() -> Self {
        Self::new(
            ErrorCode::Unexpected,
            "Something went wrong on the server; please report it with this request id",
        )
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// The sentence for the client.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The status on `surface`.
    #[must_use]
    pub const fn status(&self, surface: Surface) -> StatusCode {
        match self.status {
            Some(status) => status,
            None => status(self.code, surface),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status(Surface::V1)
    }

    /// A placeholder that [`crate::middleware`] replaces by the whole body.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}
