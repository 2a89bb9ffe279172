//! `/api/v1/auth/magic-link/request` and `/api/v1/auth/magic-link/verify`

use actix_web::http::StatusCode;
use actix_web::{get, post, web};
use domain::account::MagicLinkOutcome;
use domain::text::ClientId;

use super::mail::{MailRequest, accepted};
use super::response_padding::pad;
use super::tokens::{self, TokenResponse};
use crate::error::{HandlerResult, Problem};
use crate::extract::{Body, Client, Query, Validation};
use crate::state::State;
use crate::wire::as_is;

/// Request a magic link
///
/// Sends a link with which the user can log in within 15 minutes. If the email address has no account, using
/// the link creates one; the response is the same.
#[utoipa::path(
    operation_id = "requestMagicLink",
    tag = "Authentication",
    request_body(content = MailRequest, description = "The email address"),
    responses((status = 202, description = "The server sends an email."))
)]
#[post("/auth/magic-link/request")]
pub(super) async fn request_magic_link(state: web::Data<State>, client: Client, body: Body) -> HandlerResult {
    let email = body.read::<MailRequest<'_>>()?.parse()?;
    let accounts = client.accounts(&state.accounts);
    accepted(&pad(accounts.request_magic_link(&email, client.ip)).await?)
}

/// Log in with a magic link
///
/// Accepts the token of the email once, and creates the account if there is none. A page of an allowed origin
/// also receives the refresh token as a cookie.
#[utoipa::path(
    operation_id = "verifyMagicLink",
    tag = "Authentication",
    params(
        ("token" = String, Query, description = "The token in the link of the mail"),
        ("client_id" = Option<String>, Query, max_length = 100, description = "The name of the device")
    ),
    responses(
        (status = 200, description = "The user is logged in.", body = TokenResponse),
        (status = 400, description = "`AUTH_008`: the token is unknown, used or expired."),
        (status = 401, description = "`AUTH_007`: the account is disabled.")
    )
)]
#[get("/auth/magic-link/verify")]
pub(super) async fn use_magic_link(state: web::Data<State>, client: Client, query: Query) -> HandlerResult {
    let mut validation = Validation::default();
    let token = query.required(&mut validation, "token", |text| as_is(text.to_owned()));
    let client_id = query.get(&mut validation, "client_id", ClientId::parse);
    let (Some(token), true) = (token, validation.is_ok()) else { return Err(validation.into()) };
    match state.accounts.use_magic_link(&token, client.device(client_id)).await? {
        MagicLinkOutcome::Done(login) => Ok(tokens::response(StatusCode::OK, &login, &client, &state)),
        MagicLinkOutcome::Invalid => Err(Problem::one_time_token_invalid()),
        MagicLinkOutcome::Disabled => Err(Problem::account_gone()),
    }
}
