//! `/health`, `/health/live` and `/health/ready`.

use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::error::log_store_error;
use crate::rfc3339::Rfc3339;
use crate::state::State;

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(health).service(live).service(ready);
}

/// The health of an instance.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// The overall status.
    status: Status,
    /// The connection to the database.
    database: Database,
    /// The individual checks.
    checks: HealthChecks,
    /// When the checks ran.
    #[schema(value_type = String, format = DateTime, example = "2026-01-12T20:30:00.000000Z")]
    timestamp: Rfc3339,
}

/// The overall status of an instance. A degraded one serves requests, but counts rate limits for itself, because
/// Redis is away.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = HealthStatus)]
enum Status {
    Healthy,
    Degraded,
    Unhealthy,
    ShuttingDown,
}

/// The connection to the database.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DatabaseStatus)]
enum Database {
    Connected,
    Disconnected,
}

/// The individual checks.
#[derive(Debug, Serialize, ToSchema)]
struct HealthChecks {
    /// Whether the database responds and can be written.
    #[schema(example = true)]
    db_connection: bool,
    /// Whether the list of ended sessions is recent enough to check access tokens.
    #[schema(example = true)]
    revocations: bool,
    /// Whether Redis counts the rate limits; null if none is configured.
    #[schema(required = true)]
    redis: Option<bool>,
}

async fn check(state: &State, is_shutting_down: bool) -> HttpResponse {
    let connected = match state.probe.probe().await {
        Ok(()) => true,
        Err(error) => {
            log_store_error(&error);
            false
        }
    };
    let can_check_tokens = state.sessions.can_check();
    let redis = state.redis.as_ref().map(|is_up| is_up());
    let (code, status) = match (is_shutting_down, connected && can_check_tokens) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, Status::ShuttingDown),
        (false, true) if redis == Some(false) => (StatusCode::OK, Status::Degraded),
        (false, true) => (StatusCode::OK, Status::Healthy),
        (false, false) => (StatusCode::SERVICE_UNAVAILABLE, Status::Unhealthy),
    };
    let database = if connected { Database::Connected } else { Database::Disconnected };
    let checks = HealthChecks { db_connection: connected, revocations: can_check_tokens, redis };
    let timestamp = Rfc3339(state.clock.now());
    HttpResponse::build(code).insert_header((CACHE_CONTROL, "no-store")).json(Health {
        status,
        database,
        checks,
        timestamp,
    })
}

/// Check the health of the instance
///
/// Checks everything that the instance depends on.
#[utoipa::path(
    operation_id = "getHealth",
    tag = "Operations",
    responses(
        (status = 200, description = "The instance serves requests; it is healthy, or degraded while Redis is away.", body = Health),
        (status = 503, description = "The database does not respond or can't be written, or no access token can be checked.", body = Health)
    )
)]
#[get("/health")]
async fn health(state: web::Data<State>) -> HttpResponse {
    check(&state, false).await
}

/// The process is alive.
#[derive(Debug, Serialize, ToSchema)]
struct Liveness {
    /// Always `alive`.
    #[schema(example = "alive")]
    status: &'static str,
}

/// Check that the process is alive
///
/// Responds without any check. Restart an instance that does not respond.
#[utoipa::path(
    operation_id = "getLiveness",
    tag = "Operations",
    responses((status = 200, description = "The process is alive.", body = Liveness))
)]
#[get("/health/live")]
async fn live() -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(Liveness { status: "alive" })
}

/// Check whether the instance is ready for requests
///
/// The instance is not ready while it shuts down, while the database does not respond or can't be written, and
/// while no access token can be checked.
#[utoipa::path(
    operation_id = "getReadiness",
    tag = "Operations",
    responses(
        (status = 200, description = "The instance is ready.", body = Health),
        (status = 503, description = "The instance is not ready.", body = Health)
    )
)]
#[get("/health/ready")]
async fn ready(state: web::Data<State>) -> HttpResponse {
    check(&state, state.is_shutting_down()).await
}
