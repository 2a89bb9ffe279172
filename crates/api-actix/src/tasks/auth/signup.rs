//! `/api/auth/signup`

use actix_web::http::StatusCode;
use actix_web::{post, web};
use domain::account::RegistrationOutcome;
use domain::user::{DisplayName, NewPassword, PasswordPolicy};
use serde::Deserialize;
use utoipa::ToSchema;

use super::signed_in::{SignedIn, signed_in};
use crate::error::{HandlerResult, Problem};
use crate::extract::{Body, Client, Member, Text, Validation};
use crate::state::State;
use crate::wire::{email, email_taken};

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
        (status = 400, description = "`VALIDATION_001`, `VALIDATION_004`, `VALIDATION_005`: a value is missing, malformed or too long. `VALIDATION_002`: the password is too weak. `VALIDATION_003`: the email address is already registered. `VALIDATION_009`: the body is not JSON."),
        (status = 403, description = "`AUTHZ_002`: the operator has closed registration or turned passwords off.")
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
    let (Some(email), Some(password), true) = (email, password, validation.is_ok()) else {
        return Err(validation.into());
    };
    match state.tasks_surface.accounts.register(email, password, name, client.device(None)).await? {
        RegistrationOutcome::Done(login) => Ok(signed_in(StatusCode::CREATED, &login)),
        RegistrationOutcome::Closed => Err(Problem::registration_closed()),
        RegistrationOutcome::PasswordsOff => Err(Problem::passwords_off()),
        RegistrationOutcome::EmailTaken => Err(email_taken()),
        RegistrationOutcome::Limited(charge) => Err(charge.into()),
        RegistrationOutcome::Hasher(error) => Err(error.into()),
    }
}
