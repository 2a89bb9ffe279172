//! What several surfaces say in the same words.

use actix_web::HttpResponse;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use domain::account::{AccountService, KeepSession, LoginOutcome, NotVerified, PasswordChangeOutcome};
use domain::code::ErrorCode;
use domain::session::Login;
use domain::text::TextError;
use domain::todo::{Description, Title};
use domain::user::{Email, PasswordPolicy};
use metrics::counter;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::Problem;
use crate::extract::{Caller, Checks, Client, Fault, Field, Text};

/// An answer with a JSON body.
pub fn json(status: StatusCode, body: &impl Serialize) -> HttpResponse {
    let body = serde_json::to_vec(body).unwrap_or_default();
    HttpResponse::build(status).insert_header(ContentType::json()).body(body)
}

/// What was done, in a sentence.
#[derive(Debug, Serialize, ToSchema)]
pub struct Message {
    /// The sentence.
    #[schema(example = "Task deleted successfully")]
    message: &'static str,
}

/// An answer that says no more than that it is done.
pub fn told(message: &'static str) -> HttpResponse {
    json(StatusCode::OK, &Message { message })
}

/// Reads a title of at most `max` characters.
pub fn title(max: usize) -> impl Fn(Text<'_>) -> Result<Title, TextError> {
    move |text| Title::parse_within(&text.0, max)
}

/// Reads a description.
pub fn description() -> impl Fn(Text<'_>) -> Result<Description, TextError> {
    |text| Description::parse(&text.0)
}

/// Takes a member as it came.
#[expect(clippy::unnecessary_wraps, reason = "stands where others refuse")]
pub fn as_is<T>(value: T) -> Result<T, Fault> {
    Ok(value)
}

/// The sentence of an email address that is not there: a code of its own.
pub fn email_required() -> Fault {
    Fault::of(ErrorCode::EmailInvalid, "is required")
}

/// The member `email`, which has to be there.
pub fn email(checks: &mut Checks, field: Field<Text<'_>>) -> Option<Email> {
    if matches!(field, Field::Absent | Field::Null) {
        checks.refuse("email", &email_required());
    }
    checks.optional("email", field, |text| Email::parse(&text.0))
}

/// The refusal of an address that belongs to an account.
pub fn email_taken() -> Problem {
    Fault::of(ErrorCode::EmailTaken, "is registered already; log in instead").on("email")
}

/// The session that a login opened, or why there is none; it is counted by its outcome.
pub fn logged_in(outcome: LoginOutcome) -> Result<Login, Problem> {
    let label = match outcome {
        LoginOutcome::Done(_) => "done",
        LoginOutcome::Wrong => "wrong",
        LoginOutcome::Disabled => "disabled",
        LoginOutcome::Limited(_) => "limited",
        LoginOutcome::Hasher(_) => "failed",
    };
    counter!("logins_total", "outcome" => label).increment(1);
    match outcome {
        LoginOutcome::Done(logged_in) => Ok(logged_in),
        LoginOutcome::Wrong => {
            Err(Problem::new(ErrorCode::CredentialsWrong, "The email or the password is wrong"))
        }
        LoginOutcome::Disabled => Err(Problem::account_disabled()),
        LoginOutcome::Limited(charge) => Err(charge.into()),
        LoginOutcome::Hasher(error) => Err(error.into()),
    }
}

/// Replaces the caller's password by `new`, on the proof of `current`: the members of a body.
pub async fn change_password(
    accounts: &AccountService,
    caller: &Caller,
    (current, new): (Field<Text<'_>>, Field<Text<'_>>),
    policy: PasswordPolicy,
    keep: KeepSession,
) -> Result<(), Problem> {
    let mut checks = Checks::default();
    let current = checks.required("current_password", current, as_is);
    let new = checks.required("new_password", new, as_is);
    let (Some(current), Some(new)) = (current, new) else { return Err(checks.into()) };
    password_changed(accounts.change_password(&caller.0, &current.0, &new.0, policy, keep).await?)
}

fn password_changed(outcome: PasswordChangeOutcome) -> Result<(), Problem> {
    match outcome {
        PasswordChangeOutcome::Done => Ok(()),
        PasswordChangeOutcome::NotVerified(why) => Err(not_verified(why, "current_password")),
        PasswordChangeOutcome::Unchanged => {
            Err(Fault::of(ErrorCode::PasswordUnchanged, "is your password already").on("new_password"))
        }
        PasswordChangeOutcome::Weak(weak) => Err(Checks::of("new_password", &weak).into()),
        PasswordChangeOutcome::Hasher(error) => Err(error.into()),
        PasswordChangeOutcome::NoSuchUser => Err(Problem::account_gone()),
    }
}

/// Why the password in `field` was no proof.
pub fn not_verified(why: NotVerified, field: &'static str) -> Problem {
    match why {
        NotVerified::Missing => Fault::of(ErrorCode::FieldRequired, "is required").on(field),
        NotVerified::Wrong => Fault::of(ErrorCode::CurrentPasswordWrong, "is not your password").on(field),
        NotVerified::Limited(charge) => charge.into(),
        NotVerified::Hasher(error) => error.into(),
        NotVerified::LogInAgain => Problem::log_in_again(),
    }
}

/// How an access token is sent (RFC 6750).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenType {
    /// `Authorization: Bearer <access_token>`.
    Bearer,
}

/// The name of the cookie that may carry a refresh token.
pub const REFRESH_COOKIE: &str = "refresh_token";

/// That cookie, which a browser sends to `path` alone.
pub fn refresh_cookie<'a>(client: &Client, path: &'static str, value: &'a str) -> Cookie<'a> {
    Cookie::build(REFRESH_COOKIE, value)
        .path(path)
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(client.secure)
        .finish()
}

/// A browser sends the cookie along whoever asks it to: the page has to be one of ours.
pub fn from_cookie<'a>(cookie: &'a Cookie<'_>, client: &Client) -> Result<&'a str, Problem> {
    if client.trusted_page {
        Ok(cookie.value())
    } else {
        Err(Problem::new(ErrorCode::ScopeMissing, "A cookie is taken from pages of an allowed origin only"))
    }
}
