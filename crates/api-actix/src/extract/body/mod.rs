//! A JSON request body.

mod arriving;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use actix_web::web::{self, Bytes};
use actix_web::{FromRequest, HttpRequest};
use domain::code::ErrorCode;
use domain::limits::network;
use serde::Deserialize;

use arriving::{Arriving, content_length, has_body};

use super::address::address;
use super::caller::Authentication;
use super::field_error::FieldError;
use crate::connection::{Activity, AwaitedBody};
use crate::error::Problem;
use crate::memory_budget::{Exhausted, Owner, Reservation};
use crate::per_user_gate::{HeavyWork, Permit};
use crate::state::State;

/// The maximum size of a body, in bytes, at the authentication endpoints, which accept any number
/// of concurrent requests without a token. The largest useful body, a long password with every
/// character escaped, has a few thousand bytes.
const MAX_CREDENTIALS: usize = 16 * 1024;

/// A larger body, in bytes, is read apart from the worker.
const LARGE: usize = 64 * 1024;

/// A body within the size limit that is empty or has a JSON content type. [`Body::read`] parses it.
#[derive(Debug)]
pub struct Body {
    bytes: Bytes,
    /// The memory of the bytes. A handler that goes on after its client has gone keeps the body, and so
    /// the memory counts until the work is done.
    _memory: Reservation,
    turn: Option<Permit>,
}

impl Body {
    /// Whether the body has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether reading the body takes so long that other requests of the worker would notice.
    #[must_use]
    pub fn is_large(&self) -> bool {
        self.bytes.len() > LARGE
    }

    /// Takes the turn among the large bodies of the user, if the body waited for one. Dropping it lets the
    /// next one arrive.
    #[must_use]
    pub fn take_turn(&mut self) -> Option<Permit> {
        self.turn.take()
    }

    /// Deserialises a JSON object.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Problem> {
        if self.is_empty() {
            return Err(not_json("A JSON body is required"));
        }
        let text = std::str::from_utf8(&self.bytes).map_err(|_| not_json("The body is not UTF-8"))?;
        Ok(object(text)?)
    }

    /// Like [`Body::read`], with the default value for an empty body.
    pub fn read_or_default<'a, T: Deserialize<'a> + Default>(&'a self) -> Result<T, Problem> {
        if self.is_empty() { Ok(T::default()) } else { self.read() }
    }
}

/// Why a text cannot be read as an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectError {
    /// The text is not JSON, or a known member occurs twice. The position counts from 1.
    NotJson { line: usize, column: usize },
    /// The text is JSON of another type.
    NotAnObject,
}

/// Deserialises a JSON object.
pub fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, ObjectError> {
    let looks_like_object = text.trim_start().starts_with('{');
    match serde_json::from_str(text) {
        // serde reads an array as the fields of a struct in order.
        Ok(read) if looks_like_object => Ok(read),
        Err(error) if looks_like_object || error.is_syntax() || error.is_eof() => {
            Err(ObjectError::NotJson { line: error.line(), column: error.column() })
        }
        Ok(_) | Err(_) => Err(ObjectError::NotAnObject),
    }
}

impl From<ObjectError> for Problem {
    fn from(reason: ObjectError) -> Self {
        match reason {
            ObjectError::NotJson { line, column } => {
                not_json(format!("The body is not valid JSON at line {line}, column {column}"))
                    .with("line", line)
                    .with("column", column)
            }
            ObjectError::NotAnObject => FieldError::invalid("must be a JSON object").on("body"),
        }
    }
}

fn not_json(message: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::new(ErrorCode::BodyNotJson, message)
}

/// Whether a `Content-Type` is `application/json` or a `+json` type, in UTF-8 if it has a charset.
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

