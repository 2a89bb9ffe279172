//! The tokens in mails, which verify an address or reset the password.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use domain::account::{MailOutcome, PasswordResetOutcome};
use domain::session::Scope;
use domain::user::{Email, PasswordPolicy};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::like_time::in_like_time;
use super::tokens::User;
use crate::Api;
use crate::error::{Answer, Problem};
use crate::extract::{Body, Caller, Checks, Client, Field, Text};
use crate::shared::{as_is, email, json};

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(verify_email)
        .service(resend_verification)
        .service(forgot_password)
        .service(reset_password);
}

/// The token of a mail.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"token": "m3cVz0Nn5Vw1m0YQ0b0b1l2yq2m3u4r5s6t7u8v9w0x"}))]
struct VerifyEmailRequest<'a> {
    /// The token that the link of the mail carried.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true)]
    token: Field<Text<'a>>,
}

/// Verify the address
///
/// Takes the token of a verification mail. It is good once, for a day, and as long as the account has that address.
#[utoipa::path(
    operation_id = "verifyEmail",
    tag = "Authentication",
    request_body(content = VerifyEmailRequest, description = "The token"),
    responses(
        (status = 200, description = "The address is verified.", body = User),
        (status = 400, description = "`AUTH_008`: the token is unknown, used or expired. `VALIDATION_009`: the body is not JSON.")
    )
)]
#[post("/auth/verify-email")]
async fn verify_email(api: web::Data<Api>, body: Body) -> Answer {
    let input: VerifyEmailRequest<'_> = body.read()?;
    let mut checks = Checks::default();
    let token = checks.required("token", input.token, as_is).ok_or(checks)?;
    let user = api.accounts.verify_email(&token.0).await?.ok_or_else(Problem::one_time_token_invalid)?;
    Ok(json(StatusCode::OK, &User::from(&user)))
}

/// Send the verification mail again
///
/// Sends it to the account's address, unless that is verified already. The link of the mail before is void then.
#[utoipa::path(
    operation_id = "resendVerification",
    tag = "Authentication",
    security(("bearer" = [])),
    responses((status = 202, description = "The mail is on its way, if one is needed."))
)]
#[post("/auth/resend-verification")]
async fn resend_verification(api: web::Data<Api>, caller: Caller) -> Answer {
    let user = caller.may(Scope::Account)?;
    accepted(api.accounts.resend_verification(user).await?)
}

/// To whom a mail is to go.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"email": "ann@example.com"}))]
pub(super) struct MailRequest<'a> {
    /// The address.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true, format = Email)]
    email: Field<Text<'a>>,
}

impl MailRequest<'_> {
    pub(super) fn parse(self) -> Result<Email, Problem> {
        let mut checks = Checks::default();
        Ok(email(&mut checks, self.email).ok_or(checks)?)
    }
}

/// The answer to a request for a mail.
pub(super) fn accepted(outcome: MailOutcome) -> Answer {
    match outcome {
        MailOutcome::Accepted => Ok(HttpResponse::Accepted().finish()),
        MailOutcome::NoSuchUser => Err(Problem::account_gone()),
        MailOutcome::Limited(charge) => Err(charge.into()),
    }
}

/// Ask for a new password
///
/// Sends a link to choose a new password, good for an hour. The answer is the same whether or not there is such an account.
#[utoipa::path(
    operation_id = "forgotPassword",
    tag = "Authentication",
    request_body(content = MailRequest, description = "The account's address"),
    responses((status = 202, description = "The mail is on its way, if there is such an account."))
)]
#[post("/auth/forgot-password")]
async fn forgot_password(api: web::Data<Api>, client: Client, body: Body) -> Answer {
    let email = body.read::<MailRequest<'_>>()?.parse()?;
    accepted(in_like_time(api.accounts.forgot_password(&email, client.ip)).await?)
}

/// A password to be set.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"token": "m3cVz0Nn5Vw1m0YQ0b0b1l2yq2m3u4r5s6t7u8v9w0x", "password": "Giraffe-Spot-8"}))]
struct ResetPasswordRequest<'a> {
    /// The token that the link of the mail carried.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true)]
    token: Field<Text<'a>>,
    /// The password as it is to be; the rules are those of registration.
    #[schema(value_type = String, required = true, format = Password, min_length = 8, max_length = 72)]
    #[serde(default)]
    password: Field<Text<'a>>,
}

/// Set a new password
///
/// Sets the password on the token of a reset mail, and ends every session of the user. A password that is refused leaves the token
/// good.
#[utoipa::path(
    operation_id = "resetPassword",
    tag = "Authentication",
    request_body(content = ResetPasswordRequest, description = "The token and the new password"),
    responses(
        (status = 204, description = "The password is set."),
        (status = 400, description = "`AUTH_008`: the token is unknown, used or expired. `VALIDATION_009`: the body is not JSON."),
        (status = 422, description = "`VALIDATION_002`: the password is too weak. `VALIDATION_004`: a member is missing.")
    )
)]
#[post("/auth/reset-password")]
async fn reset_password(api: web::Data<Api>, body: Body) -> Answer {
    let input: ResetPasswordRequest<'_> = body.read()?;
    let mut checks = Checks::default();
    let token = checks.required("token", input.token, as_is);
    let password = checks.required("password", input.password, as_is);
    let (Some(token), Some(password)) = (token, password) else { return Err(checks.into()) };
    match api.accounts.reset_password(&token.0, &password.0, PasswordPolicy::default()).await? {
        PasswordResetOutcome::Done => Ok(HttpResponse::NoContent().finish()),
        PasswordResetOutcome::Invalid => Err(Problem::one_time_token_invalid()),
        PasswordResetOutcome::Weak(weak) => Err(Checks::of("password", &weak).into()),
        PasswordResetOutcome::Hasher(error) => Err(error.into()),
    }
}
