//! Responses that several endpoints share.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ETAG, HeaderValue, TryIntoHeaderValue as _};
use domain::todo;

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
