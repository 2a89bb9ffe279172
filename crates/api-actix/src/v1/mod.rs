//! The sync contract: `/api/v1`.

mod auth;
pub mod todos;
mod tokens;
mod users;

use domain::text::{ClientId, TextError};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::extract::Text;
use crate::shared::{as_is, json};

/// The routes under `/api/v1`.
pub fn configure(config: &mut ServiceConfig<'_>) {
    auth::configure(config);
    users::configure(config);
    todos::configure(config);
}

fn client_id(text: Text<'_>) -> Result<ClientId, TextError> {
    ClientId::parse(&text.0)
}
