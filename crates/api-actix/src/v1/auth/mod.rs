//! `/api/v1/auth`: accounts, logins and their tokens.

mod change_password;
mod forgot_password;
mod login;
mod logout;
mod magic_link;
mod mail;
mod oauth;
mod refresh;
mod register;
mod resend_verification;
mod reset_password;
mod response_padding;
mod tokens;
mod verify_email;

pub(super) use oauth::parameter_schema;
pub(super) use tokens::{User, no_refresh_cookie};
use utoipa_actix_web::service_config::ServiceConfig;

/// The document shows the operations in this order: as a client needs them.
pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(register::register)
        .service(login::log_in)
        .service(refresh::refresh)
        .service(logout::log_out)
        .service(verify_email::verify_email)
        .service(resend_verification::resend_verification)
        .service(magic_link::request_magic_link)
        .service(magic_link::use_magic_link)
        .service(forgot_password::forgot_password)
        .service(reset_password::reset_password)
        .service(change_password::change_password);
    oauth::configure(config);
}
