//! `/auth/change-password`

use actix_web::{post, web};
use domain::account::KeepSession;
use domain::session::Scope;
use serde::Deserialize;
use utoipa::ToSchema;

use super::POLICY;
use crate::error::HandlerResult;
use crate::extract::{Body, Caller, Member, Text};
use crate::state::State;
use crate::wire::{self, Message, message};

/// The current and the new password.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = TodosPasswordChange, example = json!({"current_password": "Zebra-Stripe-7", "new_password": "Giraffe-Spot-8"}))]
struct PasswordPair<'a> {
    /// The current password.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true, format = Password)]
    current_password: Member<Text<'a>>,
    /// The new password. The registration rules apply.
    #[serde(default)]
    #[schema(value_type = String, required = true, format = Password, min_length = 8, max_length = 72)]
    new_password: Member<Text<'a>>,
}

/// Change the password
///
/// Changes the password and ends all sessions of the user, including this one.
#[utoipa::path(
    operation_id = "tokenChangePassword",
    tag = "Token contract",
    security(("bearer" = [])),
    request_body(content = PasswordPair, description = "The current and the new password"),
    responses(
        (status = 200, description = "The password is changed.", body = Message, example = json!({"message": "Password changed successfully"})),
        (status = 403, description = "`AUTHZ_002`: the operator has turned passwords off, or the token lacks the scope."),
        (status = 422, description = "`VALIDATION_002`: the new password is too weak. `VALIDATION_007`: the current password is wrong. `VALIDATION_008`: the new password is the current one."),
        (status = 429, description = "`RATE_001`: too many wrong passwords for this account, or too many requests.")
    )
)]
#[post("/auth/change-password")]
pub(super) async fn change_password(state: web::Data<State>, caller: Caller, body: Body) -> HandlerResult {
    caller.may(Scope::Account)?;
    let PasswordPair { current_password, new_password } = body.read()?;
    let (accounts, members) = (&state.todos_surface.accounts, (current_password, new_password));
    wire::change_password(accounts, &caller, members, POLICY, KeepSession::None).await?;
    Ok(message("Password changed successfully"))
}
