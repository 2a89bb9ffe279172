//! The document, and the page that shows it: everything on it comes from this binary.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use actix_web::http::header::{
    CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ContentType, LOCATION,
};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, get, web};
use utoipa_actix_web::service_config::ServiceConfig;
use utoipa_swagger_ui::Config;

use crate::error::{Answer, Problem};
use crate::openapi_document;

/// Scripts and styles from here alone; the page sets some of its styles inline and shows icons as data.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'";

static DOCUMENT: LazyLock<Bytes> =
    LazyLock::new(|| Bytes::from(openapi_document().to_json().unwrap_or_default()));

static PAGE: LazyLock<Arc<Config<'static>>> =
    LazyLock::new(|| Arc::new(Config::from("/openapi.json").validator_url("none")));

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(document)
        .route("/docs", web::get().to(to_page))
        .route("/docs/", web::get().to(page))
        .route("/docs/{file}", web::get().to(file));
}

/// Give the document
///
/// The OpenAPI 3.1 document of every surface.
#[utoipa::path(
    operation_id = "getOpenApi",
    tag = "Operations",
    responses((status = 200, description = "The document.", body = Object, content_type = "application/json"))
)]
#[get("/openapi.json")]
async fn document() -> HttpResponse {
    HttpResponse::Ok().insert_header(ContentType::json()).body(DOCUMENT.clone())
}

/// The page's files are named relative to a folder.
async fn to_page() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((LOCATION, "/docs/")).finish()
}

async fn page() -> Answer {
    serve("index.html")
}

async fn file(path: web::Path<String>) -> Answer {
    serve(&path)
}

fn serve(name: &str) -> Answer {
    let file = utoipa_swagger_ui::serve(name, PAGE.clone()).map_err(|error| {
        tracing::error!(%error, "the documentation page can't be written");
        Problem::unexpected()
    })?;
    let file = file.ok_or_else(Problem::no_such_route)?;
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, file.content_type))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY));
    if file.gzpipped {
        response.insert_header((CONTENT_ENCODING, "gzip"));
    }
    Ok(response.body(match file.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    }))
}
