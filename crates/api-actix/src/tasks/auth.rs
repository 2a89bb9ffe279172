//! `/api/auth`: accounts whose one token lives for seven days.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use domain::account::{Credentials, RegistrationOutcome};
use domain::session::Login;
use domain::user::{DisplayName, Email, NewPassword, PasswordPolicy};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::Api;
use crate::error::Answer;
use crate::extract::{Body, Checks, Client, Field, Text};
use crate::moment::Moment;
use crate::shared::{TokenType, as_is, email, email_taken, json, logged_in};

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(sign_up).service(sign_in);
}

/// A new account.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"email": "ann@example.com", "password": "Zebra-Stripe-7", "name": "Ann"}))]
struct SignUp<'a> {
    /// The address to sign in with, compared without regard to case.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true, format = Email)]
    email: Field<Text<'a>>,
    /// 8 characters or more with upper case, lower case and digit; at most 72 bytes of UTF-8; none of the most common ones,
    /// nor the address.
    #[serde(default)]
    #[schema(value_type = String, required = true, format = Password, min_length = 8, max_length = 72)]
    password: Field<Text<'a>>,
    /// What the user is called.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100)]
    name: Field<Text<'a>>,
}

/// What proves who a user is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"email": "ann@example.com", "password": "Zebra-Stripe-7"}))]
struct SignIn<'a> {
    /// The account's address.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true, format = Email)]
    email: Field<Text<'a>>,
    /// The password.
    #[serde(default)]
    #[schema(value_type = String, required = true, format = Password)]
    password: Field<Text<'a>>,
}

/// A user with their token.
#[derive(Debug, Serialize, ToSchema)]
struct SignedIn<'a> {
    /// For requests: `Authorization: Bearer <access_token>`.
    #[schema(example = "eyJhbGciOiJIUzI1NiJ9.eyJ0eXBlIjoiYWNjZXNzIn0.c2lnbmF0dXJl")]
    access_token: &'a str,
    /// How the access token is sent.
    token_type: TokenType,
    /// Seconds until the access token expires.
    #[schema(minimum = 1, example = 604_800)]
    expires_in: u64,
    /// Whose it is.
    user: TaskUser<'a>,
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
struct TaskUser<'a> {
    /// Its id, for the paths of its tasks.
    id: Uuid,
    /// Its address.
    #[schema(required = true, format = Email, example = "ann@example.com")]
    email: Option<&'a str>,
    /// What it is called.
    #[schema(required = true, example = "Ann")]
    name: Option<&'a str>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
    created_at: Moment,
}

/// Make an account
///
/// Makes an account and signs its user in.
#[utoipa::path(
    operation_id = "signUp",
    tag = "User task contract",
    request_body(content = SignUp, description = "The account"),
    responses(
        (status = 201, description = "The account exists and its user is signed in.", body = SignedIn),
        (status = 400, description = "`VALIDATION_001`, `VALIDATION_004`, `VALIDATION_005`: a value is missing, malformed or too long. `VALIDATION_002`: the password is too weak. `VALIDATION_003`: the address belongs to an account already. `VALIDATION_009`: the body is not JSON.")
    )
)]
#[post("/api/auth/signup")]
async fn sign_up(api: web::Data<Api>, client: Client, body: Body) -> Answer {
    let input: SignUp<'_> = body.read()?;
    let mut checks = Checks::default();
    let email = email(&mut checks, input.email);
    let parse = |text: Text<'_>| NewPassword::parse(&text.0, email.as_ref(), PasswordPolicy::default());
    let password = checks.required("password", input.password, parse);
    let name = checks.optional("name", input.name, |text| DisplayName::parse(&text.0));
    let (Some(email), Some(password), true) = (email, password, checks.passed()) else {
        return Err(checks.into());
    };
    match api.tasks_surface.accounts.register(email, password, name, client.device(None)).await? {
        RegistrationOutcome::Done(signed_in) => Ok(answer(StatusCode::CREATED, &signed_in)),
        RegistrationOutcome::EmailTaken => Err(email_taken()),
        RegistrationOutcome::Limited(charge) => Err(charge.into()),
        RegistrationOutcome::Hasher(error) => Err(error.into()),
    }
}

/// Sign in
///
/// Gives a token to whoever proves the password.
#[utoipa::path(
    operation_id = "signIn",
    tag = "User task contract",
    request_body(content = SignIn, description = "The credentials"),
    responses(
        (status = 200, description = "The user is signed in.", body = SignedIn),
        (status = 401, description = "`AUTH_001`: the address or the password is wrong. `AUTH_007`: the account is disabled."),
        (status = 429, description = "`RATE_001`: too many failed before.")
    )
)]
#[post("/api/auth/signin")]
async fn sign_in(api: web::Data<Api>, client: Client, body: Body) -> Answer {
    let input: SignIn<'_> = body.read()?;
    let mut checks = Checks::default();
    let email = email(&mut checks, input.email);
    let password = checks.required("password", input.password, as_is);
    let (Some(email), Some(password)) = (email, password) else { return Err(checks.into()) };
    let credentials = Credentials { email, password: password.0.into_owned() };
    let outcome = api.tasks_surface.accounts.log_in(credentials, client.device(None)).await?;
    Ok(answer(StatusCode::OK, &logged_in(outcome)?))
}

fn answer(status: StatusCode, signed_in: &Login) -> HttpResponse {
    let (user, tokens) = (&signed_in.user, &signed_in.tokens);
    let body = SignedIn {
        access_token: &tokens.access.0,
        token_type: TokenType::Bearer,
        expires_in: tokens.expires_in.as_secs(),
        user: TaskUser {
            id: user.id.0,
            email: user.email.as_ref().map(Email::as_str),
            name: user.display_name.as_ref().map(DisplayName::as_str),
            created_at: Moment(user.created_at),
        },
    };
    json(status, &body)
}
