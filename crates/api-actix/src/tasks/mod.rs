//! The task contracts: `/api/tasks`, `/api/auth` and `/api/{user_id}/tasks`. Todos have integer ids here.

mod answers;
mod auth;
mod dto;
mod mine;
mod of_user;

pub(crate) use answers::parameter_schemas;
use utoipa_actix_web::service_config::ServiceConfig;

/// The routes at the root. Fixed paths come before `/api/{user_id}/tasks`, which has their form.
pub fn configure(config: &mut ServiceConfig<'_>) {
    mine::configure(config);
    auth::configure(config);
    of_user::configure(config);
}
