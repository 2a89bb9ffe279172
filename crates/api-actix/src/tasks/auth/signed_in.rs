//! The response to a login.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use domain::session::Login;
use domain::user::{DisplayName, Email};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::rfc3339::Rfc3339;
use crate::wire::{TokenType, json};

/// A user and their token.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SignedIn<'a> {
    /// The token for requests: `Authorization: Bearer <access_token>`.
    #[schema(example = "eyJhbGciOiJIUzI1NiJ9.eyJ0eXBlIjoiYWNjZXNzIn0.c2lnbmF0dXJl")]
    access_token: &'a str,
    /// How to send the access token.
    token_type: TokenType,
    /// The lifetime of the access token in seconds.
    #[schema(minimum = 1, example = 604_800)]
    expires_in: u64,
    /// The user who is signed in.
    user: TaskUser<'a>,
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
struct TaskUser<'a> {
    /// The user's id, for the paths of the user's tasks.
    id: Uuid,
    /// The email address.
    #[schema(required = true, format = Email, example = "ann@example.com")]
    email: Option<&'a str>,
    /// The user's name.
    #[schema(required = true, example = "Ann")]
    name: Option<&'a str>,
    /// When the account was created.
    #[schema(value_type = String, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
    created_at: Rfc3339,
}

pub(super) fn signed_in(status: StatusCode, login: &Login) -> HttpResponse {
    let (user, tokens) = (&login.user, &login.tokens);
    let body = SignedIn {
        access_token: &tokens.access.0,
        token_type: TokenType::Bearer,
        expires_in: tokens.expires_in.as_secs(),
        user: TaskUser {
            id: user.id.0,
            email: user.email.as_ref().map(Email::as_str),
            name: user.display_name.as_ref().map(DisplayName::as_str),
            created_at: Rfc3339(user.created_at),
        },
    };
    json(status, &body)
}
