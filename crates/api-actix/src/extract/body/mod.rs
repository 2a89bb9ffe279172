//! A JSON request body.

#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use actix_web::web::{self, Bytes, BytesMut};
use actix_web::{FromRequest, HttpRequest};
use domain::code::ErrorCode;
use domain::limits::network;
use futures_util::StreamExt as _;
use serde::Deserialize;
use tokio::time::timeout;

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

/// The steps, in bytes, in which memory is reserved for a body.
const MEMORY_STEP: usize = 64 * 1024;

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
        let may_be_large = request.headers().contains_key(TRANSFER_ENCODING)
            || content_length.is_some_and(|length| length > LARGE);
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
            // Of many large bodies of one user, most wait unread.
            let turn = match caller {
                Some(caller) if may_be_large => {
                    Some(state.per_user_gate.acquire(caller.user, HeavyWork::Upload).await?)
                }
                _ => None,
            };
            let owner =
                caller.map_or_else(|| network_of(&request, &state), |caller| Owner::User(caller.user));
            let mut memory = state.body_memory.try_reserve(owner, 0).map_err(no_memory)?;
            let arrived = async {
                if json {
                    collect(payload, content_length, limit, &mut memory).await
                } else {
                    expect_empty(payload).await
                }
            };
            let waits = await_body(&request);
            let bytes = timeout(time_limit, arrived).await.map_err(|_| too_slow())??;
            drop(waits);
            // The session may have ended while the body arrived.
            caller.map_or(Ok(()), |caller| state.sessions.check(caller))?;
            Ok(Self { bytes, _memory: memory, turn })
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
    let arrived = collect(payload, content_length(request), limit, &mut memory);
    let _waits = await_body(request);
    let bytes = timeout(state.settings.timeouts.body, arrived).await.map_err(|_| too_slow())??;
    Ok((bytes, memory))
}

/// Tells the connection that the server waits for the client.
fn await_body(request: &HttpRequest) -> Option<AwaitedBody> {
    request.conn_data::<Rc<Activity>>().map(Activity::await_body)
}

fn content_length(request: &HttpRequest) -> Option<usize> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
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

/// Accepts a wrong `Content-Type` if the body is empty: many clients always send the header.
async fn expect_empty(mut payload: Payload) -> Result<Bytes, Problem> {
    while let Some(chunk) = payload.next().await {
        if !chunk.map_err(|_| incomplete())?.is_empty() {
            return Err(content_type_unsupported());
        }
    }
    Ok(Bytes::new())
}

fn content_encoding_unsupported() -> Problem {
    Problem::new(ErrorCode::ContentTypeWrong, "Send the body uncompressed, without `Content-Encoding`")
}

fn content_type_unsupported() -> Problem {
    Problem::new(ErrorCode::ContentTypeWrong, "Send JSON in UTF-8, as `Content-Type: application/json`")
}

fn too_slow() -> Problem {
    not_json("The body took too long to arrive")
}

/// The client disconnected or broke the framing.
fn incomplete() -> Problem {
    not_json("The body ended before it was complete")
}

/// Collects the body, and reserves memory as it arrives: what a client only announces takes none.
async fn collect(
    mut payload: Payload,
    content_length: Option<usize>,
    limit: usize,
    memory: &mut Reservation,
) -> Result<Bytes, Problem> {
    let too_large = || {
        Problem::new(ErrorCode::TooLarge, format!("The body is larger than {limit} bytes")).with("max", limit)
    };
    if content_length.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let mut bytes = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| incomplete())?;
        let length = bytes.len() + chunk.len();
        if length > limit {
            return Err(too_large());
        }
        if bytes.is_empty() && content_length == Some(chunk.len()) {
            memory.resize(length).map_err(no_memory)?;
            return Ok(chunk);
        }
        if length > memory.bytes() {
            memory.resize(length.next_multiple_of(MEMORY_STEP).min(limit)).map_err(no_memory)?;
            bytes.reserve(memory.bytes() - bytes.len());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}
