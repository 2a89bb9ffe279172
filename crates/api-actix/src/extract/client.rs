//! Where a request comes from.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::IpAddr;

use actix_web::dev::Payload;
use actix_web::http::header::{FORWARDED, HOST, HeaderMap, ORIGIN, USER_AGENT, X_FORWARDED_PROTO};
use actix_web::{FromRequest, HttpRequest, web};
use domain::session::Device;
use domain::text::ClientId;

use super::address::address;
use crate::Api;

/// The device and the page that a request comes from.
#[derive(Clone, Debug)]
pub struct Client {
    /// The address that it counts for.
    pub ip: Option<IpAddr>,
    /// Its `User-Agent`, cut to what is kept of it.
    pub user_agent: Option<String>,
    /// Whether a page of an allowed origin sent it.
    pub trusted_page: bool,
    /// Whether its cookies are for TLS alone.
    pub secure: bool,
}

impl Client {
    /// The device, under the name it gives itself.
    #[must_use]
    pub fn device(&self, client_id: Option<ClientId>) -> Device {
        Device { client_id, user_agent: self.user_agent.clone(), ip: self.ip }
    }
}

fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = String::from_utf8_lossy(headers.get(USER_AGENT)?.as_bytes());
    let cut: String = text.chars().filter(|c| !c.is_control()).take(Device::USER_AGENT_MAX).collect();
    (!cut.is_empty()).then_some(cut)
}

/// Whether a request came without TLS from a browser on this machine: from a loopback address, under a name that never leaves it, and
/// no proxy said otherwise. The proxy need not be a trusted one: who lies gets a cookie that is no good for them.
fn local(request: &HttpRequest) -> bool {
    let from_here = request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    from_here && names_this_machine(request.headers()) && !came_over_tls(request.headers())
}

fn names_this_machine(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next(),
        None => host.split(':').next(),
    };
    matches!(name, Some("localhost" | "127.0.0.1" | "::1"))
}

/// Whether `X-Forwarded-Proto` or `Forwarded` (RFC 7239 section 5.4) says so of any hop.
fn came_over_tls(headers: &HeaderMap) -> bool {
    let says =
        |name| headers.get_all(name).map(|value| String::from_utf8_lossy(value.as_bytes()).to_lowercase());
    let https = |value: &str| value.trim().trim_matches('"') == "https";
    says(X_FORWARDED_PROTO).any(|value| value.split(',').any(https))
        || says(FORWARDED).any(|value| {
            let pairs = value.split([',', ';']).filter_map(|pair| pair.trim().split_once('='));
            pairs.filter(|(name, _)| *name == "proto").any(|(_, value)| https(value))
        })
}

impl FromRequest for Client {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let headers = request.headers();
        let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
        let api = request.app_data::<web::Data<Api>>();
        let trusted_page = origin.zip(api).is_some_and(|(origin, api)| {
            api.settings.allowed_origins.iter().any(|allowed| allowed == origin)
        });
        ready(Ok(Self {
            ip: address(request, api.map_or(&[], |api| &api.settings.trusted_proxies)),
            user_agent: user_agent(headers),
            trusted_page,
            secure: api.is_none_or(|api| api.settings.behind_tls) || !local(request),
        }))
    }
}
