//! The keys by which others can check access tokens.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, get, web};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::Api;

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(jwks);
}

/// A set of keys (RFC 7517 section 5).
#[derive(ToSchema)]
#[expect(dead_code, reason = "the form of `Api::public_keys` in the document")]
struct KeySet {
    /// The keys; none where tokens are signed with a secret.
    #[schema(value_type = Vec<Object>)]
    keys: (),
}

/// Give the public keys
///
/// The keys by which access tokens can be checked without this server, as a JSON Web Key Set.
#[utoipa::path(
    operation_id = "getKeys",
    tag = "Operations",
    responses((status = 200, description = "The keys.", body = KeySet))
)]
#[get("/.well-known/jwks.json")]
async fn jwks(api: web::Data<Api>) -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "public, max-age=300")).json(&api.public_keys)
}
