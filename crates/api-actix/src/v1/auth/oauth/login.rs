//! `/api/v1/auth/oauth/{provider}/login`

use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, get, web};

use super::flow;
use crate::error::HandlerResult;
use crate::extract::{Client, ProviderPath, Query};
use crate::state::State;

/// Log in with a provider
///
/// Redirects the browser to the provider. The provider redirects it to the callback, and the callback to
/// `redirect_to` with a one-time `code`.
#[utoipa::path(
    operation_id = "logInWithProvider",
    tag = "Authentication",
    params(
        ("provider" = String, Path, description = "The provider's name"),
        ("redirect_to" = Option<String>, Query, max_length = 2000,
         description = "The URL to return to: a page of the frontend or of an allowed origin; the frontend by default")
    ),
    responses(
        (status = 302, description = "A redirect to the provider.", headers(
            ("Location" = String, description = "The provider's page."),
            ("Set-Cookie" = String, description = "Binds the login to this browser.")
        )),
        (status = 404, description = "`RESOURCE_002`: the provider does not exist."),
        (status = 502, description = "`AUTH_010`: the provider is not available at the moment.")
    )
)]
#[get("/auth/oauth/{provider}/login")]
pub(super) async fn log_in(
    state: web::Data<State>,
    path: ProviderPath,
    client: Client,
    query: Query,
) -> HandlerResult {
    let started = flow::start(&state, &path, &query, &client, None).await?;
    Ok(HttpResponse::Found()
        .insert_header((LOCATION, started.url))
        .cookie(flow::cookie(&path, &client, &started.flow, &started.binding))
        .finish())
}
