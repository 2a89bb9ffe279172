//! `/api/v1/auth/login`

use actix_web::http::StatusCode;
use actix_web::{post, web};
use domain::account::Credentials;
use domain::text::{ClientId, TextError};
use serde::Deserialize;
use utoipa::ToSchema;

use super::tokens::{self, TokenResponse};
use crate::error::{HandlerResult, Problem};
use crate::extract::{Body, Client, Member, Text, Validation};
use crate::state::State;
use crate::wire::{client_id, email, logged_in};

/// The credentials of a user.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"email": "ann@example.com", "password": "Zebra-Stripe-7", "client_id": "laptop"}))]
struct LoginRequest<'a> {
    /// The email address of the account.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true, format = Email)]
    email: Member<Text<'a>>,
    /// The password.
    #[schema(value_type = String, required = true, format = Password)]
    #[serde(default)]
    password: Member<Text<'a>>,
    /// The name of the device.
    #[schema(value_type = Option<String>, max_length = 100)]
    #[serde(default)]
    client_id: Member<Text<'a>>,
}

impl LoginRequest<'_> {
    fn parse(self) -> Result<(Credentials, Option<ClientId>), Problem> {
        let mut validation = Validation::default();
        let email = email(&mut validation, self.email);
        let password = validation.required("password", self.password, not_empty);
        let client_id = validation.optional("client_id", self.client_id, client_id);
        match (email, password, validation.is_ok()) {
            (Some(email), Some(password), true) => {
                Ok((Credentials { email, password: password.0.into_owned() }, client_id))
            }
            _ => Err(validation.into()),
        }
    }
}

/// Accepts every password except an empty one, which does not count as an attempt.
fn not_empty(password: Text<'_>) -> Result<Text<'_>, TextError> {
    if password.0.is_empty() { Err(TextError::Blank) } else { Ok(password) }
}

/// Log in
///
/// Opens a session. A page of an allowed origin also receives the refresh token as a cookie.
#[utoipa::path(
    operation_id = "logIn",
    tag = "Authentication",
    request_body(content = LoginRequest, description = "The credentials"),
    responses(
        (status = 200, description = "The user is logged in.", body = TokenResponse),
        (status = 401, description = "`AUTH_001`: the email address or the password is wrong. `AUTH_007`: the account is disabled."),
        (status = 403, description = "`AUTHZ_002`: the operator has turned passwords off."),
        (status = 429, description = "`RATE_001`: too many failed logins, or too many logins of one account.")
    )
)]
#[post("/auth/login")]
pub(super) async fn log_in(state: web::Data<State>, client: Client, body: Body) -> HandlerResult {
    let (credentials, client_id) = body.read::<LoginRequest<'_>>()?.parse()?;
    let outcome = state.accounts.log_in(credentials, client.device(client_id)).await?;
    Ok(tokens::response(StatusCode::OK, &logged_in(outcome)?, &client, &state))
}
