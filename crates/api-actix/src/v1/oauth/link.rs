//! Linking a provider to the own account, and taking it away.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, delete, post, web};
use domain::code::ErrorCode;
use domain::identity::Unlinked;
use domain::session::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use super::{binding, no_such_provider, start};
use crate::Api;
use crate::error::{Answer, Problem};
use crate::extract::{Caller, Client, ProviderPath, Query};
use crate::shared::json;

/// Where to link a provider.
#[derive(Debug, Serialize, ToSchema)]
struct LinkResponse<'a> {
    /// Where to send this very browser.
    #[schema(example = "https://accounts.example.com/authorize?client_id=app&state=m3cVz0Nn5Vw1")]
    authorization_url: &'a str,
}

/// Link a provider
///
/// Begins a flow that ends with the provider linked to the caller's account, unless the session ends first. The request has to come from the browser that then
/// opens the address, with credentials: the answer sets a cookie.
#[utoipa::path(
    operation_id = "linkProvider",
    tag = "Authentication",
    security(("bearer" = [])),
    params(
        ("provider" = String, Path, description = "The provider's name"),
        ("redirect_to" = Option<String>, Query, max_length = 2000,
         description = "Where the browser comes out: an address of the frontend or of an allowed origin; the frontend by default")
    ),
    responses(
        (status = 200, description = "Where to go on.", body = LinkResponse, headers(
            ("Set-Cookie" = String, description = "Binds the flow to this browser.")
        )),
        (status = 404, description = "`RESOURCE_002`: there is no such provider."),
        (status = 502, description = "`AUTH_010`: the provider can't be used at the moment.")
    )
)]
#[post("/auth/oauth/{provider}/link")]
pub async fn link_provider(
    api: web::Data<Api>,
    caller: Caller,
    path: ProviderPath,
    client: Client,
    query: Query,
) -> Answer {
    caller.may(Scope::Account)?;
    let started = start(&api, &path, &query, &client, Some(caller.0)).await?;
    let mut response = json(StatusCode::OK, &LinkResponse { authorization_url: &started.url });
    // Fails only for a value that is no header, and base64url always is.
    drop(response.add_cookie(&binding(&path, &client, &started.flow, &started.binding)));
    Ok(response)
}

/// Unlink a provider
///
/// Takes it from the caller's account, unless it is the last way to log in.
#[utoipa::path(
    operation_id = "unlinkProvider",
    tag = "Authentication",
    security(("bearer" = [])),
    params(("provider" = String, Path, description = "The provider's name")),
    responses(
        (status = 204, description = "It is linked no more."),
        (status = 403, description = "`AUTHZ_002`: it is the last way to log in (set a password or link another provider first), or the token does not allow this."),
        (status = 404, description = "`RESOURCE_002`: the account is not linked to such a provider.")
    )
)]
#[delete("/auth/oauth/{provider}")]
pub async fn unlink_provider(api: web::Data<Api>, caller: Caller, path: ProviderPath) -> Answer {
    let user = caller.may(Scope::Account)?;
    match api.identities.unlink(user, &path.0).await? {
        Unlinked::Done => Ok(HttpResponse::NoContent().finish()),
        Unlinked::NotLinked => Err(no_such_provider()),
        Unlinked::LastWayIn => Err(Problem::new(
            ErrorCode::ScopeMissing,
            "This is the last way to log in to the account: set a password or link another provider first",
        )),
    }
}
