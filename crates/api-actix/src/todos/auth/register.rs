//! `/auth/register`

use actix_web::http::StatusCode;
use actix_web::{post, web};
use domain::user::{Email, NewPassword};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::POLICY;
use crate::error::HandlerResult;
use crate::extract::{Body, Client, Member, Text, Validation};
use crate::rfc3339::Rfc3339;
use crate::state::State;
use crate::wire::{as_is, email, json, registered};

/// A new account.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = TodosRegistration, example = json!({"email": "ann@example.com", "password": "Zebra-Stripe-7"}))]
struct Registration<'a> {
    /// The email address to log in with. Upper and lower case are not distinguished.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true, format = Email)]
    email: Member<Text<'a>>,
    /// At least 8 characters with an upper-case letter, a lower-case letter, a digit and a special character;
    /// at most 72 bytes of UTF-8. Common passwords and the email address are not allowed.
    #[serde(default)]
    #[schema(value_type = String, required = true, format = Password, min_length = 8, max_length = 72)]
    password: Member<Text<'a>>,
    /// The invitation, where the server accepts registrations by invitation only.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    invitation: Member<Text<'a>>,
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TodosAccount)]
struct Account<'a> {
    /// The user's id.
    id: Uuid,
    /// The email address.
    #[schema(required = true, format = Email, example = "ann@example.com")]
    email: Option<&'a str>,
    /// When the account was created.
    #[schema(value_type = String, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
    created_at: Rfc3339,
}

/// Create an account
///
/// Creates an account. The user is not logged in.
#[utoipa::path(
    operation_id = "tokenRegister",
    tag = "Token contract",
    request_body(content = Registration, description = "The account"),
    responses(
        (status = 201, description = "The account is created.", body = Account),
        (status = 400, description = "`AUTH_008`: the invitation is unknown, used or expired, or is for another email address. `VALIDATION_009`: the body is not JSON."),
        (status = 403, description = "`AUTHZ_002`: the operator has closed registration or turned passwords off, or the server accepts registrations by invitation only."),
        (status = 422, description = "`VALIDATION_001`, `VALIDATION_004`: the email address or the password is missing or malformed. `VALIDATION_002`: the password is too weak. `VALIDATION_003`: the email address is already registered.")
    )
)]
#[post("/auth/register")]
pub(super) async fn register(state: web::Data<State>, client: Client, body: Body) -> HandlerResult {
    let input: Registration<'_> = body.read()?;
    let mut validation = Validation::default();
    let email = email(&mut validation, input.email);
    let parse = |text: Text<'_>| NewPassword::parse(&text.0, email.as_ref(), POLICY);
    let password = validation.required("password", input.password, parse);
    let invitation = validation.optional("invitation", input.invitation, as_is);
    let (Some(email), Some(password), true) = (email, password, validation.is_ok()) else {
        return Err(validation.into());
    };
    let invitation = invitation.as_ref().map(|token| &*token.0);
    let accounts = client.accounts(&state.todos_surface.accounts);
    let user = registered(accounts.sign_up(email, password, invitation, &client.device(None)).await?)?;
    let account = Account {
        id: user.id.0,
        email: user.email.as_ref().map(Email::as_str),
        created_at: Rfc3339(user.created_at),
    };
    Ok(json(StatusCode::CREATED, &account))
}
