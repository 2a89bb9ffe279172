//! `/api/v1/auth/oauth/{provider}/link`, and `DELETE /api/v1/auth/oauth/{provider}`

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, delete, post, web};
use domain::account::{LinkStart, UnlinkOutcome};
use domain::code::ErrorCode;
use domain::session::{AuthFailure, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::flow;
use crate::error::{HandlerResult, Problem};
use crate::extract::{Body, Caller, Client, Member, ProviderPath, Query, Text, Validation};
use crate::state::State;
use crate::wire::{as_is, json, not_verified};

/// The start of a link.
#[derive(Debug, Serialize, ToSchema)]
struct LinkResponse<'a> {
    /// The URL that this browser must open next.
    #[schema(example = "https://accounts.example.com/authorize?client_id=app&state=m3cVz0Nn5Vw1")]
    authorization_url: &'a str,
}

/// The confirmation of a change of the ways to log in.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"current_password": "Zebra-Stripe-7"}))]
struct Confirmation<'a> {
    /// The password. Required unless the login is recent.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, format = Password)]
    current_password: Member<Text<'a>>,
}

fn confirmation(input: Confirmation<'_>, validation: &mut Validation) -> Option<String> {
    validation.optional("current_password", input.current_password, as_is).map(|text| text.0.into_owned())
}

/// Link a provider
///
/// Starts a flow that links the provider to the caller's account, unless the session ends first. It
/// needs the password or a login within the last 10 minutes, and never replaces another link. The
/// browser that will open the URL must send this request, with credentials, because the response
/// sets a cookie.
#[utoipa::path(
    operation_id = "linkProvider",
    tag = "Authentication",
    security(("bearer" = [])),
    request_body(content = Option<Confirmation>, description = "The password"),
    params(
        ("provider" = String, Path, description = "The provider's name"),
        ("redirect_to" = Option<String>, Query, max_length = 2000,
         description = "The URL to return to: a page of the frontend or of an allowed origin; the frontend by default")
    ),
    responses(
        (status = 200, description = "The URL to open.", body = LinkResponse, headers(
            ("Set-Cookie" = String, description = "Binds the flow to this browser.")
        )),
        (status = 403, description = "`AUTHZ_002`: an account without a password needs a login within the last 10 minutes (log in again and repeat the request), or the password was reset by email within the last 24 hours, or the token lacks the scope."),
        (status = 404, description = "`RESOURCE_002`: the provider does not exist."),
        (status = 422, description = "`VALIDATION_004`: the login is not recent, and the request has no password. `VALIDATION_007`: the password is wrong. `VALIDATION_006`: a value is invalid."),
        (status = 429, description = "`RATE_001`: too many wrong passwords for this account, or too many requests."),
        (status = 502, description = "`AUTH_010`: the provider is not available at the moment.")
    )
)]
#[post("/auth/oauth/{provider}/link")]
pub(super) async fn link_provider(
    state: web::Data<State>,
    caller: Caller,
    path: ProviderPath,
    client: Client,
    query: Query,
    body: Body,
) -> HandlerResult {
    caller.may(Scope::Account)?;
    let mut validation = Validation::default();
    let return_to = flow::return_to(&state, &query, &mut validation);
    let password = confirmation(body.read_or_default()?, &mut validation);
    validation.finish()?;
    let outcome = state.accounts.start_link(&caller.0, &path.0, return_to, password.as_deref()).await?;
    let started = match outcome {
        LinkStart::Flow(outcome) => flow::started(outcome, &path)?,
        LinkStart::NotVerified(reason) => return Err(not_verified(reason, "current_password")),
        LinkStart::NoSuchUser => return Err(Problem::account_gone()),
    };
    let mut response = json(StatusCode::OK, &LinkResponse { authorization_url: &started.url });
    // Fails only for a value that is not a valid header; base64url always is.
    drop(response.add_cookie(&flow::cookie(&path, &client, &started.flow, &started.binding)));
    Ok(response)
}

/// Unlink a provider
///
/// Removes the link between the provider and the caller's account, unless it is the last way to log
/// in. It needs the password or a login within the last 10 minutes.
#[utoipa::path(
    operation_id = "unlinkProvider",
    tag = "Authentication",
    security(("bearer" = [])),
    request_body(content = Option<Confirmation>, description = "The password"),
    params(("provider" = String, Path, description = "The provider's name")),
    responses(
        (status = 204, description = "The provider is unlinked."),
        (status = 403, description = "`AUTHZ_002`: the provider is the last way to log in (set a password or link another provider first), or an account without a password needs a login within the last 10 minutes, or the password was reset by email within the last 24 hours, or the token lacks the scope."),
        (status = 404, description = "`RESOURCE_002`: the provider is not linked to the account."),
        (status = 422, description = "`VALIDATION_004`: the login is not recent, and the request has no password. `VALIDATION_007`: the password is wrong. `VALIDATION_006`: the password is not a string."),
        (status = 429, description = "`RATE_001`: too many wrong passwords for this account, or too many requests.")
    )
)]
#[delete("/auth/oauth/{provider}")]
pub(super) async fn unlink_provider(
    state: web::Data<State>,
    caller: Caller,
    path: ProviderPath,
    body: Body,
) -> HandlerResult {
    caller.may(Scope::Account)?;
    let mut validation = Validation::default();
    let password = confirmation(body.read_or_default()?, &mut validation);
    validation.finish()?;
    match state.accounts.unlink(&caller.0, &path.0, password.as_deref()).await? {
        UnlinkOutcome::Done => Ok(HttpResponse::NoContent().finish()),
        UnlinkOutcome::NotLinked => Err(flow::unknown_provider()),
        UnlinkOutcome::LastWayIn => Err(Problem::new(
            ErrorCode::ScopeMissing,
            "This is the last way to log in to the account that this server offers: set a password or link another \
             provider first",
        )),
        UnlinkOutcome::NotVerified(reason) => Err(not_verified(reason, "current_password")),
        UnlinkOutcome::NoSuchUser => Err(Problem::account_gone()),
        UnlinkOutcome::SessionEnded => Err(AuthFailure::Revoked.into()),
    }
}
