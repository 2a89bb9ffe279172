//! The ports, the trusted proxies and the allowed origins.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ipnet::{IpNet, Ipv4Net};

use super::layers::Layers;
use super::parse::{number, origin, origin_of, text};
use super::{Environment, METRICS_PORT, setting};

/// The origins of frontends under development.
const DEVELOPMENT_ORIGINS: [&str; 2] = ["http://localhost:3000", "http://localhost:5000"];

/// Where the build of the web app is, below the working directory.
const WEB_APP: &str = "web/out";

pub fn metrics_port(layers: &Layers, port: u16) -> Option<u16> {
    let metrics_port = layers.find(&METRICS_PORT, number(0..=u16::MAX))?;
    if metrics_port == port && port != 0 {
        let problem = "must be another port than PORT: without it the figures are on that one";
        layers.report(METRICS_PORT.error(problem));
    }
    Some(metrics_port)
}

/// The folder of the web app: the given one, or the one of the build if there is an app in it.
pub fn web_dir(layers: &Layers, folder: &Path) -> Option<PathBuf> {
    let given = layers.find(&setting::WEB_DIR, text).map(|given| folder.join(given));
    given.or_else(|| Some(folder.join(WEB_APP)).filter(|built| built.join("index.html").is_file()))
}

pub fn trusted_proxies(layers: &Layers) -> Vec<IpNet> {
    layers.list(&setting::TRUSTED_PROXIES, network).unwrap_or_default()
}

/// A network in CIDR form or a single address.
fn network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    let network = text.parse().or_else(|_| address());
    network.map(canonical).map_err(|_| format!("must hold networks in CIDR form, or addresses, not {text:?}"))
}

/// The IPv4 network that a network of IPv4-mapped addresses stands for: the addresses of peers are
/// compared in this form.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else { return network };
    let v4 = mapped.addr().to_ipv4_mapped().zip(mapped.prefix_len().checked_sub(96));
    let v4 = v4.and_then(|(address, prefix_len)| Ipv4Net::new(address, prefix_len).ok());
    v4.map_or(network, IpNet::V4)
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
