//! What the matrix knows of an operation.

use std::fmt;

use actix_web::http::Method;
use api_actix::error::Surface;
use domain::code::ErrorCode;
use serde_json::{Value, json};

use crate::harness::Answer;

/// What a user who is not the owner meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strangers {
    /// 404: it is as if there were none.
    FindNothing,
    /// 403 `AUTHZ_001`, once their request is found good.
    AreRefused,
    /// 403 `AUTHZ_001`, before what the body says is looked at.
    AreKeptOut,
    /// There is nothing of the owner's in the path.
    HaveTheirOwn,
    /// No token is looked at: whoever asks gets the same.
    MakeNoDifference,
}

/// A bad input and the code it gets.
pub struct Bad {
    pub input: Input,
    pub code: ErrorCode,
}

/// What a request brings.
#[derive(Clone, Debug)]
pub enum Input {
    /// This body, or none for null.
    Body(Value),
    /// No body, and this query.
    Query(&'static str),
    /// This body of this content type.
    Raw(&'static str, String),
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Body(body) => body.to_string(),
            Self::Query(query) => format!("?{query}"),
            Self::Raw(content_type, body) => format!("{content_type} {body}"),
        };
        // Some inputs are too long on purpose.
        write!(f, "{text:.100}")
    }
}

/// One operation. In `path` and bodies, `{uuid}`, `{number}`, `{user}` and `{refresh}` stand for the owner's, and `{fresh}` for what
/// nobody has yet.
pub struct Operation {
    pub method: Method,
    pub path: &'static str,
    pub strangers: Strangers,
    pub status: u16,
    pub good: Input,
    pub bad: Vec<Bad>,
}

impl Operation {
    /// One without a body.
    pub fn new(method: Method, path: &'static str, status: u16, strangers: Strangers) -> Self {
        Self { method, path, strangers, status, good: Input::Body(Value::Null), bad: vec![] }
    }

    /// With a good body.
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

    /// With bodies that are all bad in one way.
    pub fn refuses(mut self, code: ErrorCode, bodies: impl IntoIterator<Item = Value>) -> Self {
        self.bad.extend(bodies.into_iter().map(|body| Bad { input: Input::Body(body), code }));
        self
    }

    /// With queries of which no value is allowed.
    pub fn refuses_queries(mut self, queries: &[&'static str]) -> Self {
        let bad = |query: &&'static str| Bad { input: Input::Query(query), code: ErrorCode::ValueInvalid };
        self.bad.extend(queries.iter().map(bad));
        self
    }

    /// With what is wrong with any title of more than `max` characters, and any description.
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

    /// With what is wrong when a member is not there.
    pub fn requires(self, name: &'static str) -> Self {
        self.refuses(ErrorCode::FieldRequired, [json!({}), json!({name: null})])
    }

    /// With what is wrong with a member that is true or false, in a body that is good but for it.
    pub fn flagged(self, name: &'static str) -> Self {
        self.refuses(
            ErrorCode::ValueInvalid,
            [
                json!({"title": "t", name: "yes"}),
                json!({"title": "t", name: null}),
                json!({"title": "t", name: 1}),
            ],
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

    pub fn check_success(&self, answer: &Answer) -> Result<(), String> {
        if answer.status == self.status { Ok(()) } else { Err(format!("{answer:?}")) }
    }

    pub fn public(&self) -> bool {
        self.strangers == Strangers::MakeNoDifference
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}
