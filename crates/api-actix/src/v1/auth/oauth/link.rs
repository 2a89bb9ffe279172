//! `/api/v1/auth/oauth/{provider}/link`, and `DELETE /api/v1/auth/oauth/{provider}`

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, delete, post, web};
use domain::code::ErrorCode;
use domain::identity::Unlinked;
use domain::session::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use super::flow;
use crate::error::{HandlerResult, Problem};
use crate::extract::{Caller, Client, ProviderPath, Query};
use crate::state::State;
use crate::wire::json;

/// The start of a link.
#[derive(Debug, Serialize, ToSchema)]
struct LinkResponse<'a> {
    /// The URL that this browser must open next.
    #[schema(example = "https://accounts.example.com/authorize?client_id=app&state=m3cVz0Nn5Vw1")]
    authorization_url: &'a str,
}

/// Link a provider
///
/// Starts a flow that links the provider to the caller's account, unless the session ends first. The browser
/// that will open the URL must send this request, with credentials, because the response sets a cookie.
#[utoipa::path(
    operation_id = "linkProvider",
    tag = "Authentication",
    security(("bearer" = [])),
    params(
        ("provider" = String, Path, description = "The provider's name"),
        ("redirect_to" = Option<String>, Query, max_length = 2000,
         description = "The URL to return to: a page of the frontend or of an allowed origin; the frontend by default")
    ),
    responses(
        (status = 200, description = "The URL to open.", body = LinkResponse, headers(
            ("Set-Cookie" = String, description = "Binds the flow to this browser.")
        )),
        (status = 404, description = "`RESOURCE_002`: the provider does not exist."),
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
) -> HandlerResult {
    caller.may(Scope::Account)?;
    let started = flow::start(&state, &path, &query, &client, Some(caller.0)).await?;
    let mut response = json(StatusCode::OK, &LinkResponse { authorization_url: &started.url });
    // Fails only for a value that is not a valid header; base64url always is.
    drop(response.add_cookie(&flow::cookie(&path, &client, &started.flow, &started.binding)));
    Ok(response)
}

/// Unlink a provider
///
/// Removes the link between the provider and the caller's account, unless it is the last way to log in.
#[utoipa::path(
    operation_id = "unlinkProvider",
    tag = "Authentication",
    security(("bearer" = [])),
    params(("provider" = String, Path, description = "The provider's name")),
    responses(
        (status = 204, description = "The provider is unlinked."),
        (status = 403, description = "`AUTHZ_002`: the provider is the last way to log in (set a password or link another provider first), or the token lacks the scope."),
        (status = 404, description = "`RESOURCE_002`: the provider is not linked to the account.")
    )
)]
#[delete("/auth/oauth/{provider}")]
pub(super) async fn unlink_provider(
    state: web::Data<State>,
    caller: Caller,
    path: ProviderPath,
) -> HandlerResult {
    let user = caller.may(Scope::Account)?;
    match state.identities.unlink(user, &path.0).await? {
        Unlinked::Done => Ok(HttpResponse::NoContent().finish()),
        Unlinked::NotLinked => Err(flow::unknown_provider()),
        Unlinked::LastWayIn => Err(Problem::new(
            ErrorCode::ScopeMissing,
            "This is the last way to log in to the account: set a password or link another provider first",
        )),
    }
}
