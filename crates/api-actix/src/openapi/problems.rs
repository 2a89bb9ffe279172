//! The bodies of error responses: their schema, and an example of each error code.
//!
//! The description of a response names the codes that it can have. Codes whose `details` have members
//! of their own have a schema of their own too, so that generated clients narrow `details` by
//! `error_code`.

use actix_web::http::StatusCode;
use chrono::{DateTime, Utc};
use domain::code::ErrorCode;
use serde_json::{Value, json};
use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::schema::{AllOfBuilder, OneOfBuilder, Type};
use utoipa::openapi::{Content, ContentBuilder, ObjectBuilder, Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::error::ProblemBody;
use crate::wire::{StrategyName, Todo};

pub(super) const MEDIA_TYPE: &str = "application/problem+json";

/// What descriptions write for all codes of invalid values, and examples of these codes.
const VALIDATION: &str = "VALIDATION_…";
const VALIDATION_EXAMPLES: [ErrorCode; 3] =
    [ErrorCode::FieldRequired, ErrorCode::ValueTooLong, ErrorCode::ValueInvalid];

/// The state of a todo that has changed since the version of the request.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a schema; the outcome of a change writes the members")]
struct ConflictDetails<'a> {
    /// The version that the client sent, if it sent one.
    #[schema(required = true, example = 1)]
    client_version: Option<i64>,
    /// The todo's current version.
    #[schema(minimum = 1, example = 2)]
    server_version: i64,
    /// The current todo.
    server_data: Todo<'a>,
    /// The conflict strategy.
    resolution_strategy: StrategyName,
}

/// Why the server cannot continue from a cursor.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a schema; the outcome of a read writes the members")]
struct StaleCursorDetails {
    reason: StaleCursorReason,
    /// The server's database history.
    #[schema(example = "0b5a3c1e-6f0d-4c55-9a4b-8d0f6a2b7c11")]
    epoch: String,
    /// The stamp up to which the histories of the cursor and of the server agree; null if that is not known.
    #[schema(required = true, example = "2026-01-09T10:15:00.000000Z")]
    restored_to: Option<DateTime<Utc>>,
    /// The server remembers all deletions after this stamp.
    #[schema(example = "2025-10-11T10:15:00.000000Z")]
    horizon: DateTime<Utc>,
}

/// Why the server cannot continue from a cursor: it lost changes that the cursor includes, or no longer
/// remembers all deletions after it.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "a schema; the outcome of a read writes the member")]
enum StaleCursorReason {
    Restored,
    Forgotten,
}

/// The schema of a problem whose `details` are those of `codes`.
struct Narrowed {
    name: &'static str,
    details: &'static str,
    codes: &'static [ErrorCode],
}

const NARROWED: [Narrowed; 2] = [
    Narrowed {
        name: "ConflictProblem",
        details: "ConflictDetails",
        codes: &[ErrorCode::VersionMismatch, ErrorCode::PreconditionFailed],
    },
    Narrowed {
        name: "StaleCursorProblem",
        details: "StaleCursorDetails",
        codes: &[ErrorCode::ResyncRequired],
    },
];

/// The schemas that responses refer to, by their names.
pub(super) fn schemas() -> Vec<(String, RefOr<Schema>)> {
    let mut schemas = vec![
        ("ConflictDetails".to_owned(), ConflictDetails::schema()),
        ("StaleCursorDetails".to_owned(), StaleCursorDetails::schema()),
        ("StaleCursorReason".to_owned(), StaleCursorReason::schema()),
    ];
    schemas.extend(NARROWED.iter().map(|narrowed| {
        let details = Ref::from_schema_name(narrowed.details);
        let part = with_codes(narrowed.codes).property("details", details).required("details");
        (narrowed.name.to_owned(), AllOfBuilder::new().item(problem()).item(part).into())
    }));
    schemas
}

