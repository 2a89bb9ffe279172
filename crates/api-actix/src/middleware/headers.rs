//! The headers that every response has.

use actix_web::HttpMessage as _;
use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use domain::limits::Charge;

use super::{RequestId, limit_headers, surface};
use crate::error::Surface;

pub(super) fn add(response: &mut ServiceResponse<BoxBody>, id: &RequestId) {
    let path = response.request().path();
    let private = path.starts_with("/api/") || surface(path) == Surface::Todos;
    let charge = response.request().extensions().get::<Charge>().copied();
    for (name, value) in charge.iter().flat_map(limit_headers) {
        response.headers_mut().insert(name, value);
    }
    add_to(response.headers_mut(), id, private);
}

/// Adds what is missing: a handler that sets one of them has its reasons.
pub(super) fn add_to(headers: &mut HeaderMap, id: &RequestId, private: bool) {
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
    if private {
        add(CACHE_CONTROL, "private, no-store");
    }
}
