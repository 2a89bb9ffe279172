//! `/api/v1/auth/change-password`

use actix_web::{HttpResponse, post, web};
use domain::account::KeepSession;
use domain::session::Scope;
use domain::user::PasswordPolicy;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::error::HandlerResult;
use crate::extract::{Body, Caller, Member, Text};
use crate::state::State;
use crate::wire;

/// The current and the new password.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"current_password": "Zebra-Stripe-7", "new_password": "Giraffe-Spot-8"}))]
struct ChangePasswordRequest<'a> {
    /// The current password.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true, format = Password)]
    current_password: Member<Text<'a>>,
    /// The new password. The registration rules apply.
    #[schema(value_type = String, required = true, format = Password, min_length = 8, max_length = 72)]
    #[serde(default)]
    new_password: Member<Text<'a>>,
}

/// Change the password
///
/// Changes the password and ends all other sessions of the user.
#[utoipa::path(
    operation_id = "changePassword",
    tag = "Authentication",
    security(("bearer" = [])),
    request_body(content = ChangePasswordRequest, description = "The current and the new password"),
    responses(
        (status = 204, description = "The password is changed."),
        (status = 403, description = "`AUTHZ_002`: the operator has turned passwords off, or the token lacks the scope."),
        (status = 422, description = "`VALIDATION_002`: the new password is too weak. `VALIDATION_007`: the current password is wrong. `VALIDATION_008`: the new password is the current one."),
        (status = 429, description = "`RATE_001`: too many wrong passwords for this account, or too many requests.")
    )
)]
#[post("/auth/change-password")]
pub(super) async fn change_password(state: web::Data<State>, caller: Caller, body: Body) -> HandlerResult {
    caller.may(Scope::Account)?;
    let ChangePasswordRequest { current_password, new_password } = body.read()?;
    let (members, policy) = ((current_password, new_password), PasswordPolicy::default());
    wire::change_password(&state.accounts, &caller, members, policy, KeepSession::Own).await?;
    Ok(HttpResponse::NoContent().finish())
}
