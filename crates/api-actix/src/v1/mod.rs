//! The sync contract: `/api/v1`.

mod auth;
mod server;
mod todos;
mod users;

pub use users::write_export;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::schema::NamedSchema;

/// The schemas of query parameters.
pub fn parameter_schemas() -> impl Iterator<Item = NamedSchema> {
    todos::parameter_schemas().into_iter().chain([auth::parameter_schema()])
}

/// Registers the routes under `/api/v1`. The router tries them in this order, so the most frequent come
/// first.
pub fn configure(config: &mut ServiceConfig<'_>) {
    todos::configure(config);
    config.service(server::describe_server);
    auth::configure(config);
    users::configure(config);
}
