//! The token contract: `/auth` and `/todos`.

mod auth;
mod dto;
mod list;
mod sessions;
mod single;

pub(crate) use list::parameter_schemas;
use utoipa_actix_web::service_config::ServiceConfig;

/// The routes at the root.
pub fn configure(config: &mut ServiceConfig<'_>) {
    auth::configure(config);
    sessions::configure(config);
    list::configure(config);
    single::configure(config);
}
