//! `/api/v1/users/me`

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, delete, get, patch, web};
use domain::account::{DeletionOutcome, ProfileOutcome, ProfileUpdate};
use domain::session::{AuthFailure, Scope};
use domain::user::{self, DisplayName, Email};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::auth::{User, no_refresh_cookie};
use crate::error::{HandlerResult, Problem};
use crate::extract::{Body, Caller, Client, Member, Text, Validation};
use crate::rfc3339::Rfc3339;
use crate::state::State;
use crate::wire::{as_is, email_taken, json, not_verified};

/// The caller's account.
#[derive(Debug, Serialize, ToSchema)]
pub struct Profile<'a> {
    #[serde(flatten)]
    user: User<'a>,
    /// When the account was created.
    #[schema(value_type = String, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
    created_at: Rfc3339,
    /// The time of the last login.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
    last_login: Option<Rfc3339>,
    /// Whether the user can log in with a password.
    has_password: bool,
    /// The providers through which the user can log in.
    #[schema(example = json!(["google"]))]
    providers: Vec<String>,
}

impl<'a> Profile<'a> {
    pub fn new(user: &'a user::User, has_password: bool, providers: Vec<String>) -> Self {
        Self {
            user: user.into(),
            created_at: Rfc3339(user.created_at),
            last_login: user.last_login_at.map(Rfc3339),
            has_password,
            providers,
        }
    }
}

/// Get the account
///
/// Returns the caller's account.
#[utoipa::path(
    operation_id = "getMe",
    tag = "Users",
    security(("bearer" = [])),
    responses((status = 200, description = "The account.", body = Profile))
)]
#[get("/users/me")]
pub(super) async fn get_me(state: web::Data<State>, caller: Caller) -> HandlerResult {
    let user = caller.may(Scope::Account)?;
    let profile = state.accounts.profile(user).await?.ok_or_else(Problem::account_gone)?;
    Ok(json(StatusCode::OK, &Profile::new(&profile.user, profile.has_password, profile.providers)))
}

/// Changes to the account. Absent members remain unchanged.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"display_name": "Ann"}))]
struct ProfilePatch<'a> {
    /// The user's name; null removes it.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, max_length = 100)]
    display_name: Member<Text<'a>>,
    /// The new email address. It is unverified until the user opens the link in the email to it. The old
    /// address receives a notification if it was verified.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Email)]
    email: Member<Text<'a>>,
    /// The password. Required to change the email address of an account with a password.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password)]
    current_password: Member<Text<'a>>,
}

/// Update the account
///
/// Changes the user's name and email address. Another email address needs the password or, if the account
/// has none, a login within the last 10 minutes.
#[utoipa::path(
    operation_id = "updateMe",
    tag = "Users",
    security(("bearer" = [])),
    request_body(content = ProfilePatch, description = "The changes"),
    responses(
        (status = 200, description = "The updated account.", body = Profile),
        (status = 403, description = "`AUTHZ_002`: an account without a password needs a login within the last 10 minutes to change its email address (log in again and repeat the request), or the password was reset by email within the last 24 hours, or the token lacks the scope."),
        (status = 409, description = "`VALIDATION_003`: the email address belongs to another account."),
        (status = 422, description = "`VALIDATION_007`: the password is wrong. `VALIDATION_…`: `details.errors` lists every invalid field."),
        (status = 429, description = "`RATE_001`: too many wrong passwords for this account, or too many emails; or too many requests.")
    )
)]
#[patch("/users/me")]
pub(super) async fn update_me(state: web::Data<State>, caller: Caller, body: Body) -> HandlerResult {
    caller.may(Scope::Account)?;
    let update = body.read::<ProfilePatch<'_>>()?.parse()?;
    match state.accounts.update_profile(&caller.0, update).await? {
        ProfileOutcome::Done(profile) => {
            Ok(json(StatusCode::OK, &Profile::new(&profile.user, profile.has_password, profile.providers)))
        }
        ProfileOutcome::NotVerified(reason) => Err(not_verified(reason, "current_password")),
        ProfileOutcome::Limited(charge) => Err(charge.into()),
        ProfileOutcome::EmailTaken => Err(email_taken()),
        ProfileOutcome::NoSuchUser => Err(Problem::account_gone()),
        ProfileOutcome::SessionEnded => Err(AuthFailure::Revoked.into()),
    }
}

impl ProfilePatch<'_> {
    fn parse(self) -> Result<ProfileUpdate, Problem> {
        let mut validation = Validation::default();
        let display_name =
            validation.clearable("display_name", self.display_name, |text| DisplayName::parse(&text.0));
        let email = validation.optional("email", self.email, |text| Email::parse(&text.0));
        let password = validation.optional("current_password", self.current_password, as_is);
        validation.finish()?;
        Ok(ProfileUpdate { display_name, email, password: password.map(|text| text.0.into_owned()) })
    }
}

/// The confirmation of a deletion.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"password": "Zebra-Stripe-7"}))]
struct DeletionRequest<'a> {
    /// The password, if the account has one.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, format = Password)]
    password: Member<Text<'a>>,
}

/// Delete the account
///
/// Deletes everything stored about the user, immediately and permanently. The request needs the password or,
/// if the account has none, a login within the last 10 minutes.
#[utoipa::path(
    operation_id = "deleteMe",
    tag = "Users",
    security(("bearer" = [])),
    request_body(content = Option<DeletionRequest>, description = "The password"),
    responses(
        (status = 204, description = "The account is deleted. All its tokens are invalid, and all its sockets are closed."),
        (status = 403, description = "`AUTHZ_002`: an account without a password needs a login within the last 10 minutes (log in again and repeat the request), or the password was reset by email within the last 24 hours, or the token lacks the scope."),
        (status = 422, description = "`VALIDATION_004`: the account has a password, but the request has none. `VALIDATION_007`: the password is wrong. `VALIDATION_006`: the password is not a string."),
        (status = 429, description = "`RATE_001`: too many wrong passwords for this account, or too many requests.")
    )
)]
#[delete("/users/me")]
pub(super) async fn delete_me(
    state: web::Data<State>,
    caller: Caller,
    client: Client,
    body: Body,
) -> HandlerResult {
    caller.may(Scope::Account)?;
    let input: DeletionRequest<'_> = body.read_or_default()?;
    let mut validation = Validation::default();
    let password = validation.optional("password", input.password, as_is);
    validation.finish()?;
    match state.accounts.delete(&caller.0, password.as_ref().map(|text| text.0.as_ref())).await? {
        DeletionOutcome::Done => {}
        DeletionOutcome::NotVerified(reason) => return Err(not_verified(reason, "password")),
        DeletionOutcome::NoSuchUser => return Err(Problem::account_gone()),
        DeletionOutcome::SessionEnded => return Err(AuthFailure::Revoked.into()),
    }
    let mut response = HttpResponse::NoContent();
    if client.trusted_page {
        response.cookie(no_refresh_cookie(&client));
    }
    Ok(response.finish())
}
