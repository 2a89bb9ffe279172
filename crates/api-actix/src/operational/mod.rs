//! What operators and tools ask: health, figures, the document and its page.

mod docs;
mod health;
mod keys;

use ::metrics::gauge;
use actix_web::http::header::{CACHE_CONTROL, ContentType};
use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::Api;
use crate::error::{Answer, Problem};

/// The routes at the root.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(index).service(metrics);
    health::configure(config);
    docs::configure(config);
    keys::configure(config);
}

/// What this is, and where to read on.
#[derive(Debug, Serialize, ToSchema)]
struct Index {
    /// The product.
    #[schema(example = "todo-server")]
    name: &'static str,
    /// Its version.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// The page to read and try the API.
    #[schema(example = "/docs")]
    docs: &'static str,
    /// The document to generate clients from.
    #[schema(example = "/openapi.json")]
    openapi: &'static str,
    /// Whether it is well.
    #[schema(example = "/health")]
    health: &'static str,
}

/// Say what this is
///
/// Name and version, and links to documentation, document and health.
#[utoipa::path(operation_id = "getIndex", tag = "Operations", responses((status = 200, description = "What this is.", body = Index)))]
#[get("/")]
async fn index() -> HttpResponse {
    HttpResponse::Ok().json(Index {
        name: "todo-server",
        version: env!("CARGO_PKG_VERSION"),
        docs: "/docs",
        openapi: "/openapi.json",
        health: "/health",
    })
}

/// Give the figures
///
/// Counters and histograms in the Prometheus text format. Nothing in them names a user or a raw path. With `METRICS_PORT` set they are
/// there on that port alone.
#[utoipa::path(
    operation_id = "getMetrics",
    tag = "Operations",
    responses(
        (status = 200, description = "The figures.", body = String, content_type = "text/plain"),
        (status = 404, description = "`RESOURCE_003`: they are on a port of their own.")
    )
)]
#[get("/metrics")]
async fn metrics(api: web::Data<Api>) -> Answer {
    if api.settings.metrics_apart {
        return Err(Problem::no_such_route());
    }
    Ok(figures(api).await)
}

/// The figures, wherever they are asked for.
pub async fn figures(api: web::Data<Api>) -> HttpResponse {
    let load = api.probe.load();
    gauge!("database_connections_in_use").set(count(load.in_use));
    gauge!("database_requests_waiting").set(count(load.waiting));
    gauge!("http_answers_unread_bytes").set(count(api.unread.bytes()));
    HttpResponse::Ok()
        .insert_header(ContentType::plaintext())
        .insert_header((CACHE_CONTROL, "no-store"))
        .body((api.render_metrics)())
}

/// A number that is small against what a float keeps exactly.
fn count(number: usize) -> f64 {
    u32::try_from(number).unwrap_or(u32::MAX).into()
}
