//! Logging in by a link in a mail.

use actix_web::http::StatusCode;
use actix_web::{get, post, web};
use domain::account::MagicLinkOutcome;
use domain::text::ClientId;
use utoipa_actix_web::service_config::ServiceConfig;

use super::email_tokens::{MailRequest, accepted};
use super::like_time::in_like_time;
use super::tokens::{self, TokenResponse};
use crate::Api;
use crate::error::{Answer, Problem};
use crate::extract::{Body, Checks, Client, Query};
use crate::shared::as_is;

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(request_magic_link).service(use_magic_link);
}

/// Ask for a magic link
///
/// Sends a link that logs in, good for 15 minutes. Whoever has no account yet gets one when they use it; the answer is the same.
#[utoipa::path(
    operation_id = "requestMagicLink",
    tag = "Authentication",
    request_body(content = MailRequest, description = "The address"),
    responses((status = 202, description = "The mail is on its way."))
)]
#[post("/auth/magic-link/request")]
async fn request_magic_link(api: web::Data<Api>, client: Client, body: Body) -> Answer {
    let email = body.read::<MailRequest<'_>>()?.parse()?;
    accepted(in_like_time(api.accounts.request_magic_link(&email, client.ip)).await?)
}

/// Log in with a magic link
///
/// Takes the token of the mail once, and makes the account if there is none. A page of an allowed origin also gets the refresh token
/// as a cookie.
#[utoipa::path(
    operation_id = "useMagicLink",
    tag = "Authentication",
    params(
        ("token" = String, Query, description = "The token that the link of the mail carried"),
        ("client_id" = Option<String>, Query, max_length = 100, description = "The name the device gives itself")
    ),
    responses(
        (status = 200, description = "The session is open.", body = TokenResponse),
        (status = 400, description = "`AUTH_008`: the token is unknown, used or expired."),
        (status = 401, description = "`AUTH_007`: the account is disabled.")
    )
)]
#[get("/auth/magic-link/verify")]
async fn use_magic_link(api: web::Data<Api>, client: Client, query: Query) -> Answer {
    let mut checks = Checks::default();
    let token = query.required(&mut checks, "token", |text| as_is(text.to_owned()));
    let client_id = query.get(&mut checks, "client_id", ClientId::parse);
    let (Some(token), true) = (token, checks.passed()) else { return Err(checks.into()) };
    match api.accounts.use_magic_link(&token, client.device(client_id)).await? {
        MagicLinkOutcome::Done(login) => Ok(tokens::answer(StatusCode::OK, &login, &client, &api)),
        MagicLinkOutcome::Invalid => Err(Problem::one_time_token_invalid()),
        MagicLinkOutcome::Disabled => Err(Problem::account_gone()),
    }
}
