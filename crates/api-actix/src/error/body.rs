//! The error body (RFC 9457) and its schema.

use std::borrow::Cow;

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderValue};
use domain::Stamp;
use domain::code::ErrorCode;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::{Challenge, Problem, Surface, rate_limit_headers, status};
use crate::rfc3339::Rfc3339;

/// An error, in the same form on every surface (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem, example = json!({
    "type": "about:blank", "title": "Not Found", "status": 404, "detail": "There is no such todo", "error_code": "RESOURCE_001",
    "message": "There is no such todo", "details": {}, "timestamp": "2026-01-12T20:30:00.000000Z",
    "request_id": "0190163d-8694-739b-aea5-966c26f8ad91"
}))]
pub struct ProblemBody<'a> {
    /// Always `about:blank`; `error_code` identifies the kind of error.
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    kind: &'static str,
    /// The HTTP status in words.
    #[schema(example = "Not Found")]
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599, example = 404)]
    status: u16,
    /// What is wrong, in one sentence for people.
    #[schema(example = "There is no such todo")]
    detail: &'a str,
    /// The stable code of the error.
    #[schema(inline = false)]
    error_code: ProblemCode,
    /// The same sentence as `detail`.
    #[schema(example = "There is no such todo")]
    message: &'a str,
    /// Facts about the error.
    #[schema(value_type = Details)]
    details: &'a Map<String, Value>,
    /// When the error occurred.
    #[schema(value_type = String, format = DateTime, example = "2026-01-12T20:30:00.000000Z")]
    timestamp: Rfc3339,
    /// The id of the request in the server's logs; equals the `X-Request-Id` header.
    #[schema(example = "0190163d-8694-739b-aea5-966c26f8ad91")]
    request_id: &'a str,
}

/// Facts about an error. Always an object; its members depend on the error code.
#[derive(Debug, Serialize, ToSchema)]
pub struct Details {
    /// The invalid fields of the request, in order: at most 100, and 10 of each item of a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    errors: Option<Vec<FieldProblem>>,
    /// The number of further errors, which `errors` does not list. Absent if it lists all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1)]
    omitted: Option<u64>,
    /// The first invalid field.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    field: Option<String>,
    /// The limit that was exceeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    max: Option<u64>,
    /// Further members.
    #[serde(flatten)]
    #[schema(value_type = BTreeMap<String, Value>)]
    others: Map<String, Value>,
}

/// An invalid field of a request. Depending on the code it has further members, such as `max` and `got`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "field": "text", "code": "VALIDATION_005", "message": "text must be at most 500 characters long; it has 501"
}))]
pub struct FieldProblem {
    /// The name of the field.
    #[schema(value_type = String, example = "text")]
    pub field: Cow<'static, str>,
    /// The error code.
    pub code: ProblemCode,
    /// What is wrong, in one sentence for people.
    #[schema(example = "text must be at most 500 characters long; it has 501")]
    pub message: String,
    /// The index of the item in the list, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0)]
    pub index: Option<usize>,
    /// The numbers and names in the message.
    #[serde(flatten)]
    #[schema(value_type = BTreeMap<String, Value>)]
    pub facts: Map<String, Value>,
}

/// An [`ErrorCode`] on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProblemCode(pub ErrorCode);

impl Serialize for ProblemCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl PartialSchema for ProblemCode {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(ErrorCode::ALL.iter().map(|code| code.as_str())))
            .description(Some(format!("The stable code of a kind of error.\n\n{}", code_table())))
            .into()
    }
}

/// A Markdown table of all codes: their status on each surface and their meaning.
fn code_table() -> String {
    let row = |code: &ErrorCode| {
        let [v1, todos, tasks] = Surface::ALL.map(|surface| status(*code, surface).as_u16());
        format!("| `{}` | {v1} | {todos} | {tasks} | {} |\n", code.as_str(), code.meaning())
    };
    let rows: Vec<_> = ErrorCode::ALL.iter().map(row).collect();
    format!("| code | sync | token | task, user task | meaning |\n|---|---|---|---|---|\n{}", rows.concat())
}

impl ToSchema for ProblemCode {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("ErrorCode")
    }
}

impl Problem {
    /// The whole response.
    #[must_use]
    pub fn respond(&self, surface: Surface, request_id: &str, now: Stamp) -> HttpResponse {
        let status = self.status(surface);
        let body = ProblemBody {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: &self.message,
            error_code: ProblemCode(self.code),
            message: &self.message,
            details: &self.details,
            timestamp: Rfc3339(now),
            request_id,
        };
        let mut response = HttpResponse::build(status);
        response.insert_header((header::CONTENT_TYPE, "application/problem+json"));
        if let Some(delay) = self.retry_after {
            let seconds = delay.as_micros().div_ceil(1_000_000).max(1);
            response.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        if let Some(challenge) = self.challenge {
            response.insert_header((header::WWW_AUTHENTICATE, challenge.header()));
        }
        if let Some(allow) = &self.allow {
            response.insert_header((header::ALLOW, allow.as_str()));
        }
        if let Some(charge) = &self.charge {
            for header in rate_limit_headers(charge) {
                response.insert_header(header);
            }
        }
        response.body(serde_json::to_vec(&body).unwrap_or_default())
    }
}

impl Challenge {
    fn header(self) -> HeaderValue {
        match self {
            Self::Bearer => HeaderValue::from_static("Bearer"),
            Self::InvalidToken => HeaderValue::from_static(r#"Bearer error="invalid_token""#),
            Self::InsufficientScope(scope) => {
                let text = format!(r#"Bearer error="insufficient_scope", scope="{}""#, scope.as_str());
                HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Bearer"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_the_table_of_codes() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
        let document = std::fs::read_to_string(path).expect("docs/errors.md exists");
        assert!(
            document.contains(&code_table()),
            "docs/errors.md must contain this table:\n{}",
            code_table()
        );
    }
}
