//! `/api/v1/auth/reset-password`

use actix_web::{HttpResponse, post, web};
use domain::account::PasswordResetOutcome;
use domain::user::PasswordPolicy;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::error::{HandlerResult, Problem};
use crate::extract::{Body, FieldError, Member, Text, Validation};
use crate::state::State;
use crate::wire::as_is;

/// The token of a reset email, and the new password.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"token": "m3cVz0Nn5Vw1m0YQ0b0b1l2yq2m3u4r5s6t7u8v9w0x", "password": "Giraffe-Spot-8"}))]
struct ResetPasswordRequest<'a> {
    /// The token in the link of the email.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true)]
    token: Member<Text<'a>>,
    /// The new password. The registration rules apply.
    #[schema(value_type = String, required = true, format = Password, min_length = 8, max_length = 72)]
    #[serde(default)]
    password: Member<Text<'a>>,
    /// Whether to unlink every provider too. The email of the reset names those that are linked.
    #[schema(value_type = Option<bool>)]
    #[serde(default)]
    unlink_providers: Member<bool>,
}

/// Set a new password
///
/// Sets a new password and ends all sessions of the user, and on request unlinks every provider.
/// The token remains valid if the password is refused.
#[utoipa::path(
    operation_id = "resetPassword",
    tag = "Authentication",
    request_body(content = ResetPasswordRequest, description = "The token and the new password"),
    responses(
        (status = 204, description = "The new password is set."),
        (status = 400, description = "`AUTH_008`: the token is unknown, used or expired. `VALIDATION_009`: the body is not JSON."),
        (status = 403, description = "`AUTHZ_002`: the operator has turned passwords off."),
        (status = 422, description = "`VALIDATION_002`: the password is too weak. `VALIDATION_004`: a member is missing.")
    )
)]
#[post("/auth/reset-password")]
pub(super) async fn reset_password(state: web::Data<State>, body: Body) -> HandlerResult {
    let input: ResetPasswordRequest<'_> = body.read()?;
    let mut validation = Validation::default();
    let token = validation.required("token", input.token, as_is);
    let password = validation.required("password", input.password, as_is);
    let unlink = validation.optional("unlink_providers", input.unlink_providers, Ok::<_, FieldError>);
    let (Some(token), Some(password), true) = (token, password, validation.is_ok()) else {
        return Err(validation.into());
    };
    let (policy, unlink) = (PasswordPolicy::default(), unlink.unwrap_or_default());
    match state.accounts.reset_password(&token.0, &password.0, policy, unlink).await? {
        PasswordResetOutcome::Done => Ok(HttpResponse::NoContent().finish()),
        PasswordResetOutcome::PasswordsOff => Err(Problem::passwords_off()),
        PasswordResetOutcome::Invalid => Err(Problem::one_time_token_invalid()),
        PasswordResetOutcome::Weak(weak) => Err(Validation::of("password", &weak).into()),
        PasswordResetOutcome::Hasher(error) => Err(error.into()),
    }
}
