//! `/api/v1/auth/verify-email`

use actix_web::http::StatusCode;
use actix_web::{post, web};
use serde::Deserialize;
use utoipa::ToSchema;

use super::tokens::User;
use crate::error::{HandlerResult, Problem};
use crate::extract::{Body, Member, Text, Validation};
use crate::state::State;
use crate::wire::{as_is, json};

/// The token of a verification email.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"token": "m3cVz0Nn5Vw1m0YQ0b0b1l2yq2m3u4r5s6t7u8v9w0x"}))]
struct VerifyEmailRequest<'a> {
    /// The token in the link of the email.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true)]
    token: Member<Text<'a>>,
}

/// Verify the email address
///
/// Accepts the token of a verification email. It is valid once, for a day, and only while the account has
/// that email address.
#[utoipa::path(
    operation_id = "verifyEmail",
    tag = "Authentication",
    request_body(content = VerifyEmailRequest, description = "The token"),
    responses(
        (status = 200, description = "The email address is verified.", body = User),
        (status = 400, description = "`AUTH_008`: the token is unknown, used or expired. `VALIDATION_009`: the body is not JSON.")
    )
)]
#[post("/auth/verify-email")]
pub(super) async fn verify_email(state: web::Data<State>, body: Body) -> HandlerResult {
    let input: VerifyEmailRequest<'_> = body.read()?;
    let mut validation = Validation::default();
    let token = validation.required("token", input.token, as_is).ok_or(validation)?;
    let user = state.accounts.verify_email(&token.0).await?.ok_or_else(Problem::one_time_token_invalid)?;
    Ok(json(StatusCode::OK, &User::from(&user)))
}
