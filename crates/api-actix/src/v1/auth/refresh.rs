//! `/api/v1/auth/refresh`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, post, web};
use domain::code::ErrorCode;
use domain::session::RefreshOutcome;
use serde::Deserialize;
use utoipa::ToSchema;

use super::tokens::{self, TokenResponse};
use crate::error::{HandlerResult, Problem};
use crate::extract::{Body, Client, Member, Text, Validation};
use crate::state::State;
use crate::wire::{as_is, refresh_token};

/// A refresh token.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"refresh_token": "m3cVz0Nn5Vw1m0YQ0b0b1l2yq2m3u4r5s6t7u8v9w0x"}))]
struct RefreshRequest<'a> {
    /// The refresh token. If it is missing, the server reads the cookie.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>)]
    refresh_token: Member<Text<'a>>,
}

/// Refresh the tokens
///
/// Returns new tokens and replaces the refresh token. If the same token comes again within 30 seconds, or
/// before its successor has been used, the response has the same successor; after that, reuse ends the
/// session. The token may come in the cookie `refresh_token`, but only from pages of an allowed origin.
#[utoipa::path(
    operation_id = "refreshTokens",
    tag = "Authentication",
    request_body(content = Option<RefreshRequest>, description = "The refresh token, unless it comes in the cookie"),
    responses(
        (status = 200, description = "The new tokens.", body = TokenResponse),
        (status = 401, description = "`AUTH_003`: the token has expired. `AUTH_004`: its session has ended. `AUTH_005`: the token is missing or unknown. `AUTH_007`: the account is disabled."),
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
    let input: RefreshRequest<'_> = body.read_or_default()?;
    let mut validation = Validation::default();
    let token = validation.optional("refresh_token", input.refresh_token, as_is);
    validation.finish()?;
    let token = refresh_token(token, &request, &client)?;
    match state.sessions.refresh(&token, &client.device(None)).await? {
        RefreshOutcome::Done(login) => Ok(tokens::response(StatusCode::OK, &login, &client, &state)),
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
