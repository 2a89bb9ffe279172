//! A JSON request body.

#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::{self, Bytes, BytesMut};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use domain::code::ErrorCode;
use domain::session::Principal;
use futures_util::StreamExt as _;
use serde::Deserialize;
use tokio::time::timeout;

use super::checks::Fault;
use crate::Api;
use crate::error::Problem;

/// The most bytes of a body under the paths of authentication, as anybody may send as many of them at once as they like. The largest that
/// is any good, a long password with every character escaped, has a few thousand.
const CREDENTIALS: usize = 16 * 1024;

/// A body that claims to be JSON, or is empty, and is within the limit; [`Body::read`] looks at what it holds.
#[derive(Clone, Debug)]
pub struct Body {
    bytes: Bytes,
}

impl Body {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Reads an object.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Problem> {
        if self.is_empty() {
            return Err(not_json("A JSON body is required"));
        }
        let text = std::str::from_utf8(&self.bytes).map_err(|_| not_json("The body is not UTF-8"))?;
        Ok(object(text)?)
    }

    /// Reads an object, or none at all as an empty one.
    pub fn read_or_default<'a, T: Deserialize<'a> + Default>(&'a self) -> Result<T, Problem> {
        if self.is_empty() { Ok(T::default()) } else { self.read() }
    }
}

/// Why a text holds no object that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoObject {
    /// It is no JSON, or a member that is known stands in it twice.
    NotJson {
        /// Where it stops being so, from 1.
        line: usize,
        /// The same, within the line.
        column: usize,
    },
    /// It is JSON of another type.
    OtherType,
}

/// Reads an object.
pub fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, NoObject> {
    let looks_like_one = text.trim_start().starts_with('{');
    match serde_json::from_str(text) {
        // An array would pass for the fields of a struct in order.
        Ok(read) if looks_like_one => Ok(read),
        Err(error) if looks_like_one || error.is_syntax() || error.is_eof() => {
            Err(NoObject::NotJson { line: error.line(), column: error.column() })
        }
        Ok(_) | Err(_) => Err(NoObject::OtherType),
    }
}

impl From<NoObject> for Problem {
    fn from(reason: NoObject) -> Self {
        match reason {
            NoObject::NotJson { line, column } => {
                not_json(format!("The body is not valid JSON at line {line}, column {column}"))
                    .with("line", line)
                    .with("column", column)
            }
            NoObject::OtherType => Fault::invalid("must be a JSON object").on("body"),
        }
    }
}

fn not_json(message: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::new(ErrorCode::BodyNotJson, message)
}

/// Whether a `Content-Type` is JSON: `application/json` or a `+json` type, in UTF-8 where it says so.
fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let json = essence == "application/json"
        || essence.strip_prefix("application/").is_some_and(|subtype| subtype.ends_with("+json"));
    json && parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    })
}

/// Whether the body is compressed (RFC 9110 section 8.4). None of what clients send is large enough to be worth it, and what is small may
/// become large.
fn is_encoded(request: &HttpRequest) -> bool {
    let mut encodings = request.headers().get_all(CONTENT_ENCODING);
    encodings.any(|encoding| !encoding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"))
}

impl FromRequest for Body {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let settings = request
            .app_data::<web::Data<Api>>()
            .map(|api| (api.settings.body_limit, api.settings.timeouts.body));
        let (limit, time_limit) = settings.unwrap_or_default();
        let limit = if authenticates(&request) { limit.min(CREDENTIALS) } else { limit };
        let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let json = content_type.is_some_and(is_json);
        let encoded = is_encoded(&request);
        let announced = request.headers().get(CONTENT_LENGTH);
        let announced = announced.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        let payload = payload.take();
        Box::pin(async move {
            if encoded {
                return Err(encoding_unknown());
            }
            let arrived = async {
                if json { collect(payload, announced, limit).await } else { nothing(payload).await }
            };
            let in_time = timeout(time_limit, arrived).await;
            let bytes = in_time.map_err(|_| not_json("The body took too long to arrive"))??;
            still_stands(&request)?;
            Ok(Self { bytes })
        })
    }
}

/// Whether a route stands where those do that take a body from anybody, without a token.
fn authenticates(request: &HttpRequest) -> bool {
    // As the routes see it: `/%61uth` is `/auth`.
    let path = request.match_info().as_str();
    ["/api/v1/auth/", "/auth/", "/api/auth/"].iter().any(|tree| path.starts_with(tree))
}

/// Refuses a caller who was let in when the head came, and whose token was ended while the body did. One who is let in later than the
/// body was in is not known here yet.
fn still_stands(request: &HttpRequest) -> Result<(), Problem> {
    let extensions = request.extensions();
    let (Some(principal), Some(api)) = (extensions.get::<Principal>(), request.app_data::<web::Data<Api>>())
    else {
        return Ok(());
    };
    Ok(api.sessions.check(principal)?)
}

/// A body of another type, which is none as long as it is empty: many clients name a type whatever they send.
async fn nothing(mut payload: Payload) -> Result<Bytes, Problem> {
    while let Some(chunk) = payload.next().await {
        if !chunk.map_err(|_| broken_off())?.is_empty() {
            return Err(content_type_wrong());
        }
    }
    Ok(Bytes::new())
}

fn encoding_unknown() -> Problem {
    Problem::new(ErrorCode::ContentTypeWrong, "Send the body as it is, without `Content-Encoding`")
}

fn content_type_wrong() -> Problem {
    Problem::new(ErrorCode::ContentTypeWrong, "Send JSON in UTF-8, as `Content-Type: application/json`")
}

/// The client went away or broke its framing.
fn broken_off() -> Problem {
    not_json("The body ended before it was complete")
}

async fn collect(mut payload: Payload, announced: Option<usize>, limit: usize) -> Result<Bytes, Problem> {
    let too_large = || {
        Problem::new(ErrorCode::TooLarge, format!("The body is larger than {limit} bytes")).with("max", limit)
    };
    if announced.is_some_and(|announced| announced > limit) {
        return Err(too_large());
    }
    let mut bytes = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| broken_off())?;
        if bytes.len() + chunk.len() > limit {
            return Err(too_large());
        }
        if bytes.is_empty() && announced == Some(chunk.len()) {
            return Ok(chunk);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}
