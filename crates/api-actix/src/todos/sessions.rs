//! Logins, and the refresh tokens that are JWTs and live as long as their session.

use actix_web::cookie::Cookie;
use actix_web::cookie::time::Duration;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, post, web};
use domain::account::Credentials;
use domain::code::ErrorCode;
use domain::session::{AuthFailure, RenewalOutcome, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::Api;
use crate::error::{Answer, Problem};
use crate::extract::{Body, Caller, Checks, Client, Field, Text};
use crate::shared::{
    Message, REFRESH_COOKIE, TokenType, as_is, email, from_cookie, json, logged_in, refresh_cookie, told,
};

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(log_in).service(refresh).service(log_out);
}

/// The only place that a browser sends the cookie to.
const COOKIE_PATH: &str = "/auth/refresh";

/// What proves who a user is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = TodosLogin, example = json!({"email": "ann@example.com", "password": "Zebra-Stripe-7"}))]
struct Login<'a> {
    /// The account's address.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true, format = Email)]
    email: Field<Text<'a>>,
    /// The password.
    #[serde(default)]
    #[schema(value_type = String, required = true, format = Password)]
    password: Field<Text<'a>>,
}

/// The tokens of a session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TodosTokens)]
struct Tokens<'a> {
    /// For requests: `Authorization: Bearer <access_token>`.
    #[schema(example = "eyJhbGciOiJIUzI1NiJ9.eyJ0eXBlIjoiYWNjZXNzIn0.c2lnbmF0dXJl")]
    access_token: &'a str,
    /// For new access tokens, until the session ends.
    #[schema(example = "eyJhbGciOiJIUzI1NiJ9.eyJ0eXBlIjoicmVmcmVzaCJ9.c2lnbmF0dXJl")]
    refresh_token: &'a str,
    /// How the access token is sent.
    token_type: TokenType,
    /// Seconds until the access token expires.
    #[schema(minimum = 1, example = 3600)]
    expires_in: u64,
}

/// Log in
///
/// Opens a session for whoever proves the password. The refresh token also comes as an `HttpOnly` cookie.
#[utoipa::path(
    operation_id = "todosLogIn",
    tag = "Token contract",
    request_body(content = Login, description = "The credentials"),
    responses(
        (status = 200, description = "The session is open.", body = Tokens,
         headers(("Set-Cookie" = String, description = "The refresh token."))),
        (status = 401, description = "`AUTH_001`: the address or the password is wrong. `AUTH_007`: the account is disabled."),
        (status = 429, description = "`RATE_001`: too many failed before.")
    )
)]
#[post("/auth/login")]
async fn log_in(api: web::Data<Api>, client: Client, body: Body) -> Answer {
    let input: Login<'_> = body.read()?;
    let mut checks = Checks::default();
    let email = email(&mut checks, input.email);
    let password = checks.required("password", input.password, as_is);
    let (Some(email), Some(password)) = (email, password) else { return Err(checks.into()) };
    let credentials = Credentials { email, password: password.0.into_owned() };
    let outcome = api.todos_surface.accounts.log_in(credentials, client.device(None)).await?;
    let tokens = logged_in(outcome)?.tokens;
    let body = Tokens {
        access_token: &tokens.access.0,
        refresh_token: &tokens.refresh.0,
        token_type: TokenType::Bearer,
        expires_in: tokens.expires_in.as_secs(),
    };
    let mut response = json(StatusCode::OK, &body);
    let seconds = i64::try_from(api.todos_surface.sessions.lifetimes().refresh.as_secs()).unwrap_or(i64::MAX);
    let mut cookie = refresh_cookie(&client, COOKIE_PATH, &tokens.refresh.0);
    cookie.set_max_age(Duration::seconds(seconds));
    // Fails only for a value that is no header, and a JWT always is.
    drop(response.add_cookie(&cookie));
    Ok(response)
}

/// A refresh token.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = TodosRefresh, example = json!({"refresh_token": "eyJhbGciOiJIUzI1NiJ9.eyJ0eXBlIjoicmVmcmVzaCJ9.c2lnbmF0dXJl"}))]
struct RefreshToken<'a> {
    /// The refresh token; the cookie stands in for it where it is missing.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>)]
    refresh_token: Field<Text<'a>>,
}

impl<'a> RefreshToken<'a> {
    fn parse(self) -> Result<Option<Text<'a>>, Problem> {
        let mut checks = Checks::default();
        let token = checks.optional("refresh_token", self.refresh_token, as_is);
        checks.finish()?;
        Ok(token)
    }
}

