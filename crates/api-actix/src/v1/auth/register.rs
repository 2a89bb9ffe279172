//! `/api/v1/auth/register`

use actix_web::http::StatusCode;
use actix_web::{post, web};
use domain::user::{DisplayName, NewPassword, PasswordPolicy};
use serde::Deserialize;
use utoipa::ToSchema;

use super::tokens::{self, TokenResponse};
use crate::error::HandlerResult;
use crate::extract::{Body, Client, Member, Text, Validation};
use crate::state::State;
use crate::wire::{as_is, client_id, email, registered};

/// A new account.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"email": "ann@example.com", "password": "Zebra-Stripe-7", "display_name": "Ann", "client_id": "phone"}))]
struct RegisterRequest<'a> {
    /// The email address to log in with. Upper and lower case are not distinguished.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true, format = Email)]
    email: Member<Text<'a>>,
    /// At least 8 characters with an upper-case letter, a lower-case letter and a digit; at most 72 bytes of
    /// UTF-8. Common passwords and the email address are not allowed.
    #[schema(value_type = String, required = true, format = Password, min_length = 8, max_length = 72)]
    #[serde(default)]
    password: Member<Text<'a>>,
    /// The user's name.
    #[schema(value_type = Option<String>, max_length = 100)]
    #[serde(default)]
    display_name: Member<Text<'a>>,
    /// The name of the device.
    #[schema(value_type = Option<String>, max_length = 100)]
    #[serde(default)]
    client_id: Member<Text<'a>>,
    /// The invitation, where the server accepts registrations by invitation only.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    invitation: Member<Text<'a>>,
}

/// Create an account
///
/// Creates an account and logs the user in. A page of an allowed origin also receives the refresh token as a
/// cookie.
#[utoipa::path(
    operation_id = "register",
    tag = "Authentication",
    request_body(content = RegisterRequest, description = "The account"),
    responses(
        (status = 201, description = "The account is created and the user is logged in.", body = TokenResponse),
        (status = 400, description = "`AUTH_008`: the invitation is unknown, used or expired, or is for another email address. `VALIDATION_009`: the body is not JSON."),
        (status = 403, description = "`AUTHZ_002`: the operator has closed registration or turned passwords off, or the server accepts registrations by invitation only."),
        (status = 409, description = "`VALIDATION_003`: the email address is already registered.")
    )
)]
#[post("/auth/register")]
pub(super) async fn register(state: web::Data<State>, client: Client, body: Body) -> HandlerResult {
    let input: RegisterRequest<'_> = body.read()?;
    let mut validation = Validation::default();
    let email = email(&mut validation, input.email);
    let parse = |text: Text<'_>| NewPassword::parse(&text.0, email.as_ref(), PasswordPolicy::default());
    let password = validation.required("password", input.password, parse);
    let name = |text: Text<'_>| DisplayName::parse(&text.0);
    let display_name = validation.optional("display_name", input.display_name, name);
    let client_id = validation.optional("client_id", input.client_id, client_id);
    let invitation = validation.optional("invitation", input.invitation, as_is);
    let (Some(email), Some(password), true) = (email, password, validation.is_ok()) else {
        return Err(validation.into());
    };
    let invitation = invitation.as_ref().map(|token| &*token.0);
    let device = client.device(client_id);
    let accounts = client.accounts(&state.accounts);
    let login = accounts.register(email, password, display_name, invitation, device).await?;
    Ok(tokens::response(StatusCode::CREATED, &registered(login)?, &client, &state))
}
