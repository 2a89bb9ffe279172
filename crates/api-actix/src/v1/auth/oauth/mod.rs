//! `/api/v1/auth/oauth`: logins through OAuth providers.
//!
//! The server redirects a browser to the provider, and the browser returns with a code that the
//! server exchanges for an identity. The server then redirects the browser to the frontend with
//! another code, which is valid once, for one minute. No URL ever contains a token.

mod callback;
mod exchange;
mod flow;
mod form_post;
mod link;
mod login;
mod providers;
mod return_to;

pub(in crate::v1) use login::parameter_schema;
use utoipa_actix_web::service_config::ServiceConfig;

/// Fixed paths come before `/auth/oauth/{provider}`, which matches them too.
pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(providers::list_providers)
        .service(exchange::exchange)
        .service(login::log_in)
        .service(callback::callback)
        .service(form_post::callback_by_form)
        .service(link::link_provider)
        .service(link::unlink_provider);
}
