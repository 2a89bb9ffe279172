//! `/api/v1/users`: the caller's own account.

use actix_web::http::StatusCode;
use actix_web::{get, patch, web};
use domain::account::{self, DisplayName};
use domain::session::Scope;
use serde::Deserialize;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::json;
use super::tokens::User;
use crate::Api;
use crate::error::{Answer, Problem};
use crate::extract::{Body, Caller, Checks, Fault, Field, Text};
use crate::moment::Moment;

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(get_me).service(update_me);
}

/// A user with what only the user sees.
#[derive(Debug, Serialize, ToSchema)]
struct Profile<'a> {
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
    providers: [&'static str; 0],
}

impl<'a> From<&'a account::User> for Profile<'a> {
    fn from(user: &'a account::User) -> Self {
        Self {
            user: user.into(),
            created_at: Moment(user.created_at),
            last_login: user.last_login_at.map(Moment),
            has_password: user.password.is_some(),
            providers: [],
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
    let user = api.accounts.get(user).await?.ok_or_else(Problem::account_gone)?;
    Ok(json(StatusCode::OK, &Profile::from(&user)))
}

/// Changes of the own account; what is absent stays as it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"display_name": "Ann"}))]
struct ProfilePatch<'a> {
    /// What the user is called; null clears it.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, max_length = 100)]
    display_name: Field<Text<'a>>,
    #[schema(ignore)]
    #[serde(default)]
    email: Option<&'a RawValue>,
}

/// Change the own account
///
/// Sets what the user is called. The address can't be changed here: a request that names `email` is refused.
#[utoipa::path(
    operation_id = "updateMe",
    tag = "Users",
    security(("bearer" = [])),
    request_body(content = ProfilePatch, description = "The changes"),
    responses((status = 200, description = "The account after the changes.", body = Profile))
)]
#[patch("/users/me")]
async fn update_me(api: web::Data<Api>, caller: Caller, body: Body) -> Answer {
    let user = caller.may(Scope::Account)?;
    let input: ProfilePatch<'_> = body.read()?;
    let mut checks = Checks::default();
    let name = |text: Text<'_>| DisplayName::parse(&text.0);
    let display_name = checks.clearable("display_name", input.display_name, name);
    if input.email.is_some() {
        checks.refuse("email", &Fault::invalid("can't be changed on this server"));
    }
    checks.finish()?;
    let user = match display_name {
        Some(name) => api.accounts.rename(user, name).await?,
        None => api.accounts.get(user).await?,
    };
    let user = user.ok_or_else(Problem::account_gone)?;
    Ok(json(StatusCode::OK, &Profile::from(&user)))
}
