//! The sync contract: `/api/v1`.

mod auth;
mod server;
mod todos;
mod users;

pub use todos::parameter_schemas;
pub use users::write_export;
use utoipa_actix_web::service_config::ServiceConfig;

/// Registers the routes under `/api/v1`. The router tries them in this order, so the most frequent come
/// first.
pub fn configure(config: &mut ServiceConfig<'_>) {
    todos::configure(config);
    config.service(server::describe_server);
    auth::configure(config);
    users::configure(config);
}
