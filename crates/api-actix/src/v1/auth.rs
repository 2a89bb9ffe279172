//! `/api/v1/auth`: accounts and sessions.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::account::{Credentials, RegistrationOutcome};
use domain::code::ErrorCode;
use domain::session::{RefreshOutcome, Scope};
use domain::text::{ClientId, TextError};
use domain::user::{DisplayName, NewPassword, PasswordPolicy};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::tokens::{self, TokenResponse};
use super::{as_is, client_id};
use crate::Api;
use crate::error::{Answer, Problem};
use crate::extract::{Body, Caller, Checks, Client, Field, Text};
use crate::shared::{REFRESH_COOKIE, email, email_taken, from_cookie, logged_in};

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(register).service(log_in).service(refresh).service(log_out);
}

/// A new account.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"email": "ann@example.com", "password": "Zebra-Stripe-7", "display_name": "Ann", "client_id": "phone"}))]
struct RegisterRequest<'a> {
    /// The address to log in with, compared without regard to case.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true, format = Email)]
    email: Field<Text<'a>>,
    /// 8 characters or more with upper case, lower case and digit; at most 72 bytes of UTF-8; none of the most common ones,
    /// nor the address.
    #[schema(value_type = String, required = true, format = Password, min_length = 8, max_length = 72)]
    #[serde(default)]
    password: Field<Text<'a>>,
    /// What the user is called.
    #[schema(value_type = Option<String>, max_length = 100)]
    #[serde(default)]
    display_name: Field<Text<'a>>,
    /// The name the device gives itself.
    #[schema(value_type = Option<String>, max_length = 100)]
    #[serde(default)]
    client_id: Field<Text<'a>>,
}

/// Make an account
///
/// Makes an account and logs its user in. A page of an allowed origin also gets the refresh token as a cookie.
#[utoipa::path(
    operation_id = "register",
    tag = "Authentication",
    request_body(content = RegisterRequest, description = "The account"),
    responses(
        (status = 201, description = "The account exists and its user is logged in.", body = TokenResponse),
        (status = 409, description = "`VALIDATION_003`: the address belongs to an account already.")
    )
)]
#[post("/auth/register")]
async fn register(api: web::Data<Api>, client: Client, body: Body) -> Answer {
    let input: RegisterRequest<'_> = body.read()?;
    let mut checks = Checks::default();
    let email = email(&mut checks, input.email);
    let parse = |text: Text<'_>| NewPassword::parse(&text.0, email.as_ref(), PasswordPolicy::default());
    let password = checks.required("password", input.password, parse);
    let name = |text: Text<'_>| DisplayName::parse(&text.0);
    let display_name = checks.optional("display_name", input.display_name, name);
    let client_id = checks.optional("client_id", input.client_id, client_id);
    let (Some(email), Some(password), true) = (email, password, checks.passed()) else {
        return Err(checks.into());
    };
    match api.accounts.register(email, password, display_name, client.device(client_id)).await? {
        RegistrationOutcome::Done(login) => Ok(tokens::answer(StatusCode::CREATED, &login, &client, &api)),
        RegistrationOutcome::EmailTaken => Err(email_taken()),
        RegistrationOutcome::Limited(charge) => Err(charge.into()),
        RegistrationOutcome::Hasher(error) => Err(error.into()),
    }
}

/// What proves who a user is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"email": "ann@example.com", "password": "Zebra-Stripe-7", "client_id": "laptop"}))]
struct LoginRequest<'a> {
    /// The account's address.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true, format = Email)]
    email: Field<Text<'a>>,
    /// The password.
    #[schema(value_type = String, required = true, format = Password)]
    #[serde(default)]
    password: Field<Text<'a>>,
    /// The name the device gives itself.
    #[schema(value_type = Option<String>, max_length = 100)]
    #[serde(default)]
    client_id: Field<Text<'a>>,
}

impl LoginRequest<'_> {
    fn parse(self) -> Result<(Credentials, Option<ClientId>), Problem> {
        let mut checks = Checks::default();
        let email = email(&mut checks, self.email);
        let password = checks.required("password", self.password, not_empty);
        let client_id = checks.optional("client_id", self.client_id, client_id);
        match (email, password, checks.passed()) {
            (Some(email), Some(password), true) => {
                Ok((Credentials { email, password: password.0.into_owned() }, client_id))
            }
            _ => Err(checks.into()),
        }
    }
}

