//! The endpoints for operators and tools: health, metrics, keys, and the API document with its page.

mod docs;
mod health;
mod keys;

use ::metrics::gauge;
use actix_web::http::header::{CACHE_CONTROL, ContentType, VARY};
use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::error::{HandlerResult, Problem};
use crate::state::State;
use crate::web_app::WebApp;

/// Registers the operational routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(index).service(metrics);
    health::configure(config);
    docs::configure(config);
    keys::configure(config);
}

/// The server and its entry points.
#[derive(Debug, Serialize, ToSchema)]
struct Index {
    /// The name of the server.
    #[schema(example = "todo-server")]
    name: &'static str,
    /// The version of the server.
    #[schema(example = "0.2.0")]
    version: &'static str,
    /// The interactive documentation.
    #[schema(example = "/docs")]
    docs: String,
    /// The OpenAPI document.
    #[schema(example = "/openapi.json")]
    openapi: String,
    /// The health check.
    #[schema(example = "/health")]
    health: String,
}

/// Get the index
///
/// Returns the name and version of the server, and links to the documentation, the OpenAPI document and the
/// health check. A client whose `Accept` names `text/html` gets the first page of the web app, where the
/// server has one.
#[utoipa::path(operation_id = "getIndex", tag = "Operations", responses((status = 200, description = "The index.", body = Index)))]
#[get("/")]
async fn index(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    if let Some(page) = WebApp::of(&request).and_then(|app| app.first_page(&request)) {
        return page;
    }
    let at = |path: &str| format!("{}{path}", state.settings.public_path());
    HttpResponse::Ok().insert_header((VARY, "accept")).json(Index {
        name: "todo-server",
        version: env!("CARGO_PKG_VERSION"),
        docs: at("/docs"),
        openapi: at("/openapi.json"),
        health: at("/health"),
    })
}

/// Get the metrics
///
/// Returns counters and histograms in the Prometheus text format. They contain no user ids and no raw paths.
/// If `METRICS_PORT` is set, only that port serves them.
#[utoipa::path(
    operation_id = "getMetrics",
    tag = "Operations",
    responses(
        (status = 200, description = "The metrics.", body = String, content_type = "text/plain"),
        (status = 404, description = "`RESOURCE_003`: the metrics have a port of their own.")
    )
)]
#[get("/metrics")]
async fn metrics(state: web::Data<State>) -> HandlerResult {
    if state.settings.metrics_apart {
        return Err(Problem::no_such_route());
    }
    Ok(render_metrics(state).await)
}

/// `/metrics`, whatever the port.
pub async fn render_metrics(state: web::Data<State>) -> HttpResponse {
    let load = state.probe.load();
    gauge!("database_connections_in_use").set(count(load.in_use));
    gauge!("database_connections_max").set(count(load.max));
    gauge!("database_requests_waiting").set(count(load.waiting));
    let age = state.sessions.revocations_age();
    gauge!("revocations_age_seconds").set(age.map_or(f64::INFINITY, |age| age.as_secs_f64()));
    gauge!("http_bodies_in_flight_bytes").set(count(state.body_memory.reserved_bytes()));
    gauge!("http_heads_incomplete_bytes").set(count(state.head_memory.reserved_bytes()));
    gauge!("http_answers_unread_bytes").set(count(state.response_memory.reserved_bytes()));
    gauge!("realtime_unsent_bytes").set(count(state.socket_memory.reserved_bytes()));
    HttpResponse::Ok()
        .insert_header(ContentType::plaintext())
        .insert_header((CACHE_CONTROL, "no-store"))
        .body((state.render_metrics)())
}

/// Converts a gauge, which is far below the largest integer that a float represents exactly.
fn count(number: usize) -> f64 {
    u32::try_from(number).unwrap_or(u32::MAX).into()
}
