//! Parsers of members that several surfaces have.

#![expect(clippy::needless_pass_by_value, reason = "a parser takes what the member contains")]

use domain::TodoId;
use domain::code::ErrorCode;
use domain::text::{ClientId, TextError};
use domain::todo::{Description, Title};
use domain::user::Email;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

use crate::extract::{FieldError, Member, Text, Validation, uuid};

/// Accepts any value.
#[expect(clippy::unnecessary_wraps, reason = "has the type of a parser")]
pub fn as_is<T>(value: T) -> Result<T, FieldError> {
    Ok(value)
}

/// A parser of titles with at most `max` characters.
pub fn title(max: usize) -> impl Fn(Text<'_>) -> Result<Title, TextError> {
    move |text| Title::parse_within(&text.0, max)
}

pub fn description(text: Text<'_>) -> Result<Description, TextError> {
    Description::parse(&text.0)
}

pub fn client_id(text: Text<'_>) -> Result<ClientId, TextError> {
    ClientId::parse(&text.0)
}

pub fn todo_id(text: Text<'_>) -> Result<TodoId, FieldError> {
    uuid(&text.0).map(TodoId).ok_or_else(|| FieldError::invalid("must be a UUID"))
}

/// The schema of an optional member that says whether a todo is completed.
pub fn completed_schema() -> Object {
    flag_schema("Whether it is completed.")
}

/// The schema of an optional boolean member.
pub fn flag_schema(description: &str) -> Object {
    flag_of([Type::Boolean, Type::Integer, Type::Null], description)
}

/// The schema of a required boolean member.
pub fn required_flag_schema(description: &str) -> Object {
    flag_of([Type::Boolean, Type::Integer], description)
}

fn flag_of(types: impl IntoIterator<Item = Type>, description: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter(types))
        .minimum(Some(0))
        .maximum(Some(1))
        .description(Some(format!("{description} 1 and 0 count as true and false.")))
        .build()
}

/// Parses the required member `email`. A missing email address has an error code of its own.
pub fn email(validation: &mut Validation, member: Member<Text<'_>>) -> Option<Email> {
    if matches!(member, Member::Absent | Member::Null) {
        validation.reject("email", &FieldError::new(ErrorCode::EmailInvalid, "is required"));
    }
    validation.optional("email", member, |text| Email::parse(&text.0))
}
