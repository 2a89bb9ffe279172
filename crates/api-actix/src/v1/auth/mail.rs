//! Requests for an email.

use actix_web::HttpResponse;
use domain::account::MailOutcome;
use domain::user::Email;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::error::{HandlerResult, Problem};
use crate::extract::{Member, Text, Validation};
use crate::wire::email;

/// The recipient of an email.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"email": "ann@example.com"}))]
pub(super) struct MailRequest<'a> {
    /// The email address.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true, format = Email)]
    email: Member<Text<'a>>,
}

impl MailRequest<'_> {
    pub(super) fn parse(self) -> Result<Email, Problem> {
        let mut validation = Validation::default();
        Ok(email(&mut validation, self.email).ok_or(validation)?)
    }
}

/// The response to a request for an email.
pub(super) fn accepted(outcome: &MailOutcome) -> HandlerResult {
    match outcome {
        MailOutcome::Accepted => Ok(HttpResponse::Accepted().finish()),
        MailOutcome::NoSuchUser => Err(Problem::account_gone()),
        MailOutcome::PasswordsOff => Err(Problem::passwords_off()),
        MailOutcome::Off => Err(Problem::mail_off()),
        MailOutcome::Limited(charge) => Err((*charge).into()),
    }
}
