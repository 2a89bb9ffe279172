//! `/api/v1/users`: the caller's own account.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, delete, get, patch, web};
use domain::account::{DeletionOutcome, ProfileOutcome, ProfileUpdate};
use domain::session::Scope;
use domain::user::{self, DisplayName, Email};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::tokens::{self, User};
use crate::Api;
use crate::error::{Answer, Problem};
use crate::extract::{Body, Caller, Checks, Client, Field, Text};
use crate::moment::Moment;
use crate::shared::{as_is, email_taken, json, not_verified};
use crate::turns::{Heavy, in_turn};

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(get_me).service(update_me).service(delete_me);
}

/// A user with what only the user sees.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Profile<'a> {
    #[serde(flatten)]
    user: User<'a>,
    /// When the account was made.
    #[schema(value_type = String, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
    created_at: Moment,
    /// When a session was last opened.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
    last_login: Option<Moment>,
    /// Whether the user can log in with a password.
    has_password: bool,
    /// The providers through which the user can log in.
    #[schema(example = json!(["google"]))]
    providers: Vec<String>,
}

impl<'a> Profile<'a> {
    pub(super) fn new(user: &'a user::User, providers: Vec<String>) -> Self {
        Self {
            user: user.into(),
            created_at: Moment(user.created_at),
            last_login: user.last_login_at.map(Moment),
            has_password: user.password.is_some(),
            providers,
        }
    }
}

/// Look at the own account
///
/// The account that the access token speaks for.
#[utoipa::path(
    operation_id = "getMe",
    tag = "Users",
    security(("bearer" = [])),
    responses((status = 200, description = "The account.", body = Profile))
)]
#[get("/users/me")]
async fn get_me(api: web::Data<Api>, caller: Caller) -> Answer {
    let user = caller.may(Scope::Account)?;
    let profile = api.accounts.profile(user).await?.ok_or_else(Problem::account_gone)?;
    Ok(json(StatusCode::OK, &Profile::new(&profile.user, profile.providers)))
}

/// Changes of the own account; what is absent stays as it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"display_name": "Ann"}))]
struct ProfilePatch<'a> {
    /// What the user is called; null clears it.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, max_length = 100)]
    display_name: Field<Text<'a>>,
    /// The address to be; it is unverified until the link of the mail sent there is used, and the old address is told.
    #[serde(default)]
    #[schema(value_type = String, required = false, format = Email)]
    email: Field<Text<'a>>,
    /// The password, where the address changes and the account has one.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password)]
    current_password: Field<Text<'a>>,
}

/// Change the own account
///
/// Sets what the user is called, and the address. Another address needs the password, or a login within the last 10 minutes where the
/// account has none.
#[utoipa::path(
    operation_id = "updateMe",
    tag = "Users",
    security(("bearer" = [])),
    request_body(content = ProfilePatch, description = "The changes"),
    responses(
        (status = 200, description = "The account after the changes.", body = Profile),
        (status = 403, description = "`AUTHZ_002`: an account without a password changes its address within 10 minutes of a login (log in again, and repeat it), or the token does not allow this."),
        (status = 409, description = "`VALIDATION_003`: the address belongs to another account."),
        (status = 422, description = "`VALIDATION_007`: the password is wrong. `VALIDATION_…`: `details.errors` names every bad field."),
        (status = 429, description = "`RATE_001`: too many wrong passwords for this account, or too many mails; or too many requests.")
    )
)]
#[patch("/users/me")]
async fn update_me(api: web::Data<Api>, caller: Caller, body: Body) -> Answer {
    caller.may(Scope::Account)?;
    let update = body.read::<ProfilePatch<'_>>()?.parse()?;
    let may_verify = update.email.is_some();
    let change = change(api.clone(), caller.clone(), update);
    if may_verify { in_turn(&api, &caller.0, Heavy::Proof, change).await } else { change.await }
}

impl ProfilePatch<'_> {
    fn parse(self) -> Result<ProfileUpdate, Problem> {
        let mut checks = Checks::default();
        let display_name =
            checks.clearable("display_name", self.display_name, |text| DisplayName::parse(&text.0));
        let email = checks.not_null("email", self.email, |text| Email::parse(&text.0));
        let password = checks.optional("current_password", self.current_password, as_is);
        checks.finish()?;
        Ok(ProfileUpdate { display_name, email, password: password.map(|text| text.0.into_owned()) })
    }
}

async fn change(api: web::Data<Api>, caller: Caller, update: ProfileUpdate) -> Answer {
    match api.accounts.update_profile(&caller.0, update).await? {
        ProfileOutcome::Done(profile) => {
            Ok(json(StatusCode::OK, &Profile::new(&profile.user, profile.providers)))
        }
        ProfileOutcome::NotVerified(why) => Err(not_verified(why, "current_password")),
        ProfileOutcome::Limited(charge) => Err(charge.into()),
        ProfileOutcome::EmailTaken => Err(email_taken()),
        ProfileOutcome::NoSuchUser => Err(Problem::account_gone()),
    }
}

/// What proves that an account may go.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"password": "Zebra-Stripe-7"}))]
struct DeletionRequest<'a> {
    /// The password, where the account has one.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, format = Password)]
    password: Field<Text<'a>>,
}

/// Delete the own account
///
/// Removes everything stored about the user, at once and for good. It needs the password, or a login within the last 10 minutes where
/// the account has none.
#[utoipa::path(
    operation_id = "deleteMe",
    tag = "Users",
    security(("bearer" = [])),
    request_body(content = Option<DeletionRequest>, description = "The password"),
    responses(
        (status = 204, description = "The account is gone, every token of it is dead, every socket closed."),
        (status = 403, description = "`AUTHZ_002`: an account without a password is deleted within 10 minutes of a login (log in again, and repeat it), or the token does not allow this."),
        (status = 422, description = "`VALIDATION_004`: the account has a password, and none was given. `VALIDATION_007`: it is wrong. `VALIDATION_006`: it is no string."),
        (status = 429, description = "`RATE_001`: too many wrong passwords for this account, or too many requests.")
    )
)]
#[delete("/users/me")]
async fn delete_me(api: web::Data<Api>, caller: Caller, client: Client, body: Body) -> Answer {
    caller.may(Scope::Account)?;
    let removal = remove(api.clone(), caller.clone(), client, body);
    in_turn(&api, &caller.0, Heavy::Proof, removal).await
}

async fn remove(api: web::Data<Api>, caller: Caller, client: Client, body: Body) -> Answer {
    let input: DeletionRequest<'_> = body.read_or_default()?;
    let mut checks = Checks::default();
    let password = checks.optional("password", input.password, as_is);
    checks.finish()?;
    match api.accounts.delete(&caller.0, password.as_ref().map(|text| text.0.as_ref())).await? {
        DeletionOutcome::Done => {}
        DeletionOutcome::NotVerified(why) => return Err(not_verified(why, "password")),
        DeletionOutcome::NoSuchUser => return Err(Problem::account_gone()),
    }
    let mut response = HttpResponse::NoContent();
    if client.trusted_page {
        response.cookie(tokens::no_cookie(&client));
    }
    Ok(response.finish())
}
