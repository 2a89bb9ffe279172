//! Responses that several endpoints share.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ETAG, HeaderValue, TryIntoHeaderValue as _};
use domain::code::ErrorCode;
use domain::sync::{StaleCursor, StaleReason};
use domain::{Stamp, todo};

use crate::error::Problem;
use crate::extract::etag;
use crate::wire::{Todo, json};

/// A single todo with its `ETag`. The client may cache it, but must revalidate it before use.
pub fn single(status: StatusCode, todo: &todo::Todo) -> HttpResponse {
    let mut response = json(status, &Todo::from(todo));
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Ok(tag) = etag(todo.version()).try_into_value() {
        headers.insert(ETAG, tag);
    }
    response
}

/// The server cannot continue from the client's cursor.
pub fn resync_required(stale: &StaleCursor) -> Problem {
    let (reason, restored_to, message) = match stale.reason {
        StaleReason::Restored { restored_to } => (
            "restored",
            restored_to,
            "The server lost changes that this cursor includes, as after the restore of a backup: give back what it acknowledged after `restored_to`, and sync from there",
        ),
        StaleReason::Forgotten => (
            "forgotten",
            None,
            "The cursor is older than the deletions that the server remembers: keep the changes that you have not sent, and sync from the beginning",
        ),
    };
    Problem::new(ErrorCode::ResyncRequired, message)
        .with("reason", reason)
        .with("epoch", stale.epoch.as_str())
        .with("restored_to", restored_to.map(Stamp::to_rfc3339))
        .with("horizon", stale.horizon.to_rfc3339())
}
