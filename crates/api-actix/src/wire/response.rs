//! JSON responses.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, LOCATION};
use serde::Serialize;
use utoipa::ToSchema;

use crate::memory_budget::Reservation;

/// A response with a JSON body.
pub fn json(status: StatusCode, body: &impl Serialize) -> HttpResponse {
    let body = serde_json::to_vec(body).unwrap_or_default();
    HttpResponse::build(status).insert_header(ContentType::json()).body(body)
}

/// Adds the path of a new resource to a response.
pub fn with_location(mut response: HttpResponse, path: &str) -> HttpResponse {
    if let Ok(location) = path.parse() {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// Attaches the memory that was reserved for a response. It counts until the client has read it.
pub fn with_memory(mut response: HttpResponse, memory: Reservation) -> HttpResponse {
    response.extensions_mut().insert(memory);
    response
}

/// A confirmation.
#[derive(Debug, Serialize, ToSchema)]
pub struct Message {
    /// What was done, in one sentence.
    #[schema(example = "Task deleted successfully")]
    message: &'static str,
}

/// A response that only confirms what was done.
pub fn message(message: &'static str) -> HttpResponse {
    json(StatusCode::OK, &Message { message })
}
