//! An operation, with good and bad inputs.

use std::fmt;

use actix_web::http::Method;
use api_actix::error::Surface;
use domain::code::ErrorCode;
use serde_json::{Value, json};

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Other users get 404.
    NotFoundToOthers,
    /// Other users get 403 `AUTHZ_001`, after their input is validated.
    ForbiddenToOthers,
    /// Other users get 403 `AUTHZ_001`, before their input is validated.
    ForbiddenToOthersUnread,
    /// The path names no user's resource: all users are served.
    AllUsers,
    /// No token is needed, or looked at.
    Public,
}

/// A bad input and the code of its refusal.
pub struct Bad {
    pub input: Input,
    pub code: ErrorCode,
}

/// The body or query of a request.
#[derive(Clone)]
pub enum Input {
    /// A JSON body; null means no body.
    Body(Value),
    Query(&'static str),
    /// Content type and body.
    Raw(&'static str, String),
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Body(body) => body.to_string(),
            Self::Query(query) => format!("?{query}"),
            Self::Raw(content_type, body) => format!("{content_type} {body}"),
        };
        // Inputs that test a limit are long.
        write!(f, "{text:.100}")
    }
}

/// One operation. In `path` and bodies, `{uuid}`, `{number}`, `{user}` and `{refresh}` stand for the
/// owner's; `{fresh}` is different in each request.
pub struct Operation {
    pub method: Method,
    pub path: &'static str,
    pub access: Access,
    pub status: u16,
    pub good: Input,
    pub bad: Vec<Bad>,
}

impl Operation {
    /// An operation without a body.
    pub fn new(method: Method, path: &'static str, status: u16, access: Access) -> Self {
        Self { method, path, access, status, good: Input::Body(Value::Null), bad: vec![] }
    }

    /// Sets the good body, and adds bodies that every operation refuses.
    pub fn body(self, good: Value) -> Self {
        let mut operation = Self { good: Input::Body(good), ..self };
        let raw =
            |content_type, body: &str, code| Bad { input: Input::Raw(content_type, body.to_owned()), code };
        let large = format!(r#"{{"title": "{}"}}"#, "t".repeat(3 * 1024 * 1024));
        operation.bad.extend([
            raw("application/json", "{", ErrorCode::BodyNotJson),
            raw("application/json", r#"{"title": "\ud800"}x"#, ErrorCode::BodyNotJson),
            raw("text/plain", "{}", ErrorCode::ContentTypeWrong),
            raw("application/json", &large, ErrorCode::TooLarge),
            Bad { input: Input::Body(json!([])), code: ErrorCode::ValueInvalid },
        ]);
        operation
    }

    /// Adds bodies that are refused with `code`.
    pub fn refuses(mut self, code: ErrorCode, bodies: impl IntoIterator<Item = Value>) -> Self {
        self.bad.extend(bodies.into_iter().map(|body| Bad { input: Input::Body(body), code }));
        self
    }

    /// Adds queries with a value that is not allowed.
    pub fn refuses_queries(mut self, queries: &[&'static str]) -> Self {
        let bad = |query: &&'static str| Bad { input: Input::Query(query), code: ErrorCode::ValueInvalid };
        self.bad.extend(queries.iter().map(bad));
        self
    }

    /// Adds bad titles, of which `max` characters are allowed, and bad descriptions.
    pub fn titled(self, name: &'static str, max: usize) -> Self {
        self.refuses(ErrorCode::FieldRequired, [json!({name: " \n"})])
            .refuses(
                ErrorCode::ValueTooLong,
                [json!({name: "t".repeat(max + 1)}), json!({name: "t", "description": "d".repeat(10_001)})],
            )
            .refuses(
                ErrorCode::ValueInvalid,
                [json!({name: "a\u{0}b"}), json!({name: 7}), json!({name: "t", "description": ["d"]})],
            )
    }

    /// Adds bodies without a mandatory member.
    pub fn requires(self, name: &'static str) -> Self {
        self.refuses(ErrorCode::FieldRequired, [json!({}), json!({name: null})])
    }

    /// Adds bodies with a bad value of a boolean member.
    pub fn flagged(self, name: &'static str) -> Self {
        self.refuses(
            ErrorCode::ValueInvalid,
            [json!({"title": "t", name: "yes"}), json!({"title": "t", name: 2})],
        )
    }

    pub fn surface(&self) -> Surface {
        if self.path.starts_with("/api/v1/") {
            Surface::V1
        } else if self.path.starts_with("/api/") {
            Surface::Tasks
        } else {
            Surface::Todos
        }
    }

    pub fn public(&self) -> bool {
        self.access == Access::Public
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}
