//! What an operator may set.

use std::time::Duration;

use actix_web::http::header::{HOST, HeaderMap, HeaderValue};
use domain::session::Lifetimes;
use ipnet::IpNet;
use url::{Host, Url};

use crate::connection::Timeouts;

/// Who reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surroundings {
    /// Everybody.
    Deployed,
    /// Developers: pages of every loopback origin may call the API.
    Development,
    /// A developer's own programs, on the same machine: their registrations are not limited either.
    DevelopersMachine,
}

/// The settings of the API.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    /// The exact origins whose pages may call the API, such as `https://app.example.com`.
    pub allowed_origins: Vec<String>,
    /// Who reaches the server.
    pub surroundings: Surroundings,
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
    /// The number of open connections beyond which those that wait for their clients make room.
    pub max_connections: usize,
}

impl ApiSettings {
    /// Whether pages of `origin` may call the API: those of an allowed origin, and those that the server
    /// itself serves. `headers` are the request's. Browsers let no page choose `Origin` or `Host`.
    #[must_use]
    pub fn allows_origin(&self, origin: &HeaderValue, headers: &HeaderMap) -> bool {
        self.is_own_origin(origin, headers) || origin.to_str().is_ok_and(|origin| self.lists_origin(origin))
    }

    /// Whether the host of `origin` is the one that the request was sent to. Behind TLS, the server has no
    /// pages over http: an attacker on the network could forge one.
    fn is_own_origin(&self, origin: &HeaderValue, headers: &HeaderMap) -> bool {
        let origin = origin.as_bytes();
        let plain = || origin.strip_prefix(b"http://").filter(|_| !self.behind_tls);
        let host = origin.strip_prefix(b"https://").or_else(plain);
        host.zip(headers.get(HOST)).is_some_and(|(host, asked)| host.eq_ignore_ascii_case(asked.as_bytes()))
    }
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self {
            allowed_origins: Vec::new(),
            surroundings: Surroundings::Deployed,
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

    /// Whether pages of `origin` may call the API, whatever the host of the request: those of
    /// `PUBLIC_URL`, those that the operator allowed, and in development all of this machine.
    #[must_use]
    pub fn lists_origin(&self, origin: &str) -> bool {
        self.allowed_origins.iter().any(|allowed| allowed == origin)
            || self.public_url.strip_suffix(self.public_path()) == Some(origin)
            || (self.surroundings != Surroundings::Deployed && is_loopback(origin))
    }
}

/// Whether an origin is a page of this machine.
fn is_loopback(origin: &str) -> bool {
    let Ok(url) = Url::parse(origin) else { return false };
    let is_local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    is_local && matches!(url.scheme(), "http" | "https")
}

/// The path of an absolute URL, without a slash at the end.
pub(crate) fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("", |start| rest[start..].trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_the_public_url_has_no_slash_at_its_end() {
        for (url, path) in [
            ("http://localhost:8000", ""),
            ("https://a.example/", ""),
            ("https://a.example/todos", "/todos"),
            ("https://a.example/a/b/", "/a/b"),
        ] {
            assert_eq!(path_of(url), path, "{url}");
        }
    }

    #[test]
    fn behind_tls_the_server_has_no_pages_over_http() {
        let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("Todos.example"))]);
        for behind_tls in [false, true] {
            let settings = ApiSettings { behind_tls, ..ApiSettings::default() };
            let allows = |origin| settings.allows_origin(&HeaderValue::from_static(origin), &headers);
            assert!(allows("https://todos.example"));
            assert_eq!(allows("http://todos.example"), !behind_tls);
            assert!(!allows("https://evil.example"));
        }
    }

    #[test]
    fn pages_of_this_machine_are_allowed_in_development_only() {
        let public_url = "https://api.example.com/todos".to_owned();
        let allowed_origins = vec!["https://app.example.com".to_owned()];
        let mut settings = ApiSettings { allowed_origins, public_url, ..ApiSettings::default() };
        let local =
            ["http://localhost:5173", "http://127.0.0.1:3000", "https://[::1]", "http://app.localhost:81"];
        let foreign = [
            "https://evil.example",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "null",
            "file://localhost",
            "https://api.example.com.evil.example",
            "",
        ];
        for surroundings in [Surroundings::Deployed, Surroundings::Development] {
            settings.surroundings = surroundings;
            assert!(settings.lists_origin("https://app.example.com"));
            assert!(settings.lists_origin("https://api.example.com"));
            for origin in local {
                assert_eq!(
                    settings.lists_origin(origin),
                    surroundings == Surroundings::Development,
                    "{origin}"
                );
            }
            for origin in foreign {
                assert!(!settings.lists_origin(origin), "{origin}");
            }
        }
    }
}
