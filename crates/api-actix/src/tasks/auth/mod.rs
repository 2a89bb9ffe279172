//! `/api/auth`: accounts and logins. A login returns a single token, which is valid for seven days.

mod signed_in;
mod signin;
mod signup;

use utoipa_actix_web::service_config::ServiceConfig;

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(signup::sign_up).service(signin::sign_in);
}
