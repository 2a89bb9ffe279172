//! `/auth/refresh`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, post, web};
use domain::session::{AuthFailure, RenewalOutcome};
use serde::Serialize;
use utoipa::ToSchema;

use super::refresh_token::{RefreshToken, refused};
use crate::error::{HandlerResult, Problem};
use crate::extract::{Body, Client};
use crate::state::State;
use crate::wire::{TokenType, json, refresh_token};

/// A new access token.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TodosAccessToken)]
struct NewAccessToken<'a> {
    /// The token for requests: `Authorization: Bearer <access_token>`.
    #[schema(example = "eyJhbGciOiJIUzI1NiJ9.eyJ0eXBlIjoiYWNjZXNzIn0.c2lnbmF0dXJl")]
    access_token: &'a str,
    /// How to send the access token.
    token_type: TokenType,
    /// The lifetime of the access token in seconds.
    #[schema(minimum = 1, example = 3600)]
    expires_in: u64,
}

/// Get a new access token
///
/// Returns a new access token. The refresh token remains valid. It may come in the cookie `refresh_token`, but
/// only from pages of an allowed origin.
#[utoipa::path(
    operation_id = "tokenRefresh",
    tag = "Token contract",
    request_body(content = Option<RefreshToken>, description = "The refresh token, unless it comes in the cookie"),
    responses(
        (status = 200, description = "The new access token.", body = NewAccessToken),
        (status = 401, description = "`AUTH_003`: the token has expired. `AUTH_004`: its session has ended. `AUTH_005`: the token is missing, malformed or not a refresh token. `AUTH_006`: the token is not from this server. `AUTH_007`: the account is disabled."),
        (status = 403, description = "`AUTHZ_002`: the cookie comes from a page of a foreign origin.")
    )
)]
#[post("/auth/refresh")]
pub(super) async fn refresh(
    state: web::Data<State>,
    client: Client,
    request: HttpRequest,
    body: Body,
) -> HandlerResult {
    let token = body.read_or_default::<RefreshToken<'_>>()?.parse()?;
    let token = refresh_token(token, &request, &client)?;
    match state.todos_surface.sessions.renew(&token, &client.device(None)).await? {
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
