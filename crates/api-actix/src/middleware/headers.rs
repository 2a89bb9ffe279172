//! The headers of every response.

use actix_web::HttpMessage as _;
use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, LINK, LOCATION,
    REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use domain::limits::Charge;

use super::RequestId;
use crate::error::{RATE_LIMIT, rate_limit_headers};
use crate::settings::ApiSettings;
use crate::surface::Surface;

pub(super) fn add(response: &mut ServiceResponse<BoxBody>, id: &RequestId, settings: &ApiSettings) {
    // The decoded path, which the routes match: `/%61pi/v1/todos` is `/api/v1/todos`.
    let path = response.request().match_info().as_str();
    let private =
        path.starts_with("/api/") || path.starts_with("/ws/") || Surface::of(path) == Surface::Todos;
    let charge = response.request().extensions().get::<Charge>().copied();
    // A 429 already has the headers of the limit that was exceeded.
    if !response.headers().contains_key(RATE_LIMIT) {
        for (name, value) in charge.iter().flat_map(rate_limit_headers) {
            response.headers_mut().insert(name, value);
        }
    }
    add_to(response.headers_mut(), id, settings, private);
    add_public_path(response.headers_mut(), settings);
}

/// Prefixes the paths in `Location` and `Link` with the path under which browsers see the server.
fn add_public_path(headers: &mut HeaderMap, settings: &ApiSettings) {
    if !headers.contains_key(LOCATION) && !headers.contains_key(LINK) {
        return;
    }
    let path = settings.public_path();
    if path.is_empty() {
        return;
    }
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let location = text(LOCATION).filter(|to| to.starts_with('/')).map(|to| format!("{path}{to}"));
    let link = text(LINK).map(|links| links.replace("</", &format!("<{path}/")));
    for (name, value) in [(LOCATION, location), (LINK, link)] {
        if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
            headers.insert(name, value);
        }
    }
}

/// Adds the headers that the handler did not set itself.
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
        // One year, without `includeSubDomains`: other hosts of the domain may not have TLS (RFC 6797
        // section 6.1).
        add(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    if private {
        add(CACHE_CONTROL, "private, no-store");
    }
}
