//! `/api/v1/auth/logout`

use actix_web::{HttpResponse, post, web};
use domain::session::Scope;
use serde::Deserialize;
use utoipa::ToSchema;

use super::tokens::no_refresh_cookie;
use crate::error::HandlerResult;
use crate::extract::{Body, Caller, Client, Member, Validation};
use crate::state::State;
use crate::wire::as_is;

/// The sessions to end.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"all": false}))]
struct LogoutRequest {
    /// Whether to end all sessions of the user instead of this one.
    #[schema(value_type = Option<bool>)]
    #[serde(default)]
    all: Member<bool>,
}

/// Log out
///
/// Ends this session, or all sessions of the user, with their access tokens and open sockets.
#[utoipa::path(
    operation_id = "logOut",
    tag = "Authentication",
    security(("bearer" = [])),
    request_body(content = Option<LogoutRequest>, description = "The sessions to end; this one by default"),
    responses((status = 204, description = "The user is logged out."))
)]
#[post("/auth/logout")]
pub(super) async fn log_out(
    state: web::Data<State>,
    caller: Caller,
    client: Client,
    body: Body,
) -> HandlerResult {
    caller.may(Scope::Account)?;
    let input: LogoutRequest = body.read_or_default()?;
    let mut validation = Validation::default();
    let all = validation.optional("all", input.all, as_is).unwrap_or(false);
    validation.finish()?;
    state.sessions.log_out(&caller.0, all).await?;
    let mut response = HttpResponse::NoContent();
    if client.trusted_page {
        response.cookie(no_refresh_cookie(&client));
    }
    Ok(response.finish())
}
