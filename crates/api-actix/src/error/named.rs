//! The problems that several handlers report.

use actix_web::http::StatusCode;
use domain::Stamp;
use domain::code::ErrorCode;
use domain::session::Scope;

use super::{Challenge, Problem};
use crate::memory_budget::Exhausted;

impl Problem {
    /// The request has no token.
    #[must_use]
    pub fn token_missing() -> Self {
        Self::new(ErrorCode::TokenMalformed, "Send an access token: `Authorization: Bearer <token>`")
    }

    /// The token cannot be parsed.
    #[must_use]
    pub fn token_malformed() -> Self {
        let mut problem = Self::new(ErrorCode::TokenMalformed, "The token is malformed");
        problem.challenge = Some(Challenge::InvalidToken);
        problem
    }

    /// The token lacks `scope`.
    #[must_use]
    pub fn scope_missing(scope: Scope) -> Self {
        let message = format!("The token does not allow this; it needs the scope `{}`", scope.as_str());
        let mut problem = Self::new(ErrorCode::ScopeMissing, message).with("scope", scope.as_str());
        problem.challenge = Some(Challenge::InsufficientScope(scope));
        problem
    }

    /// The token is valid, but its user is deleted or disabled.
    #[must_use]
    pub fn account_gone() -> Self {
        Self::new(ErrorCode::AccountGone, "This account no longer exists or is disabled")
    }

    /// The password is right, but the account is disabled. The request has no token.
    #[must_use]
    pub fn account_disabled() -> Self {
        Self { challenge: Some(Challenge::Bearer), ..Self::account_gone() }
    }

    /// A one-time token or code is unknown, used or expired.
    #[must_use]
    pub fn one_time_token_invalid() -> Self {
        Self::new(
            ErrorCode::OneTimeTokenInvalid,
            "This link or code is unknown, used or expired; request a new one",
        )
    }

    /// The account has no password, so the action needs a recent login instead.
    #[must_use]
    pub fn log_in_again() -> Self {
        Self::new(
            ErrorCode::ScopeMissing,
            "This needs a login within the last 10 minutes: log in again and repeat the request with the new token",
        )
    }

    /// The operator has closed registration.
    #[must_use]
    pub fn registration_closed() -> Self {
        Self::new(ErrorCode::ScopeMissing, "This server does not accept registrations")
    }

    /// Registration is by invitation.
    #[must_use]
    pub fn invitation_needed() -> Self {
        Self::new(
            ErrorCode::ScopeMissing,
            "This server accepts registrations by invitation only: send the `invitation` from its operator",
        )
    }

    /// The invitation is unknown, used or expired, or was made for another address.
    #[must_use]
    pub fn not_invited() -> Self {
        Self::new(
            ErrorCode::OneTimeTokenInvalid,
            "This invitation is unknown, used or expired, or is for another email address",
        )
    }

    /// The operator has turned emails off.
    #[must_use]
    pub fn mail_off() -> Self {
        Self::new(ErrorCode::MailOff, "This server sends no mail: ask its operator for help")
    }

    /// The operator has turned passwords off.
    #[must_use]
    pub fn passwords_off() -> Self {
        Self::new(ErrorCode::ScopeMissing, "This server does not use passwords: log in another way")
    }

    /// The account has no password, and the login used an identity, address or password that is too
    /// new to prove whose the account is.
    #[must_use]
    pub fn login_too_new(from: Stamp) -> Self {
        let message = format!(
            "This way to log in was added, changed or reset within the last 24 hours: prove who you are in another \
             way, or again after {from}"
        );
        Self::new(ErrorCode::ScopeMissing, message)
    }

    /// The user's unread responses occupy too much memory.
    #[must_use]
    pub fn too_many_unread() -> Self {
        Self::new(
            ErrorCode::RateLimited,
            "Too many responses are unread: read them first. This request was carried out, but its response is lost",
        )
    }

    /// The memory for request bodies or responses is used up. `what` names it.
    #[must_use]
    pub fn out_of_memory(reason: Exhausted, what: &str) -> Self {
        match reason {
            Exhausted::ByOwner => Self::new(
                ErrorCode::RateLimited,
                format!("Too many {what} at once: wait for one to end. This request was not carried out"),
            ),
            Exhausted::ByOthers => Self::new(
                ErrorCode::DatabaseUnavailable,
                format!(
                    "The server has too many {what} at once: try again. This request was not carried out"
                ),
            )
            .with_status(StatusCode::SERVICE_UNAVAILABLE),
        }
    }

    /// The user's other expensive requests did not finish in time.
    #[must_use]
    pub fn too_many_at_once() -> Self {
        Self::new(
            ErrorCode::RateLimited,
            "Too many such requests at once: wait for a response before the next request. This one was not carried out",
        )
    }

    /// The user, device or provider does not exist.
    #[must_use]
    pub fn not_found(what: &'static str) -> Self {
        Self::new(ErrorCode::ResourceNotFound, format!("There is no such {what}"))
    }

    /// The todo does not exist.
    #[must_use]
    pub fn todo_not_found() -> Self {
        Self::new(ErrorCode::TodoNotFound, "There is no such todo")
    }

    /// The todo was deleted so long ago that its text is no longer stored.
    #[must_use]
    pub fn todo_text_gone() -> Self {
        Self::new(ErrorCode::TodoNotFound, "The todo was deleted long ago, and its text is gone")
    }

    /// No route matches the path.
    #[must_use]
    pub fn no_such_route() -> Self {
        Self::new(ErrorCode::RouteNotFound, "There is no such resource; /docs lists all resources")
    }

    /// The route exists, but not with this method. `allow` lists its methods.
    #[must_use]
    pub fn wrong_method(allow: &str) -> Self {
        let message = format!("This resource does not support this method; it supports {allow}");
        let mut problem =
            Self::new(ErrorCode::RouteNotFound, message).with_status(StatusCode::METHOD_NOT_ALLOWED);
        problem.allow = Some(allow.to_owned());
        problem
    }

    /// An unexpected failure.
    #[must_use]
    pub fn unexpected() -> Self {
        Self::new(
            ErrorCode::Unexpected,
            "Something went wrong on the server; please report it with this request id",
        )
    }
}
