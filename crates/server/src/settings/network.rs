//! The ports, the trusted proxies and the allowed origins.

use std::net::IpAddr;

use ipnet::IpNet;

use super::layers::Layers;
use super::parse::{number, origin, origin_of};
use super::{Environment, METRICS_PORT, setting};

/// The origins of frontends under development.
const DEVELOPMENT_ORIGINS: [&str; 2] = ["http://localhost:3000", "http://localhost:5000"];

pub fn metrics_port(layers: &Layers, port: u16) -> Option<u16> {
    let metrics_port = layers.find(&METRICS_PORT, number(0..=u16::MAX))?;
    if metrics_port == port && port != 0 {
        let problem = "must be another port than PORT: without it the figures are on that one";
        layers.report(METRICS_PORT.error(problem));
    }
    Some(metrics_port)
}

pub fn trusted_proxies(layers: &Layers) -> Vec<IpNet> {
    layers.list(&setting::TRUSTED_PROXIES, network).unwrap_or_default()
}

/// A network in CIDR form or a single address.
fn network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse()
        .or_else(|_| address())
        .map_err(|_| format!("must hold networks in CIDR form, or addresses, not {text:?}"))
}

/// The configured origins and the frontend's. By default, outside production, also those of
/// frontends under development.
pub fn allowed_origins(layers: &Layers, environment: Environment, frontend_url: &str) -> Vec<String> {
    let mut origins = layers.list(&setting::ALLOWED_ORIGINS, origin).unwrap_or_else(|| match environment {
        Environment::Production => Vec::new(),
        Environment::Development | Environment::Staging => DEVELOPMENT_ORIGINS.map(str::to_owned).to_vec(),
    });
    let frontend = origin_of(frontend_url);
    if !origins.contains(&frontend) {
        origins.push(frontend);
    }
    origins
}
