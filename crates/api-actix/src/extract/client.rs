//! The device and the web page that sent a request.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::IpAddr;

use actix_web::dev::Payload;
use actix_web::http::header::{
    FORWARDED, HOST, HeaderMap, HeaderName, ORIGIN, USER_AGENT, X_FORWARDED_FOR, X_FORWARDED_HOST,
    X_FORWARDED_PROTO,
};
use actix_web::{FromRequest, HttpRequest, web};
use domain::account::AccountService;
use domain::session::Device;
use domain::text::ClientId;

use super::address::address;
use crate::settings::Surroundings;
use crate::state::State;

/// The headers with which a proxy forwards a request.
const FORWARDING: [HeaderName; 5] =
    [FORWARDED, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO, HeaderName::from_static("x-real-ip")];

/// The sender of a request.
#[derive(Clone, Debug)]
pub struct Client {
    /// The client address, for rate limits and the list of devices.
    pub ip: Option<IpAddr>,
    /// The `User-Agent` without control characters, cut to [`Device::USER_AGENT_MAX`].
    pub user_agent: Option<String>,
    /// Whether a page of an allowed origin sent the request.
    pub trusted_page: bool,
    /// Whether a developer sent the request from the machine that the server runs on, in development.
    pub is_developer: bool,
    /// Whether cookies for this client are `Secure`.
    pub secure: bool,
    /// The path under which browsers see the server, with which the paths of cookies begin.
    pub public_path: String,
}

impl Client {
    /// The device, with the name that it gave itself.
    #[must_use]
    pub fn device(&self, client_id: Option<ClientId>) -> Device {
        Device { client_id, user_agent: self.user_agent.clone(), ip: self.ip }
    }

    /// The service for registrations and requested emails, which are not limited for a developer.
    #[must_use]
    pub fn accounts(&self, accounts: &AccountService) -> AccountService {
        if self.is_developer { accounts.without_mail_limits() } else { accounts.clone() }
    }
}

/// Whether a program on this machine sent the request, and not on behalf of another machine.
fn is_direct_from_loopback(request: &HttpRequest) -> bool {
    let is_loopback = request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    is_loopback && !FORWARDING.iter().any(|name| request.headers().contains_key(name))
}

fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = String::from_utf8_lossy(headers.get(USER_AGENT)?.as_bytes());
    let mut kept: String = text.chars().filter(|c| !c.is_control()).collect();
    kept.truncate(kept.floor_char_boundary(Device::USER_AGENT_MAX));
    (!kept.is_empty()).then_some(kept)
}

/// Whether a browser on this machine sent the request without TLS: the peer and the host name are
/// local, and no proxy header says `https`. The proxy need not be trusted: a client that forges the
/// header only gets a cookie that it cannot use.
fn is_local(request: &HttpRequest) -> bool {
    let is_loopback = request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    is_loopback && has_local_host(request.headers()) && !was_forwarded_from_tls(request.headers())
}

fn has_local_host(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next(),
        None => host.split(':').next(),
    };
    matches!(name, Some("localhost" | "127.0.0.1" | "::1"))
}

/// Whether `X-Forwarded-Proto` or `Forwarded` (RFC 7239 section 5.4) says `https` for any hop.
fn was_forwarded_from_tls(headers: &HeaderMap) -> bool {
    let values =
        |name| headers.get_all(name).map(|value| String::from_utf8_lossy(value.as_bytes()).to_lowercase());
    let https = |value: &str| value.trim().trim_matches('"') == "https";
    values(X_FORWARDED_PROTO).any(|value| value.split(',').any(https))
        || values(FORWARDED).any(|value| {
            let pairs = value.split([',', ';']).filter_map(|pair| pair.trim().split_once('='));
            pairs.filter(|(name, _)| *name == "proto").any(|(_, value)| https(value))
        })
}

impl FromRequest for Client {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let headers = request.headers();
        let origin = headers.get(ORIGIN);
        let state = request.app_data::<web::Data<State>>();
        let trusted_page =
            origin.zip(state).is_some_and(|(origin, state)| state.settings.allows_origin(origin, headers));
        let settings = state.map(|state| &state.settings);
        let is_developer = settings.is_some_and(|settings| {
            settings.surroundings == Surroundings::DevelopersMachine && is_direct_from_loopback(request)
        });
        ready(Ok(Self {
            ip: address(request, state.map_or(&[], |state| &state.settings.trusted_proxies)),
            user_agent: user_agent(headers),
            trusted_page,
            is_developer,
            public_path: settings.map_or_else(String::new, |settings| settings.public_path().to_owned()),
            secure: state.is_none_or(|state| state.settings.behind_tls) || !is_local(request),
        }))
    }
}
