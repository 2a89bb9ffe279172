//! `/auth`: accounts, and logins whose refresh tokens are JWTs that live as long as the session.

mod change_password;
mod login;
mod logout;
mod refresh;
mod refresh_token;
mod register;

use domain::user::PasswordPolicy;
use utoipa_actix_web::service_config::ServiceConfig;

/// The policy for new passwords on this surface.
const POLICY: PasswordPolicy = PasswordPolicy { special: true };

/// The only path that browsers send the cookie with the refresh token to.
const COOKIE_PATH: &str = "/auth/refresh";

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(register::register)
        .service(login::log_in)
        .service(refresh::refresh)
        .service(logout::log_out)
        .service(change_password::change_password);
}
