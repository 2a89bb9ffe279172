//! `/api/v1/auth/resend-verification`

use actix_web::{post, web};
use domain::session::Scope;

use super::mail::accepted;
use crate::error::HandlerResult;
use crate::extract::Caller;
use crate::state::State;

/// Send another verification email
///
/// Sends a verification email to the email address of the account, unless that is already verified. The link
/// in the previous mail becomes invalid.
#[utoipa::path(
    operation_id = "resendVerification",
    tag = "Authentication",
    security(("bearer" = [])),
    responses((status = 202, description = "If the email address is not verified yet, the server sends an email."))
)]
#[post("/auth/resend-verification")]
pub(super) async fn resend_verification(state: web::Data<State>, caller: Caller) -> HandlerResult {
    let user = caller.may(Scope::Account)?;
    accepted(&state.accounts.resend_verification(user).await?)
}
