//! `/api/v1/auth/oauth/providers`

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::state::State;
use crate::wire::json;

/// A provider through which users can log in.
#[derive(Debug, Serialize, ToSchema)]
struct Provider<'a> {
    /// The provider's name in paths.
    #[schema(example = "google")]
    name: &'a str,
    /// The provider's name for users.
    #[schema(example = "Google")]
    display_name: &'a str,
}

/// List the providers
///
/// Returns the OAuth providers that this server is configured for.
#[utoipa::path(
    operation_id = "listOAuthProviders",
    tag = "Authentication",
    responses((status = 200, description = "The configured providers.", body = Vec<Provider>))
)]
#[get("/auth/oauth/providers")]
pub(super) async fn list_providers(state: web::Data<State>) -> HttpResponse {
    let providers = state.identities.providers();
    let list: Vec<_> = providers.map(|(name, display_name)| Provider { name, display_name }).collect();
    json(StatusCode::OK, &list)
}
