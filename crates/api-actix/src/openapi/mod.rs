//! The OpenAPI 3.1 document.

use actix_web::App;
use utoipa::openapi::OpenApi;
use utoipa_actix_web::AppExt as _;

use crate::routes;

/// The whole document, as `/openapi.json` serves it.
#[must_use]
pub fn openapi_document() -> OpenApi {
    let (_, document) = App::new().into_utoipa_app().configure(routes::configure).split_for_parts();
    document
}
