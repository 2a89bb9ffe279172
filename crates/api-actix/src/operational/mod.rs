//! What operators and tools ask: health, figures, the document and its page.

use utoipa_actix_web::service_config::ServiceConfig;

/// The routes at the root.
pub fn configure(_config: &mut ServiceConfig<'_>) {}
