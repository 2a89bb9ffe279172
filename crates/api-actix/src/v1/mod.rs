//! The sync contract: `/api/v1`.

pub mod todos;

use utoipa_actix_web::service_config::ServiceConfig;

/// The routes under `/api/v1`.
pub fn configure(_config: &mut ServiceConfig<'_>) {}
