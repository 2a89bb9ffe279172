//! Accounts: make one, change its password.

use actix_web::http::StatusCode;
use actix_web::{post, web};
use domain::account::{KeepSession, RegistrationOutcome};
use domain::session::Scope;
use domain::user::{Email, NewPassword, PasswordPolicy};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::Api;
use crate::error::Answer;
use crate::extract::{Body, Caller, Checks, Client, Field, Text};
use crate::moment::Moment;
use crate::shared::{self, Message, email, email_taken, json, told};
use crate::turns::{Heavy, in_turn};

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(register).service(change_password);
}

/// What this surface demands of a new password.
const POLICY: PasswordPolicy = PasswordPolicy { special: true };

/// A new account.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = TodosRegistration, example = json!({"email": "ann@example.com", "password": "Zebra-Stripe-7"}))]
struct Registration<'a> {
    /// The address to log in with, compared without regard to case.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true, format = Email)]
    email: Field<Text<'a>>,
    /// 8 characters or more with upper case, lower case, digit and special character; at most 72 bytes of UTF-8; none of the most
    /// common ones, nor the address.
    #[serde(default)]
    #[schema(value_type = String, required = true, format = Password, min_length = 8, max_length = 72)]
    password: Field<Text<'a>>,
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TodosAccount)]
struct Account<'a> {
    /// Its id.
    id: Uuid,
    /// Its address.
    #[schema(required = true, format = Email, example = "ann@example.com")]
    email: Option<&'a str>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
    created_at: Moment,
}

/// Make an account
///
/// Makes an account; its user is not logged in by it.
#[utoipa::path(
    operation_id = "todosRegister",
    tag = "Token contract",
    request_body(content = Registration, description = "The account"),
    responses(
        (status = 201, description = "The account exists.", body = Account),
        (status = 422, description = "`VALIDATION_001`, `VALIDATION_004`: address or password is missing or malformed. `VALIDATION_002`: the password is too weak. `VALIDATION_003`: the address belongs to an account already.")
    )
)]
#[post("/auth/register")]
async fn register(api: web::Data<Api>, client: Client, body: Body) -> Answer {
    let input: Registration<'_> = body.read()?;
    let mut checks = Checks::default();
    let email = email(&mut checks, input.email);
    let parse = |text: Text<'_>| NewPassword::parse(&text.0, email.as_ref(), POLICY);
    let password = checks.required("password", input.password, parse);
    let (Some(email), Some(password)) = (email, password) else { return Err(checks.into()) };
    match api.todos_surface.accounts.sign_up(email, password, &client.device(None)).await? {
        RegistrationOutcome::Done(user) => {
            let account = Account {
                id: user.id.0,
                email: user.email.as_ref().map(Email::as_str),
                created_at: Moment(user.created_at),
            };
            Ok(json(StatusCode::CREATED, &account))
        }
        RegistrationOutcome::EmailTaken => Err(email_taken()),
        RegistrationOutcome::Limited(charge) => Err(charge.into()),
        RegistrationOutcome::Hasher(error) => Err(error.into()),
    }
}

/// A password to be replaced.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = TodosPasswordChange, example = json!({"current_password": "Zebra-Stripe-7", "new_password": "Giraffe-Spot-8"}))]
struct PasswordPair<'a> {
    /// The password as it is.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true, format = Password)]
    current_password: Field<Text<'a>>,
    /// The password as it is to be; the rules are those of registration.
    #[serde(default)]
    #[schema(value_type = String, required = true, format = Password, min_length = 8, max_length = 72)]
    new_password: Field<Text<'a>>,
}

/// Change the password
///
/// Replaces the password and ends every session of the user, this one too.
#[utoipa::path(
    operation_id = "todosChangePassword",
    tag = "Token contract",
    security(("bearer" = [])),
    request_body(content = PasswordPair, description = "The current and the new password"),
    responses(
        (status = 200, description = "The password is changed.", body = Message, example = json!({"message": "Password changed successfully"})),
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
    let PasswordPair { current_password, new_password } = body.read()?;
    let (accounts, members) = (&api.todos_surface.accounts, (current_password, new_password));
    shared::change_password(accounts, &caller, members, POLICY, KeepSession::None).await?;
    Ok(told("Password changed successfully"))
}
