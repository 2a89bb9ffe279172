//! `/api/auth/signin`

use actix_web::http::StatusCode;
use actix_web::{post, web};
use domain::account::Credentials;
use serde::Deserialize;
use utoipa::ToSchema;

use super::signed_in::{SignedIn, signed_in};
use crate::error::HandlerResult;
use crate::extract::{Body, Client, Member, Text, Validation};
use crate::state::State;
use crate::wire::{as_is, email, logged_in};

/// The credentials of a user.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"email": "ann@example.com", "password": "Zebra-Stripe-7"}))]
struct SignIn<'a> {
    /// The email address of the account.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true, format = Email)]
    email: Member<Text<'a>>,
    /// The password.
    #[serde(default)]
    #[schema(value_type = String, required = true, format = Password)]
    password: Member<Text<'a>>,
}

/// Sign in
///
/// Opens a session and returns its token.
#[utoipa::path(
    operation_id = "signIn",
    tag = "User task contract",
    request_body(content = SignIn, description = "The credentials"),
    responses(
        (status = 200, description = "The user is signed in.", body = SignedIn),
        (status = 401, description = "`AUTH_001`: the email address or the password is wrong. `AUTH_007`: the account is disabled."),
        (status = 403, description = "`AUTHZ_002`: the operator has turned passwords off."),
        (status = 429, description = "`RATE_001`: too many failed logins, or too many logins of one account.")
    )
)]
#[post("/api/auth/signin")]
pub(super) async fn sign_in(state: web::Data<State>, client: Client, body: Body) -> HandlerResult {
    let input: SignIn<'_> = body.read()?;
    let mut validation = Validation::default();
    let email = email(&mut validation, input.email);
    let password = validation.required("password", input.password, as_is);
    let (Some(email), Some(password)) = (email, password) else { return Err(validation.into()) };
    let credentials = Credentials { email, password: password.0.into_owned() };
    let outcome = state.tasks_surface.accounts.log_in(credentials, client.device(None)).await?;
    Ok(signed_in(StatusCode::OK, &logged_in(outcome)?))
}
