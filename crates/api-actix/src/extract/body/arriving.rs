//! The arrival of a body.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use actix_web::web::{Bytes, BytesMut};
use domain::code::ErrorCode;
use futures_util::StreamExt as _;
use tokio::time::timeout;

use super::{no_memory, not_json};
use crate::connection::AwaitedBody;
use crate::error::Problem;
use crate::memory_budget::Reservation;

/// The steps, in bytes, in which memory is reserved for a body.
const MEMORY_STEP: usize = 64 * 1024;

/// Whether the request may have a body. The framework finds an endless one after an `Upgrade` that the server ignores
/// (RFC 9110 section 7.8).
pub fn has_body(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let announced = headers.contains_key(TRANSFER_ENCODING) || headers.contains_key(CONTENT_LENGTH);
    let is_empty = if announced { content_length(request) == Some(0) } else { headers.contains_key(UPGRADE) };
    !is_empty
}

pub fn content_length(request: &HttpRequest) -> Option<usize> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A body that arrives. Its memory is reserved as it does: what a client only announces takes none.
pub struct Arriving {
    payload: Payload,
    content_length: Option<usize>,
    limit: usize,
    /// The body, if it arrived in one piece.
    whole: Option<Bytes>,
    bytes: BytesMut,
}

impl Arriving {
    pub fn new(request: &HttpRequest, payload: Payload, limit: usize) -> Self {
        let content_length = content_length(request);
        Self { payload, content_length, limit, whole: None, bytes: BytesMut::new() }
    }

    /// Takes what arrives within the time limit until the body is complete or has more than `enough` bytes. Returns whether
    /// it is complete. A body that is not `wanted` must be empty: many clients always send a `Content-Type`.
    pub async fn arrive(
        &mut self,
        enough: usize,
        wanted: bool,
        memory: &mut Reservation,
        time_limit: Duration,
        waits: Option<&AwaitedBody>,
    ) -> Result<bool, Problem> {
        if let Some(waits) = waits {
            waits.begin();
        }
        let taken = timeout(time_limit, self.take(enough, wanted, memory)).await;
        if let Some(waits) = waits {
            waits.pause();
        }
        taken.map_err(|_| too_slow())?
    }

    async fn take(&mut self, enough: usize, wanted: bool, memory: &mut Reservation) -> Result<bool, Problem> {
        let limit = self.limit;
        let too_large = || {
            let message = format!("The body is larger than {limit} bytes");
            Problem::new(ErrorCode::TooLarge, message).with("max", limit)
        };
        if wanted && self.content_length.is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        while self.bytes.len() <= enough {
            let Some(chunk) = self.payload.next().await else { return Ok(true) };
            let chunk = chunk.map_err(|_| incomplete())?;
            let length = self.bytes.len() + chunk.len();
            if length > 0 && !wanted {
                return Err(content_type_unsupported());
            }
            if length > limit {
                return Err(too_large());
            }
            if self.bytes.is_empty() && self.content_length == Some(chunk.len()) {
                memory.resize(length).map_err(no_memory)?;
                self.whole = Some(chunk);
                return Ok(true);
            }
            if length > memory.bytes() {
                memory.resize(length.next_multiple_of(MEMORY_STEP).min(limit)).map_err(no_memory)?;
                self.bytes.reserve(memory.bytes() - self.bytes.len());
            }
            self.bytes.extend_from_slice(&chunk);
            if self.content_length == Some(length) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub fn finish(self) -> Bytes {
        self.whole.unwrap_or_else(|| self.bytes.freeze())
    }
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
