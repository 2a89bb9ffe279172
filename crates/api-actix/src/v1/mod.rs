//! The sync contract: `/api/v1`.

mod auth;
mod devices;
mod email_tokens;
mod export;
mod like_time;
mod magic_link;
mod oauth;
mod password;
mod return_to;
pub mod todos;
mod tokens;
mod users;

use domain::text::{ClientId, TextError};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::extract::Text;
use crate::shared::{as_is, json};

/// The routes under `/api/v1`. They are tried in this order, one after another: what is asked for most comes first.
pub fn configure(config: &mut ServiceConfig<'_>) {
    todos::configure(config);
    auth::configure(config);
    password::configure(config);
    email_tokens::configure(config);
    magic_link::configure(config);
    oauth::configure(config);
    users::configure(config);
    export::configure(config);
    devices::configure(config);
}

#[expect(clippy::needless_pass_by_value, reason = "a parser is given what the field holds")]
fn client_id(text: Text<'_>) -> Result<ClientId, TextError> {
    ClientId::parse(&text.0)
}
