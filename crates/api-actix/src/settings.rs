//! What an operator may set.

use std::time::Duration;

use actix_web::http::header::{HOST, HeaderMap, HeaderValue};
use domain::session::Lifetimes;
use ipnet::IpNet;

use crate::connection::Timeouts;

/// The settings of the API.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    /// The exact origins whose pages may call the API, such as `https://app.example.com`.
    pub allowed_origins: Vec<String>,
    /// The maximum number of bytes of a request body. The authentication endpoints have an
    /// additional, smaller limit.
    pub body_limit: usize,
    /// The maximum number of bytes of all request bodies in flight; at least twice `body_limit` counts.
    pub body_memory: usize,
    /// The maximum number of bytes of all responses that are in preparation or not read yet.
    pub response_memory: usize,
    /// The maximum number of todos in one sync, and of changes in one bulk request.
    pub batch_limit: usize,
    /// The maximum number of todos in one bulk creation.
    pub bulk_limit: usize,
    /// The maximum number of todos on one page of a list.
    pub page_limit: u32,
    /// The lifetime of access tokens on every surface; `None` keeps the default of each surface.
    pub access_token_lifetime: Option<Duration>,
    /// The lifetime of the cookie that carries a refresh token.
    pub refresh_token_lifetime: Duration,
    /// The server's absolute http or https URL as browsers see it, without a slash at the end. It may
    /// have a path, which a proxy removes.
    pub public_url: String,
    /// The frontend's absolute http or https URL. OAuth logins return to it, or to a page of an
    /// allowed origin.
    pub frontend_url: String,
    /// The proxies whose forwarding headers are trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether a proxy terminates TLS: cookies are then always `Secure`, and responses carry
    /// `Strict-Transport-Security`.
    pub behind_tls: bool,
    /// Whether `/metrics` has a port of its own, served by [`metrics_app`](crate::metrics_app).
    pub metrics_apart: bool,
    /// How long clients may keep the server waiting.
    pub timeouts: Timeouts,
    /// The number of open connections beyond which a new one closes the longest idle one.
    pub max_connections: usize,
}

impl ApiSettings {
    /// Whether pages of `origin` may call the API: those of an allowed origin, and those that the server
    /// itself serves. `headers` are the request's. Browsers let no page choose `Origin` or `Host`.
    #[must_use]
    pub fn allows_origin(&self, origin: &HeaderValue, headers: &HeaderMap) -> bool {
        is_own_origin(origin, headers)
            || self.allowed_origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes())
    }
}

/// Whether the host of `origin` is the one that the request was sent to. The schemes are not compared: a
/// proxy may terminate TLS.
#[must_use]
pub fn is_own_origin(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let origin = origin.as_bytes();
    let host = origin.strip_prefix(b"https://").or_else(|| origin.strip_prefix(b"http://"));
    host.zip(headers.get(HOST)).is_some_and(|(host, asked)| host.eq_ignore_ascii_case(asked.as_bytes()))
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self {
            allowed_origins: Vec::new(),
            body_limit: 2 * 1024 * 1024,
            body_memory: 96 * 1024 * 1024,
            response_memory: 64 * 1024 * 1024,
            batch_limit: 1000,
            bulk_limit: 10_000,
            page_limit: 100,
            access_token_lifetime: None,
            refresh_token_lifetime: Lifetimes::default().refresh,
            public_url: "http://localhost:8000".to_owned(),
            frontend_url: "http://localhost:3000".to_owned(),
            trusted_proxies: Vec::new(),
            behind_tls: false,
            metrics_apart: false,
            timeouts: Timeouts::default(),
            max_connections: usize::MAX,
        }
    }
}

impl ApiSettings {
    /// The path under which browsers see the server: empty, or such as `/todos`.
    #[must_use]
    pub fn public_path(&self) -> &str {
        path_of(&self.public_url)
    }
}

/// The path of an absolute URL, without a slash at the end.
pub(crate) fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("", |start| rest[start..].trim_end_matches('/'))
}
