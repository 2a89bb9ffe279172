//! `/auth/logout`

use actix_web::{post, web};
use domain::session::Scope;

use super::COOKIE_PATH;
use super::refresh_token::{RefreshToken, refused};
use crate::error::HandlerResult;
use crate::extract::{Body, Caller, Client};
use crate::state::State;
use crate::wire::{Message, message, no_refresh_cookie};

/// Log out
///
/// Ends this session and the session of the `refresh_token`. All their tokens become invalid.
#[utoipa::path(
    operation_id = "tokenLogOut",
    tag = "Token contract",
    security(("bearer" = [])),
    request_body(content = Option<RefreshToken>, description = "The refresh token"),
    responses(
        (status = 200, description = "The user is logged out.", body = Message, example = json!({"message": "Logout successful"}))
    )
)]
#[post("/auth/logout")]
pub(super) async fn log_out(
    state: web::Data<State>,
    caller: Caller,
    client: Client,
    body: Body,
) -> HandlerResult {
    caller.may(Scope::Account)?;
    let token = body.read_or_default::<RefreshToken<'_>>()?.parse()?;
    let sessions = &state.todos_surface.sessions;
    match token {
        Some(token) => sessions.log_out_with(&caller.0, &token.0).await?.map_err(refused)?,
        None => sessions.log_out(&caller.0, false).await?,
    }
    let mut response = message("Logout successful");
    // Fails only for a value that is not a valid header; an empty one is.
    drop(response.add_cookie(&no_refresh_cookie(&client, COOKIE_PATH)));
    Ok(response)
}
