//! `/auth/login`

use actix_web::http::StatusCode;
use actix_web::{post, web};
use domain::account::Credentials;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::COOKIE_PATH;
use crate::error::HandlerResult;
use crate::extract::{Body, Client, Member, Text, Validation};
use crate::state::State;
use crate::wire::{TokenType, as_is, email, json, logged_in, refresh_cookie};

/// The credentials of a user.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = TodosLogin, example = json!({"email": "ann@example.com", "password": "Zebra-Stripe-7"}))]
struct Login<'a> {
    /// The email address of the account.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true, format = Email)]
    email: Member<Text<'a>>,
    /// The password.
    #[serde(default)]
    #[schema(value_type = String, required = true, format = Password)]
    password: Member<Text<'a>>,
}

/// The tokens of a session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TodosTokens)]
struct Tokens<'a> {
    /// The token for requests: `Authorization: Bearer <access_token>`.
    #[schema(example = "eyJhbGciOiJIUzI1NiJ9.eyJ0eXBlIjoiYWNjZXNzIn0.c2lnbmF0dXJl")]
    access_token: &'a str,
    /// The token for new access tokens, valid until the session ends.
    #[schema(example = "eyJhbGciOiJIUzI1NiJ9.eyJ0eXBlIjoicmVmcmVzaCJ9.c2lnbmF0dXJl")]
    refresh_token: &'a str,
    /// How to send the access token.
    token_type: TokenType,
    /// The lifetime of the access token in seconds.
    #[schema(minimum = 1, example = 3600)]
    expires_in: u64,
}

/// Log in
///
/// Opens a session. The refresh token also comes as an `HttpOnly` cookie.
#[utoipa::path(
    operation_id = "tokenLogIn",
    tag = "Token contract",
    request_body(content = Login, description = "The credentials"),
    responses(
        (status = 200, description = "The user is logged in.", body = Tokens,
         headers(("Set-Cookie" = String, description = "The refresh token."))),
        (status = 401, description = "`AUTH_001`: the email address or the password is wrong. `AUTH_007`: the account is disabled."),
        (status = 403, description = "`AUTHZ_002`: the operator has turned passwords off."),
        (status = 429, description = "`RATE_001`: too many failed logins, or too many logins of one account.")
    )
)]
#[post("/auth/login")]
pub(super) async fn log_in(state: web::Data<State>, client: Client, body: Body) -> HandlerResult {
    let input: Login<'_> = body.read()?;
    let mut validation = Validation::default();
    let email = email(&mut validation, input.email);
    let password = validation.required("password", input.password, as_is);
    let (Some(email), Some(password)) = (email, password) else { return Err(validation.into()) };
    let credentials = Credentials { email, password: password.0.into_owned() };
    let outcome = state.todos_surface.accounts.log_in(credentials, client.device(None)).await?;
    let tokens = logged_in(outcome)?.tokens;
    let body = Tokens {
        access_token: &tokens.access.0,
        refresh_token: &tokens.refresh.0,
        token_type: TokenType::Bearer,
        expires_in: tokens.expires_in.as_secs(),
    };
    let mut response = json(StatusCode::OK, &body);
    let lifetime = state.todos_surface.sessions.lifetimes().refresh;
    // Fails only for a value that is not a valid header; a JWT always is.
    drop(response.add_cookie(&refresh_cookie(&client, COOKIE_PATH, &tokens.refresh.0, lifetime)));
    Ok(response)
}
