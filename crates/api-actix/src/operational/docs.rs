//! `/openapi.json`, and the page at `/docs` that shows it. The binary contains every file of the page.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use actix_web::http::header::{
    CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ContentType, LOCATION,
};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, get, web};
use utoipa_actix_web::service_config::ServiceConfig;
use utoipa_swagger_ui::Config;

use crate::error::{HandlerResult, Problem};
use crate::schema::DocumentJson;

/// Scripts and styles from this server alone. The page has inline styles and `data:` icons.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'";

static PAGE: LazyLock<Arc<Config<'static>>> =
    LazyLock::new(|| Arc::new(Config::from("/openapi.json").validator_url("none")));

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(document)
        .route("/docs", web::get().to(to_page))
        .route("/docs/", web::get().to(page))
        .route("/docs/{file}", web::get().to(file));
}

/// Get the OpenAPI document
///
/// Returns the OpenAPI 3.1 document of all contracts.
#[utoipa::path(
    operation_id = "getOpenApi",
    tag = "Operations",
    responses((status = 200, description = "The document.", body = Object, content_type = "application/json"))
)]
#[get("/openapi.json")]
async fn document(request: HttpRequest) -> HandlerResult {
    let document = request.app_data::<&'static DocumentJson>().ok_or_else(Problem::unexpected)?;
    Ok(HttpResponse::Ok().insert_header(ContentType::json()).body((***document).clone()))
}

/// The page refers to its files by relative paths, so its URL must end with a slash.
async fn to_page() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((LOCATION, "/docs/")).finish()
}

async fn page() -> HandlerResult {
    serve("index.html")
}

async fn file(path: web::Path<String>) -> HandlerResult {
    serve(&path)
}

fn serve(name: &str) -> HandlerResult {
    let file = utoipa_swagger_ui::serve(name, PAGE.clone()).map_err(|error| {
        tracing::error!(%error, "the documentation page cannot be served");
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
