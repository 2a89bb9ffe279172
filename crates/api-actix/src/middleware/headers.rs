//! The headers that every response has.

use actix_web::HttpMessage as _;
use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use domain::limits::Charge;

use super::RequestId;
use crate::ApiSettings;
use crate::error::{RATE_LIMIT, rate_limit_headers};
use crate::surface::Surface;

pub(super) fn add(response: &mut ServiceResponse<BoxBody>, id: &RequestId, settings: &ApiSettings) {
    // As the routes see it: `/%61pi/v1/todos` is `/api/v1/todos`.
    let path = response.request().match_info().as_str();
    let private =
        path.starts_with("/api/") || path.starts_with("/ws/") || Surface::of(path) == Surface::Todos;
    let charge = response.request().extensions().get::<Charge>().copied();
    // A refusal tells of the limit that it is for.
    if !response.headers().contains_key(RATE_LIMIT) {
        for (name, value) in charge.iter().flat_map(rate_limit_headers) {
            response.headers_mut().insert(name, value);
        }
    }
    add_to(response.headers_mut(), id, settings, private);
}

/// Adds what is missing: a handler that sets one of them has its reasons.
pub(super) fn add_to(headers: &mut HeaderMap, id: &RequestId, settings: &ApiSettings, private: bool) {
    if let Some(id) = id.header() {
        headers.insert(RequestId::HEADER, id);
    }
    let mut add = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    add(X_CONTENT_TYPE_OPTIONS, "nosniff");
    add(REFERRER_POLICY, "no-referrer");
    add(CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    if settings.behind_tls {
        // A year, and this host alone: what other hosts of the domain do is not for this server to say (RFC 6797 section 6.1).
        add(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    if private {
        add(CACHE_CONTROL, "private, no-store");
    }
}
