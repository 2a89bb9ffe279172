//! The sync contract: `/api/v1`.

mod auth;
pub mod todos;
mod tokens;
mod users;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use domain::code::ErrorCode;
use domain::text::{ClientId, TextError};
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::extract::{Fault, Text};

/// The routes under `/api/v1`.
pub fn configure(config: &mut ServiceConfig<'_>) {
    auth::configure(config);
    users::configure(config);
    todos::configure(config);
}

/// An answer with a JSON body.
fn json(status: StatusCode, body: &impl Serialize) -> HttpResponse {
    let body = serde_json::to_vec(body).unwrap_or_default();
    HttpResponse::build(status).insert_header(ContentType::json()).body(body)
}

#[expect(clippy::needless_pass_by_value, reason = "a parser is given what the field holds")]
fn client_id(text: Text<'_>) -> Result<ClientId, TextError> {
    ClientId::parse(&text.0)
}

/// The parser of a field that needs no more than its type.
#[expect(clippy::unnecessary_wraps, reason = "it has the form of a parser")]
fn as_is<T>(value: T) -> Result<T, Fault> {
    Ok(value)
}

/// The sentence of an email address that is not there: a code of its own.
fn email_required() -> Fault {
    Fault::of(ErrorCode::EmailInvalid, "is required")
}
