//! Tokens in bodies and cookies.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time};
use domain::code::ErrorCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::Problem;
use crate::extract::{Client, Text};

/// How to send an access token (RFC 6750).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenType {
    /// `Authorization: Bearer <access_token>`.
    Bearer,
}

const REFRESH_COOKIE: &str = "refresh_token";

/// A cookie with a refresh token, which browsers send to `path` alone.
pub fn refresh_cookie<'a>(
    client: &Client,
    path: &'static str,
    token: &'a str,
    lifetime: Duration,
) -> Cookie<'a> {
    let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
    Cookie::build(REFRESH_COOKIE, token)
        .path(format!("{}{path}", client.public_path))
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(client.secure)
        .max_age(time::Duration::seconds(seconds))
        .finish()
}

/// A cookie that deletes the refresh token.
pub fn no_refresh_cookie(client: &Client, path: &'static str) -> Cookie<'static> {
    let mut cookie = refresh_cookie(client, path, "", Duration::ZERO);
    cookie.make_removal();
    cookie
}

/// The refresh token of a request: from the body or, if the body has none, from the cookie. A browser sends
/// the cookie with requests of any page, so the page must have an allowed origin.
pub fn refresh_token(
    body: Option<Text<'_>>,
    request: &HttpRequest,
    client: &Client,
) -> Result<String, Problem> {
    if let Some(token) = body {
        return Ok(token.0.into_owned());
    }
    let Some(cookie) = request.cookie(REFRESH_COOKIE) else {
        return Err(Problem::new(
            ErrorCode::TokenMalformed,
            "Send a `refresh_token`, or its cookie. Browsers send the cookie if page and API are on one site, such as \
             both on localhost, and the request has `credentials: \"include\"`",
        ));
    };
    if client.trusted_page {
        Ok(cookie.value().to_owned())
    } else {
        Err(Problem::new(
            ErrorCode::ScopeMissing,
            "The cookie is accepted from pages of an allowed origin only",
        ))
    }
}