/// Whether the body is compressed (RFC 9110 section 8.4). Request bodies are too small to profit, and a
/// small compressed body may expand to a huge one.
fn is_encoded(request: &HttpRequest) -> bool {
    let mut encodings = request.headers().get_all(CONTENT_ENCODING);
    encodings.any(|encoding| !encoding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"))
}

impl FromRequest for Body {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let Some(state) = request.app_data::<web::Data<State>>().cloned() else {
            return Box::pin(async { Err(Problem::unexpected()) });
        };
        let (limit, time_limit) = (state.settings.body_limit, state.settings.timeouts.body);
        let limit = if is_authentication(&request) { limit.min(MAX_CREDENTIALS) } else { limit };
        let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let json = content_type.is_some_and(is_json);
        let encoded = is_encoded(&request);
        let content_length = content_length(&request);
        let payload = payload.take();
        Box::pin(async move {
            if encoded {
                return Err(content_encoding_unsupported());
            }
            let authentication = Authentication::of(&request);
            let caller = match &authentication {
                Some(authentication) => Some(authentication.principal().await),
                None => None,
            };
            let owner =
                caller.map_or_else(|| network_of(&request, &state), |caller| Owner::User(caller.user));
            let mut memory = state.body_memory.try_reserve(owner, 0).map_err(no_memory)?;
            let waits = await_body(&request);
            let mut body = Arriving::new(&request, payload, limit);
            // Of many large bodies of one user, most wait unread. One in chunks tells its length by arriving.
            let mut turn = None;
            let mut is_complete = !has_body(&request);
            if !is_complete && content_length.is_none_or(|length| length <= LARGE) {
                is_complete = body.arrive(LARGE, json, &mut memory, time_limit, waits.as_ref()).await?;
            }
            if !is_complete {
                let acceptable = json && LARGE < limit && content_length.is_none_or(|length| length <= limit);
                if let Some(caller) = caller.filter(|_| acceptable) {
                    turn = Some(state.per_user_gate.acquire(caller.user, HeavyWork::Upload).await?);
                }
                body.arrive(limit, json, &mut memory, time_limit, waits.as_ref()).await?;
            }
            drop(waits);
            // The session may have ended while the body arrived.
            caller.map_or(Ok(()), |caller| state.sessions.check(caller))?;
            Ok(Self { bytes: body.finish(), _memory: memory, turn })
        })
    }
}

/// Reads a form within `limit` bytes, from anybody. The bytes count until the reservation is dropped.
pub async fn read_form(
    request: &HttpRequest,
    state: &State,
    payload: Payload,
    limit: usize,
) -> Result<(Bytes, Reservation), Problem> {
    let mut memory = state.body_memory.try_reserve(network_of(request, state), 0).map_err(no_memory)?;
    let waits = await_body(request);
    let mut body = Arriving::new(request, payload, limit);
    if has_body(request) {
        body.arrive(limit, true, &mut memory, state.settings.timeouts.body, waits.as_ref()).await?;
    }
    Ok((body.finish(), memory))
}

/// Tells the connection that the server waits for the client.
fn await_body(request: &HttpRequest) -> Option<AwaitedBody> {
    request.conn_data::<Rc<Activity>>().map(Activity::await_body)
}

/// Whose memory the body of a request without a caller occupies.
fn network_of(request: &HttpRequest, state: &State) -> Owner {
    Owner::Network(address(request, &state.settings.trusted_proxies).map(network))
}

fn no_memory(reason: Exhausted) -> Problem {
    Problem::out_of_memory(reason, "request bodies")
}

/// Whether the path is one of those that accept a body without a token.
fn is_authentication(request: &HttpRequest) -> bool {
    // The decoded path, which the routes match: `/%61uth` is `/auth`.
    let path = request.match_info().as_str();
    ["/api/v1/auth/", "/auth/", "/api/auth/"].iter().any(|tree| path.starts_with(tree))
}

fn content_encoding_unsupported() -> Problem {
    Problem::new(ErrorCode::ContentTypeWrong, "Send the body uncompressed, without `Content-Encoding`")
}
