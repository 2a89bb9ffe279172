//! The token response, and the cookie that may carry the refresh token.

use actix_web::HttpResponse;
use actix_web::cookie::Cookie;
use actix_web::cookie::time::Duration;
use actix_web::http::StatusCode;
use domain::session::Login;
use domain::user;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::json;
use crate::Api;
use crate::extract::Client;
use crate::shared::{TokenType, refresh_cookie};

/// The only place that a browser sends it to.
const COOKIE_PATH: &str = "/api/v1/auth/refresh";

/// The tokens of a session.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenResponse<'a> {
    /// For requests: `Authorization: Bearer <access_token>`.
    #[schema(example = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIwMTkwIn0.c2lnbmF0dXJl")]
    access_token: &'a str,
    /// For the next tokens, once.
    #[schema(example = "m3cVz0Nn5Vw1m0YQ0b0b1l2yq2m3u4r5s6t7u8v9w0x")]
    refresh_token: &'a str,
    /// How the access token is sent.
    token_type: TokenType,
    /// Seconds until the access token expires.
    #[schema(minimum = 1, example = 900)]
    expires_in: u64,
    /// Whose it is.
    user: User<'a>,
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct User<'a> {
    /// Its id.
    id: Uuid,
    /// Its address; null only where it logs in through somebody else who did not tell it.
    #[schema(required = true, format = Email, example = "ann@example.com")]
    email: Option<&'a str>,
    /// What it is called.
    #[schema(required = true, example = "Ann")]
    display_name: Option<&'a str>,
    /// Whether its user showed that the address is theirs.
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

/// The token response, with the cookie for a page of an allowed origin.
pub(super) fn answer(status: StatusCode, login: &Login, client: &Client, api: &Api) -> HttpResponse {
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
        let seconds = i64::try_from(api.settings.refresh_token_lifetime.as_secs()).unwrap_or(i64::MAX);
        let mut cookie = refresh_cookie(client, COOKIE_PATH, &tokens.refresh.0);
        cookie.set_max_age(Duration::seconds(seconds));
        // Fails only for a value that is no header, and base64url always is.
        drop(response.add_cookie(&cookie));
    }
    response
}

/// What makes a browser forget the cookie.
pub(super) fn no_cookie(client: &Client) -> Cookie<'static> {
    let mut cookie = refresh_cookie(client, COOKIE_PATH, "");
    cookie.make_removal();
    cookie
}
