//! `/.well-known/jwks.json`: the keys with which others verify access tokens.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, get, web};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::state::State;

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(jwks);
}

/// A JSON Web Key Set (RFC 7517 section 5).
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema of the JSON value that the server is given")]
struct KeySet {
    /// The public keys; empty if tokens are signed with a secret.
    keys: Vec<Key>,
}

/// A public Ed25519 key (RFC 8037).
#[derive(ToSchema)]
#[schema(as = PublicKey)]
#[expect(dead_code, reason = "the schema of the JSON value that the server is given")]
struct Key {
    /// Always `OKP`.
    #[schema(example = "OKP")]
    kty: String,
    /// Always `Ed25519`.
    #[schema(example = "Ed25519")]
    crv: String,
    /// The key in base64url.
    #[schema(example = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")]
    x: String,
    /// The id of the key, which a token has in its header.
    #[schema(example = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")]
    kid: String,
    /// Always `EdDSA`.
    #[schema(example = "EdDSA")]
    alg: String,
    /// Always `sig`.
    #[schema(rename = "use", example = "sig")]
    usage: String,
}

/// Get the public keys
///
/// Returns the keys that verify access tokens, as a JSON Web Key Set.
#[utoipa::path(
    operation_id = "getKeys",
    tag = "Operations",
    responses((status = 200, description = "The keys.", body = KeySet))
)]
#[get("/.well-known/jwks.json")]
async fn jwks(state: web::Data<State>) -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "public, max-age=300")).json(&state.public_keys)
}
