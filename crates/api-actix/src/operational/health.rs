//! Whether this instance is well, alive, and wants requests.

use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::Api;
use crate::error::tell;
use crate::moment::Moment;

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(health).service(live).service(ready);
}

/// How an instance is.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// In a word.
    status: Status,
    /// Whether the database answers.
    database: Database,
    /// What was looked at.
    checks: HealthChecks,
    /// When.
    #[schema(value_type = String, format = DateTime, example = "2026-01-12T20:30:00.000000Z")]
    timestamp: Moment,
}

/// How an instance is, in a word.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = HealthStatus)]
enum Status {
    Healthy,
    Unhealthy,
    ShuttingDown,
}

/// Whether the database answers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DatabaseStatus)]
enum Database {
    Connected,
    Disconnected,
}

/// What was looked at.
#[derive(Debug, Serialize, ToSchema)]
struct HealthChecks {
    /// Whether the database answers.
    #[schema(example = true)]
    db_connection: bool,
    /// Whether Redis answers; null where none is configured.
    #[schema(required = true)]
    redis: Option<bool>,
}

async fn look(api: &Api, leaving: bool) -> HttpResponse {
    let connected = match api.probe.probe().await {
        Ok(()) => true,
        Err(error) => {
            tell(&error);
            false
        }
    };
    let (code, status) = match (leaving, connected) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, Status::ShuttingDown),
        (false, true) => (StatusCode::OK, Status::Healthy),
        (false, false) => (StatusCode::SERVICE_UNAVAILABLE, Status::Unhealthy),
    };
    let database = if connected { Database::Connected } else { Database::Disconnected };
    let checks = HealthChecks { db_connection: connected, redis: None };
    let timestamp = Moment(api.clock.now());
    HttpResponse::build(code).insert_header((CACHE_CONTROL, "no-store")).json(Health {
        status,
        database,
        checks,
        timestamp,
    })
}

/// Ask how the instance is
///
/// Looks at everything that it depends on.
#[utoipa::path(
    operation_id = "getHealth",
    tag = "Operations",
    responses(
        (status = 200, description = "It is well.", body = Health),
        (status = 503, description = "The database does not answer.", body = Health)
    )
)]
#[get("/health")]
async fn health(api: web::Data<Api>) -> HttpResponse {
    look(&api, false).await
}

/// Whether a process is alive.
#[derive(Debug, Serialize, ToSchema)]
struct Liveness {
    /// Always `alive`.
    #[schema(example = "alive")]
    status: &'static str,
}

/// Ask whether the process is alive
///
/// Answers without looking at anything: an instance that does not answer should be started anew.
#[utoipa::path(
    operation_id = "getLiveness",
    tag = "Operations",
    responses((status = 200, description = "It is.", body = Liveness))
)]
#[get("/health/live")]
async fn live() -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(Liveness { status: "alive" })
}

/// Ask whether the instance wants requests
///
/// Not while it is shutting down, nor while the database does not answer.
#[utoipa::path(
    operation_id = "getReadiness",
    tag = "Operations",
    responses(
        (status = 200, description = "It does.", body = Health),
        (status = 503, description = "It does not.", body = Health)
    )
)]
#[get("/health/ready")]
async fn ready(api: web::Data<Api>) -> HttpResponse {
    look(&api, api.is_shutting_down()).await
}
