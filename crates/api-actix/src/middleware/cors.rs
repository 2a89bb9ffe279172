//! Which web pages may call the API (CORS, in the Fetch standard).

use actix_cors::Cors;
use actix_web::http::header::{
    AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderName, IF_MATCH, IF_NONE_MATCH, LINK, LOCATION, RETRY_AFTER,
    WWW_AUTHENTICATE,
};

use super::RequestId;
use crate::settings::is_own_origin;

/// How long browsers may cache a preflight response, in seconds.
const MAX_AGE: usize = 3600;

/// Allows pages of exactly these origins, and of the server's own, with credentials.
pub fn cors(origins: &[String]) -> Cors {
    let of = HeaderName::from_static;
    let sent = [AUTHORIZATION, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH, RequestId::HEADER];
    // Libraries add these to every request: tracing (W3C Trace Context and Baggage, Sentry), frameworks
    // that mark scripted requests, and clients that mark repeats. The server ignores most of them.
    let added =
        ["traceparent", "tracestate", "baggage", "sentry-trace", "x-requested-with", "idempotency-key"];
    let exposed = [
        ETAG,
        LINK,
        LOCATION,
        RETRY_AFTER,
        of("ratelimit"),
        of("ratelimit-policy"),
        RequestId::HEADER,
        of("x-total-count"),
        of("x-sync-timestamp"),
        WWW_AUTHENTICATE,
    ];
    let cors = Cors::default()
        .allowed_origin_fn(|origin, head| is_own_origin(origin, head.headers()))
        .allowed_methods(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
        .allowed_headers(sent.into_iter().chain(added.map(of)))
        .expose_headers(exposed)
        .supports_credentials()
        .max_age(MAX_AGE);
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}
