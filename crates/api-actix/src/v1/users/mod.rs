//! `/api/v1/users`: the caller's account, devices and data.

mod devices;
mod export;
mod me;

pub use export::write_export;
use utoipa_actix_web::service_config::ServiceConfig;

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(me::get_me)
        .service(me::update_me)
        .service(me::delete_me)
        .service(export::export_me)
        .service(devices::list_devices)
        .service(devices::end_device);
}
