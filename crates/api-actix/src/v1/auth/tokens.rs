//! The response to every login: tokens, user, and the cookie with the refresh token.

use actix_web::HttpResponse;
use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use domain::session::Login;
use domain::user;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::extract::Client;
use crate::state::State;
use crate::wire::{self, TokenType, json, refresh_cookie};

/// The only path that browsers send the cookie to.
const COOKIE_PATH: &str = "/api/v1/auth/refresh";

/// The tokens of a session.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenResponse<'a> {
    /// The token for requests: `Authorization: Bearer <access_token>`.
    #[schema(example = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIwMTkwIn0.c2lnbmF0dXJl")]
    access_token: &'a str,
    /// The token for the next refresh. It can be used once.
    #[schema(example = "m3cVz0Nn5Vw1m0YQ0b0b1l2yq2m3u4r5s6t7u8v9w0x")]
    refresh_token: &'a str,
    /// How to send the access token.
    token_type: TokenType,
    /// The lifetime of the access token in seconds.
    #[schema(minimum = 1, example = 900)]
    expires_in: u64,
    /// The user who is logged in.
    user: User<'a>,
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
pub struct User<'a> {
    /// The user's id.
    id: Uuid,
    /// The email address. Null only for a user who logs in through a provider that did not reveal it.
    #[schema(required = true, format = Email, example = "ann@example.com")]
    email: Option<&'a str>,
    /// The user's name.
    #[schema(required = true, example = "Ann")]
    display_name: Option<&'a str>,
    /// Whether the user has confirmed the email address.
    #[schema(example = false)]
    email_verified: bool,
}

impl<'a> From<&'a user::User> for User<'a> {
    fn from(user: &'a user::User) -> Self {
        Self {
            id: user.id.0,
            email: user.email.as_ref().map(user::Email::as_str),
            display_name: user.display_name.as_ref().map(user::DisplayName::as_str),
            email_verified: user.email_verified,
        }
    }
}

/// The token response. A page of an allowed origin also receives the cookie.
pub(super) fn response(status: StatusCode, login: &Login, client: &Client, state: &State) -> HttpResponse {
    let tokens = &login.tokens;
    let body = TokenResponse {
        access_token: &tokens.access.0,
        refresh_token: &tokens.refresh.0,
        token_type: TokenType::Bearer,
        expires_in: tokens.expires_in.as_secs(),
        user: User::from(&*login.user),
    };
    let mut response = json(status, &body);
    if client.trusted_page {
        let lifetime = state.settings.refresh_token_lifetime;
        let cookie = refresh_cookie(client, COOKIE_PATH, &tokens.refresh.0, lifetime);
        // Fails only for a value that is not a valid header; base64url always is.
        drop(response.add_cookie(&cookie));
    }
    response
}

/// The cookie that deletes the refresh token.
pub fn no_refresh_cookie(client: &Client) -> Cookie<'static> {
    wire::no_refresh_cookie(client, COOKIE_PATH)
}
