//! The error body of every surface.
//!
//! Handlers and extractors return a [`Problem`]. The middleware writes the response, because the
//! request id is known there; it does the same for errors of the framework.

mod body;
mod convert;
mod named;
mod rate_limit;
mod status;
mod store_log;

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
pub(crate) use rate_limit::{RATE_LIMIT, rate_limit_headers};
pub use status::status;
pub(crate) use store_log::log_store_error;

pub use crate::surface::Surface;

/// What a handler returns.
pub type HandlerResult = Result<HttpResponse, Problem>;

/// `Retry-After` for a failure that is likely to end soon.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The reason why a request was refused or failed.
#[derive(Clone, Debug)]
pub struct Problem {
    code: ErrorCode,
    message: Cow<'static, str>,
    details: Map<String, Value>,
    retry_after: Option<Duration>,
    challenge: Option<Challenge>,
    allow: Option<String>,
    /// Overrides the status of the code.
    status: Option<StatusCode>,
    // Boxed to keep the error, and so every `Result`, small.
    charge: Option<Box<Charge>>,
}

/// The challenge in `WWW-Authenticate` (RFC 6750 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Challenge {
    /// The request has no token.
    Bearer,
    /// The token is invalid.
    InvalidToken,
    /// The token lacks a scope.
    InsufficientScope(Scope),
}

impl Problem {
    /// A problem with a `message` for the client: clear, actionable, free of internals and secrets.
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
            ErrorCode::DatabaseUnavailable | ErrorCode::TokenNotVerifiable | ErrorCode::RateLimited
        )
        .then_some(RETRY_AFTER);
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

    /// Adds a member to `details`.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// Overrides the status of the code.
    #[must_use]
    pub const fn with_status(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    /// Sets `Retry-After`: `delay` in whole seconds, rounded up, at least 1.
    #[must_use]
    pub const fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// The error code.
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

    /// A response without a body; the middleware replaces it.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}