/// A new access token.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TodosAccessToken)]
struct NewAccessToken<'a> {
    /// For requests: `Authorization: Bearer <access_token>`.
    #[schema(example = "eyJhbGciOiJIUzI1NiJ9.eyJ0eXBlIjoiYWNjZXNzIn0.c2lnbmF0dXJl")]
    access_token: &'a str,
    /// How the access token is sent.
    token_type: TokenType,
    /// Seconds until the access token expires.
    #[schema(minimum = 1, example = 3600)]
    expires_in: u64,
}

/// Get a new access token
///
/// Gives a new access token for a refresh token, which stays good. The token may come in the cookie `refresh_token`, from pages of an allowed
/// origin only.
#[utoipa::path(
    operation_id = "todosRefresh",
    tag = "Token contract",
    request_body(content = Option<RefreshToken>, description = "The refresh token, unless a cookie has it"),
    responses(
        (status = 200, description = "The access token.", body = NewAccessToken),
        (status = 401, description = "`AUTH_003`: the token has expired. `AUTH_004`: its session has ended. `AUTH_005`: it is missing, malformed or no refresh token. `AUTH_006`: it is not this server's. `AUTH_007`: the account is disabled."),
        (status = 403, description = "`AUTHZ_002`: the cookie came from a page of another origin.")
    )
)]
#[post("/auth/refresh")]
async fn refresh(api: web::Data<Api>, client: Client, request: HttpRequest, body: Body) -> Answer {
    let token = body.read_or_default::<RefreshToken<'_>>()?.parse()?;
    let cookie = request.cookie(REFRESH_COOKIE);
    let token = match (&token, &cookie) {
        (Some(token), _) => token.0.as_ref(),
        (None, Some(cookie)) => from_cookie(cookie, &client)?,
        (None, None) => return Err(Problem::new(ErrorCode::TokenMalformed, "Send a `refresh_token`")),
    };
    match api.todos_surface.sessions.renew(token, &client.device(None)).await? {
        RenewalOutcome::Done(access, expires_in) => {
            let body = NewAccessToken {
                access_token: &access.0,
                token_type: TokenType::Bearer,
                expires_in: expires_in.as_secs(),
            };
            Ok(json(StatusCode::OK, &body))
        }
        RenewalOutcome::Refused(failure) => Err(refused(failure)),
        RenewalOutcome::Ended => Err(Problem::from(AuthFailure::Revoked)),
        RenewalOutcome::Disabled => Err(Problem::account_gone()),
        RenewalOutcome::Limited(charge) => Err(charge.into()),
    }
}

/// The refusal of a refresh token, whose expiry has a code of its own.
fn refused(failure: AuthFailure) -> Problem {
    match failure {
        AuthFailure::Expired => {
            Problem::new(ErrorCode::RefreshTokenExpired, "The refresh token has expired; log in again")
        }
        AuthFailure::Malformed
        | AuthFailure::NotTrusted
        | AuthFailure::Revoked
        | AuthFailure::Disabled
        | AuthFailure::RevocationsUnknown => failure.into(),
    }
}

/// Log out
///
/// Ends this session, and the one that `refresh_token` belongs to: no token of theirs is good any more.
#[utoipa::path(
    operation_id = "todosLogOut",
    tag = "Token contract",
    security(("bearer" = [])),
    request_body(content = Option<RefreshToken>, description = "The refresh token"),
    responses(
        (status = 200, description = "The session has ended.", body = Message, example = json!({"message": "Logout successful"}))
    )
)]
#[post("/auth/logout")]
async fn log_out(api: web::Data<Api>, caller: Caller, client: Client, body: Body) -> Answer {
    caller.may(Scope::Account)?;
    let token = body.read_or_default::<RefreshToken<'_>>()?.parse()?;
    let sessions = &api.todos_surface.sessions;
    match token {
        Some(token) => sessions.log_out_with(&caller.0, &token.0).await?.map_err(refused)?,
        None => sessions.log_out(&caller.0, false).await?,
    }
    let mut response = told("Logout successful");
    let mut cookie: Cookie<'_> = refresh_cookie(&client, COOKIE_PATH, "");
    cookie.make_removal();
    // Fails only for a value that is no header, and an empty one is.
    drop(response.add_cookie(&cookie));
    Ok(response)
}
