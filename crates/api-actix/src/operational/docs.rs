//! The OpenAPI and AsyncAPI documents, and the page at `/docs` that shows the former. The binary contains every file of the page.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ContentEncoding, ContentType,
    LOCATION, VARY,
};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, get, web};
use utoipa_actix_web::service_config::ServiceConfig;
use utoipa_swagger_ui::{Config, Url};

use crate::content::Content;
use crate::error::{HandlerResult, Problem};
use crate::middleware::preferred_encoding;
use crate::schema::Documents;

/// Scripts and styles from this server alone. The page has inline styles and `data:` icons.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'";

/// The page, under its own title. Its files are those of Swagger UI.
const INDEX: &str = include_str!("docs.html");
/// How long browsers keep the page's scripts and styles.
const KEEP: &str = "public, max-age=3600";

/// The URLs are relative, because browsers may see the server under a path.
static PAGE: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let documents = [
        Url::with_primary("Sync contract: /api/v1", "../openapi/sync.json", true),
        Url::new("Token contract: /auth and /todos", "../openapi/token.json"),
        Url::new("Task contract: /api/tasks", "../openapi/tasks.json"),
        Url::new("User task contract: /api/{user_id}/tasks", "../openapi/user-tasks.json"),
        Url::new("All contracts and operations", "../openapi.json"),
    ];
    let config = Config::new(documents).validator_url("none").filter(true).persist_authorization(true);
    Arc::new(config.default_models_expand_depth(-1))
});

/// The files of the page that were requested, by their names.
static FILES: Mutex<BTreeMap<String, Arc<File>>> = Mutex::new(BTreeMap::new());

struct File {
    content_type: String,
    content: Content,
}

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(document)
        .service(contract_document)
        .service(asyncapi)
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
    responses((status = 200, description = "The document.", body = std::collections::BTreeMap<String, serde_json::Value>, content_type = "application/json", example = json!({"openapi": "3.1.0"})))
)]
#[get("/openapi.json")]
async fn document(documents: web::Data<Documents>, request: HttpRequest) -> HandlerResult {
    json_document(&documents, "openapi", &request)
}

/// Get the OpenAPI document of a contract
///
/// Returns the part of the OpenAPI 3.1 document that belongs to one contract.
#[utoipa::path(
    operation_id = "getContractOpenApi",
    tag = "Operations",
    params(("contract" = String, Path, description = "The contract: `sync`, `token`, `tasks` or `user-tasks`")),
    responses(
        (status = 200, description = "The document.", body = std::collections::BTreeMap<String, serde_json::Value>, content_type = "application/json", example = json!({"openapi": "3.1.0"})),
        (status = 404, description = "`RESOURCE_003`: the contract does not exist.")
    )
)]
#[get("/openapi/{contract}.json")]
async fn contract_document(
    documents: web::Data<Documents>,
    contract: web::Path<String>,
    request: HttpRequest,
) -> HandlerResult {
    let is_contract = !["openapi", "asyncapi"].contains(&contract.as_str());
    json_document(&documents, if is_contract { &contract } else { "" }, &request)
}

/// Get the AsyncAPI document
///
/// Returns the AsyncAPI 3.0 document of the WebSocket at `/ws/todos`.
#[utoipa::path(
    operation_id = "getAsyncApi",
    tag = "Operations",
    responses((status = 200, description = "The document.", body = std::collections::BTreeMap<String, serde_json::Value>, content_type = "application/json", example = json!({"asyncapi": "3.0.0"})))
)]
#[get("/asyncapi.json")]
async fn asyncapi(documents: web::Data<Documents>, request: HttpRequest) -> HandlerResult {
    json_document(&documents, "asyncapi", &request)
}

fn json_document(documents: &Documents, name: &str, request: &HttpRequest) -> HandlerResult {
    let content = documents.get(name).ok_or_else(Problem::no_such_route)?;
    Ok(respond(request, HttpResponse::Ok().insert_header(ContentType::json()), content))
}

fn respond(request: &HttpRequest, response: &mut HttpResponseBuilder, content: &Content) -> HttpResponse {
    let compressed = match preferred_encoding(request) {
        ContentEncoding::Gzip => content.gzip(),
        _ => None,
    };
    response.insert_header((VARY, "accept-encoding"));
    match compressed {
        Some(compressed) => response.insert_header((CONTENT_ENCODING, "gzip")).body(compressed),
        // The middleware compresses what names no encoding.
        None => response.insert_header((CONTENT_ENCODING, "identity")).body(content.bytes()),
    }
}

/// The page refers to its files by relative paths, so its URL must end with a slash. So is this
/// redirect relative.
async fn to_page() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((LOCATION, "docs/")).finish()
}

async fn page() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(ContentType::html())
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .body(INDEX)
}

async fn file(path: web::Path<String>, request: HttpRequest) -> HandlerResult {
    let file = page_file(&path)?;
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, file.content_type.as_str()))
        .insert_header((CACHE_CONTROL, KEEP))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY));
    Ok(respond(&request, &mut response, &file.content))
}

/// The page's file of this name. The binary has most of them in gzip.
fn page_file(name: &str) -> Result<Arc<File>, Problem> {
    let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(file) = files.get(name) {
        return Ok(file.clone());
    }
    let file = utoipa_swagger_ui::serve(name, PAGE.clone()).map_err(|error| unservable(&*error))?;
    let file = file.ok_or_else(Problem::no_such_route)?;
    let bytes = match file.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    };
    let content = if file.gzpipped {
        Content::from_gzip(bytes).map_err(|error| unservable(&error))?
    } else {
        Content::new(bytes)
    };
    let file = Arc::new(File { content_type: file.content_type, content });
    files.insert(name.to_owned(), file.clone());
    drop(files);
    Ok(file)
}

fn unservable(error: &dyn Error) -> Problem {
    tracing::error!(%error, "the documentation page cannot be served");
    Problem::unexpected()
}
