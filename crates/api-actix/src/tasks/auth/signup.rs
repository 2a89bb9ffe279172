//! `/api/auth/signup`

use actix_web::http::StatusCode;
use actix_web::{post, web};
use domain::user::{DisplayName, NewPassword, PasswordPolicy};
use serde::Deserialize;
use utoipa::ToSchema;

use super::signed_in::{SignedIn, signed_in};
use crate::error::HandlerResult;
use crate::extract::{Body, Client, Member, Text, Validation};
use crate::state::State;
use crate::wire::{as_is, email, registered};

/// A new account.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"email": "ann@example.com", "password": "Zebra-Stripe-7", "name": "Ann"}))]
struct SignUp<'a> {
    /// The email address to sign in with. Upper and lower case are not distinguished.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true, format = Email)]
    email: Member<Text<'a>>,
    /// At least 8 characters with an upper-case letter, a lower-case letter and a digit; at most 72 bytes of
    /// UTF-8. Common passwords and the email address are not allowed.
    #[serde(default)]
    #[schema(value_type = String, required = true, format = Password, min_length = 8, max_length = 72)]
    password: Member<Text<'a>>,
    /// The user's name.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100)]
    name: Member<Text<'a>>,
    /// The invitation, where the server accepts registrations by invitation only.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    invitation: Member<Text<'a>>,
}

/// Create an account
///
/// Creates an account and signs the user in.
#[utoipa::path(
    operation_id = "signUp",
    tag = "User task contract",
    request_body(content = SignUp, description = "The account"),
    responses(
        (status = 201, description = "The account is created and the user is signed in.", body = SignedIn),
        (status = 400, description = "`VALIDATION_001`, `VALIDATION_004`, `VALIDATION_005`: a value is missing, malformed or too long. `VALIDATION_002`: the password is too weak. `VALIDATION_003`: the email address is already registered. `VALIDATION_009`: the body is not JSON. `AUTH_008`: the invitation is unknown, used or expired, or is for another email address."),
        (status = 403, description = "`AUTHZ_002`: the operator has closed registration or turned passwords off, or the server accepts registrations by invitation only.")
    )
)]
#[post("/api/auth/signup")]
pub(super) async fn sign_up(state: web::Data<State>, client: Client, body: Body) -> HandlerResult {
    let input: SignUp<'_> = body.read()?;
    let mut validation = Validation::default();
    let email = email(&mut validation, input.email);
    let parse = |text: Text<'_>| NewPassword::parse(&text.0, email.as_ref(), PasswordPolicy::default());
    let password = validation.required("password", input.password, parse);
    let name = validation.optional("name", input.name, |text| DisplayName::parse(&text.0));
    let invitation = validation.optional("invitation", input.invitation, as_is);
    let (Some(email), Some(password), true) = (email, password, validation.is_ok()) else {
        return Err(validation.into());
    };
    let invitation = invitation.as_ref().map(|token| &*token.0);
    let accounts = client.accounts(&state.tasks_surface.accounts);
    let login = accounts.register(email, password, name, invitation, client.device(None)).await?;
    Ok(signed_in(StatusCode::CREATED, &registered(login)?))
}
