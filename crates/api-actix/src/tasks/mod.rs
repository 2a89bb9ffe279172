//! The task contracts: `/api/auth`, `/api/tasks` and `/api/{user_id}/tasks`. Todos are called tasks and have
//! integer ids here.

mod auth;
mod dto;
mod list;
mod operations;
mod own_tasks;
mod user_tasks;
mod window;

use utoipa_actix_web::service_config::ServiceConfig;
pub use window::parameter_schemas;

/// Fixed paths come before `/api/{user_id}/tasks`, which matches them too.
pub fn configure(config: &mut ServiceConfig<'_>) {
    own_tasks::configure(config);
    auth::configure(config);
    user_tasks::configure(config);
}
