//! Which web pages may call the API (CORS, in the Fetch standard).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use actix_cors::Cors;
use actix_web::http::header::{ETAG, HeaderName, HeaderValue, LINK, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};

use super::RequestId;
use crate::state::State;

/// How long browsers may cache a preflight response, in seconds.
const MAX_AGE: usize = 3600;

/// The maximum number of refused origins that are logged.
const LOGGED: usize = 16;

/// Allows pages of the origins that the settings allow, with credentials.
pub fn cors(state: Arc<State>) -> Cors {
    let of = HeaderName::from_static;
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
    Cors::default()
        .allowed_origin_fn(move |origin, head| {
            let allowed = state.settings.allows_origin(origin, head.headers());
            // A provider's form comes from the provider's site, and needs no permission.
            if !allowed && !head.uri.path().ends_with("/callback") {
                log_refused(origin);
            }
            allowed
        })
        .allowed_methods(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
        // Libraries for tracing and frameworks add headers of their own to every request, which the
        // server ignores.
        .allow_any_header()
        .expose_headers(exposed)
        .supports_credentials()
        .max_age(MAX_AGE)
}

/// Logs an origin once: browsers do not show a page why it was refused. Clients control the origin, so
/// the number of lines is limited, and each is escaped.
fn log_refused(origin: &HeaderValue) {
    static SEEN: Mutex<BTreeSet<Vec<u8>>> = Mutex::new(BTreeSet::new());
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    if seen.len() < LOGGED && seen.insert(origin.as_bytes().to_vec()) {
        tracing::warn!(?origin, "refused a page of an origin that ALLOWED_ORIGINS does not list");
    }
}
