//! `/api/v1/auth/forgot-password`

use actix_web::{post, web};

use super::mail::{MailRequest, accepted};
use super::response_padding::pad;
use crate::error::HandlerResult;
use crate::extract::{Body, Client};
use crate::state::State;

/// Request a new password
///
/// Sends a link with which the user can set a new password within an hour. The response is the same whether
/// or not the account exists.
#[utoipa::path(
    operation_id = "forgotPassword",
    tag = "Authentication",
    request_body(content = MailRequest, description = "The email address of the account"),
    responses(
        (status = 202, description = "If the account exists, the server sends an email."),
        (status = 403, description = "`AUTHZ_002`: the operator has turned passwords off.")
    )
)]
#[post("/auth/forgot-password")]
pub(super) async fn forgot_password(state: web::Data<State>, client: Client, body: Body) -> HandlerResult {
    let email = body.read::<MailRequest<'_>>()?.parse()?;
    let accounts = client.accounts(&state.accounts);
    accepted(&pad(accounts.forgot_password(&email, client.ip)).await?)
}
