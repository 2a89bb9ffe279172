//! `/api/v1/todos`

mod bulk;
mod import;
mod input;
mod item;
mod items;
mod list;
mod response;
mod sync;

pub use list::parameter_schemas;
use utoipa_actix_web::service_config::ServiceConfig;

/// Fixed paths come before `/todos/{id}`, which matches them too.
pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list::list)
        .service(list::create)
        .service(import::create_many)
        .service(bulk::update_many)
        .service(sync::sync)
        .service(item::get)
        .service(item::update)
        .service(item::delete)
        .service(item::restore);
}