/// The body of a response, from its status and its description.
pub(super) fn content(status: &str, description: &str) -> Content {
    let codes = codes(description);
    let mut content = ContentBuilder::new().schema(Some(schema(&codes))).build();
    let status = status.parse().ok().and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    content.examples.extend(
        codes.iter().map(|code| (code.as_str().to_owned(), RefOr::T(example_of_code(*code, status)))),
    );
    content
}

/// The codes that a description names between backticks.
fn codes(description: &str) -> Vec<ErrorCode> {
    let quoted = description.split('`').skip(1).step_by(2);
    quoted
        .flat_map(|word| {
            let named = ErrorCode::ALL.iter().copied().filter(move |code| code.as_str() == word);
            let any = if word == VALIDATION { &VALIDATION_EXAMPLES[..] } else { &[] };
            named.chain(any.iter().copied())
        })
        .collect()
}

/// `Problem`, or the alternatives if a code has a schema of its own.
fn schema(codes: &[ErrorCode]) -> RefOr<Schema> {
    let narrowed: Vec<_> =
        NARROWED.iter().filter(|narrowed| codes.iter().any(|code| narrowed.codes.contains(code))).collect();
    let others: Vec<_> =
        codes.iter().copied().filter(|code| narrowed.iter().all(|n| !n.codes.contains(code))).collect();
    match (narrowed.as_slice(), others.is_empty()) {
        ([], _) => problem().into(),
        ([one], true) => Ref::from_schema_name(one.name).into(),
        (some, _) => {
            let named =
                some.iter().fold(OneOfBuilder::new(), |one, n| one.item(Ref::from_schema_name(n.name)));
            named.item(AllOfBuilder::new().item(problem()).item(with_codes(&others))).into()
        }
    }
}

fn problem() -> Ref {
    Ref::from_schema_name(ProblemBody::name())
}

/// An object whose `error_code` is one of `codes`.
fn with_codes(codes: &[ErrorCode]) -> ObjectBuilder {
    let code = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(codes.iter().map(|code| code.as_str())));
    ObjectBuilder::new().schema_type(Type::Object).property("error_code", code).required("error_code")
}

fn example_of_code(code: ErrorCode, status: StatusCode) -> Example {
    let sentence = code.meaning().trim_end_matches('.');
    let body = json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": sentence,
        "error_code": code.as_str(),
        "message": sentence,
        "details": details(code, sentence),
        "timestamp": "2026-01-12T20:30:00.000000Z",
        "request_id": "0190163d-8694-739b-aea5-966c26f8ad91",
    });
    ExampleBuilder::new().summary(code.meaning()).value(Some(body)).build()
}

fn details(code: ErrorCode, sentence: &str) -> Value {
    use ErrorCode as C;
    let field = match code {
        C::EmailInvalid | C::EmailTaken => "email",
        C::PasswordWeak => "password",
        C::PasswordUnchanged => "new_password",
        C::CurrentPasswordWrong => "current_password",
        C::FieldRequired | C::ValueTooLong => "text",
        C::ValueInvalid => "client_id",
        C::IdInUse => "id",
        C::QuotaReached => return json!({"max": 10_000}),
        C::TooLarge => return json!({"max": 2_097_152}),
        C::VersionMismatch | C::PreconditionFailed => {
            return json!({
                "client_version": 1,
                "server_version": 2,
                "server_data": {
                    "id": "550e8400-e29b-41d4-a716-446655440000", "text": "Buy oat milk", "description": null,
                    "completed": false, "completed_at": null, "metadata": {}, "version": 2, "client_id": "laptop",
                    "created_at": "2026-01-09T10:15:00.000000Z", "updated_at": "2026-01-12T20:29:00.000000Z",
                    "deleted_at": null,
                },
                "resolution_strategy": "manual",
            });
        }
        C::ResyncRequired => {
            return json!({
                "reason": "forgotten",
                "epoch": "0b5a3c1e-6f0d-4c55-9a4b-8d0f6a2b7c11",
                "restored_to": null,
                "horizon": "2025-10-11T10:15:00.000000Z",
            });
        }
        _ => return json!({}),
    };
    json!({"errors": [{"field": field, "code": code.as_str(), "message": sentence}], "field": field})
}
