//! The token contract: `/auth` and `/todos`.

mod auth;
mod dto;
mod item;
mod list;

pub use list::parameter_schemas;
use utoipa_actix_web::service_config::ServiceConfig;

pub fn configure(config: &mut ServiceConfig<'_>) {
    auth::configure(config);
    config
        .service(list::list)
        .service(list::create)
        .service(item::get)
        .service(item::update)
        .service(item::delete);
}
