//! Replacing the password by proving the current one.

use actix_web::{HttpResponse, post, web};
use domain::account::KeepSession;
use domain::session::Scope;
use domain::user::PasswordPolicy;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::Api;
use crate::error::Answer;
use crate::extract::{Body, Caller, Field, Text};
use crate::shared;
use crate::turns::{Heavy, in_turn};

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(change_password);
}

/// A password to be replaced.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"current_password": "Zebra-Stripe-7", "new_password": "Giraffe-Spot-8"}))]
struct ChangePasswordRequest<'a> {
    /// The password as it is.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true, format = Password)]
    current_password: Field<Text<'a>>,
    /// The password as it is to be; the rules are those of registration.
    #[schema(value_type = String, required = true, format = Password, min_length = 8, max_length = 72)]
    #[serde(default)]
    new_password: Field<Text<'a>>,
}

/// Change the password
///
/// Replaces the password and ends every other session of the user.
#[utoipa::path(
    operation_id = "changePassword",
    tag = "Authentication",
    security(("bearer" = [])),
    request_body(content = ChangePasswordRequest, description = "The current and the new password"),
    responses(
        (status = 204, description = "The password is changed."),
        (status = 422, description = "`VALIDATION_002`: the new password is too weak. `VALIDATION_007`: the current one is wrong. `VALIDATION_008`: the new one is the current one."),
        (status = 429, description = "`RATE_001`: too many wrong passwords for this account, or too many requests.")
    )
)]
#[post("/auth/change-password")]
async fn change_password(api: web::Data<Api>, caller: Caller, body: Body) -> Answer {
    caller.may(Scope::Account)?;
    in_turn(&api, &caller.0, Heavy::Proof, replace_password(api.clone(), caller.clone(), body)).await
}

async fn replace_password(api: web::Data<Api>, caller: Caller, body: Body) -> Answer {
    let ChangePasswordRequest { current_password, new_password } = body.read()?;
    let (members, policy) = ((current_password, new_password), PasswordPolicy::default());
    shared::change_password(&api.accounts, &caller, members, policy, KeepSession::Own).await?;
    Ok(HttpResponse::NoContent().finish())
}