/// A password is compared as it is, but none at all is no attempt.
fn not_empty(password: Text<'_>) -> Result<Text<'_>, TextError> {
    if password.0.is_empty() { Err(TextError::Blank) } else { Ok(password) }
}

/// Log in
///
/// Opens a session for whoever proves the password. A page of an allowed origin also gets the refresh token as a cookie.
#[utoipa::path(
    operation_id = "logIn",
    tag = "Authentication",
    request_body(content = LoginRequest, description = "The credentials"),
    responses(
        (status = 200, description = "The session is open.", body = TokenResponse),
        (status = 401, description = "`AUTH_001`: the address or the password is wrong. `AUTH_007`: the account is disabled."),
        (status = 429, description = "`RATE_001`: too many failed before.")
    )
)]
#[post("/auth/login")]
async fn log_in(api: web::Data<Api>, client: Client, body: Body) -> Answer {
    let (credentials, client_id) = body.read::<LoginRequest<'_>>()?.parse()?;
    let outcome = api.accounts.log_in(credentials, client.device(client_id)).await?;
    Ok(tokens::answer(StatusCode::OK, &logged_in(outcome)?, &client, &api))
}

/// A refresh token.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"refresh_token": "m3cVz0Nn5Vw1m0YQ0b0b1l2yq2m3u4r5s6t7u8v9w0x"}))]
struct RefreshRequest<'a> {
    /// The refresh token; a browser's cookie stands in for it where it is missing.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>)]
    refresh_token: Field<Text<'a>>,
}

/// Exchange a refresh token
///
/// Gives the session's next tokens. Each refresh token is for one use: presented again within 30 seconds, or while its
/// successor has not been used, it gives the same successor; after that it ends the whole session.
/// The token may come in the cookie `refresh_token`, from pages of an allowed origin only.
#[utoipa::path(
    operation_id = "refreshTokens",
    tag = "Authentication",
    request_body(content = Option<RefreshRequest>, description = "The refresh token, unless a cookie has it"),
    responses(
        (status = 200, description = "The next tokens.", body = TokenResponse),
        (status = 401, description = "`AUTH_003`: the token has expired. `AUTH_004`: its session has ended. `AUTH_005`: it is missing or unknown. `AUTH_007`: the account is disabled."),
        (status = 403, description = "`AUTHZ_002`: the cookie came from a page of another origin.")
    )
)]
#[post("/auth/refresh")]
async fn refresh(api: web::Data<Api>, client: Client, request: HttpRequest, body: Body) -> Answer {
    let input: RefreshRequest<'_> = body.read_or_default()?;
    let mut checks = Checks::default();
    let token = checks.optional("refresh_token", input.refresh_token, as_is);
    checks.finish()?;
    let cookie = request.cookie(REFRESH_COOKIE);
    let token = match (&token, &cookie) {
        (Some(token), _) => token.0.as_ref(),
        (None, Some(cookie)) => from_cookie(cookie, &client)?,
        (None, None) => {
            return Err(Problem::new(ErrorCode::TokenMalformed, "Send a `refresh_token`"));
        }
    };
    match api.sessions.refresh(token, &client.device(None)).await? {
        RefreshOutcome::Done(login) => Ok(tokens::answer(StatusCode::OK, &login, &client, &api)),
        RefreshOutcome::Unknown => Err(Problem::token_malformed()),
        RefreshOutcome::Expired => {
            Err(Problem::new(ErrorCode::RefreshTokenExpired, "The refresh token has expired; log in again"))
        }
        RefreshOutcome::Ended => {
            Err(Problem::new(ErrorCode::TokenRevoked, "This session has ended; log in again"))
        }
        RefreshOutcome::Disabled => Err(Problem::account_gone()),
        RefreshOutcome::Limited(charge) => Err(charge.into()),
    }
}

/// Which sessions to end.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"all": false}))]
struct LogoutRequest {
    /// Whether to end every session of the user; without it, this one alone.
    #[schema(value_type = Option<bool>)]
    #[serde(default)]
    all: Field<bool>,
}

/// Log out
///
/// Ends this session, or all of the user's. Their access tokens end with them, and so do their open sockets.
#[utoipa::path(
    operation_id = "logOut",
    tag = "Authentication",
    security(("bearer" = [])),
    request_body(content = Option<LogoutRequest>, description = "Which sessions; without it, this one"),
    responses((status = 204, description = "The session has ended."))
)]
#[post("/auth/logout")]
async fn log_out(api: web::Data<Api>, caller: Caller, client: Client, body: Body) -> Answer {
    caller.may(Scope::Account)?;
    let input: LogoutRequest = body.read_or_default()?;
    let mut checks = Checks::default();
    let all = checks.optional("all", input.all, as_is).unwrap_or(false);
    checks.finish()?;
    api.sessions.log_out(&caller.0, all).await?;
    let mut response = HttpResponse::NoContent();
    if client.trusted_page {
        response.cookie(tokens::no_cookie(&client));
    }
    Ok(response.finish())
}
