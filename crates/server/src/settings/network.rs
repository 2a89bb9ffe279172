//! Where the server listens, and whom it hears.

use std::net::IpAddr;

use ipnet::IpNet;

use super::layers::Layers;
use super::{Environment, METRICS_PORT, SettingsError, identity, known, read};

/// Where pages under development are served from.
const DEVELOPERS_ORIGINS: [&str; 2] = ["http://localhost:3000", "http://localhost:5000"];

pub fn host(layers: &Layers) -> Result<String, SettingsError> {
    let text = layers.text(known::HOST)?.unwrap_or_else(|| "127.0.0.1".into());
    if read::is_host(&text) {
        return Ok(text);
    }
    Err(known::HOST.bad(&format!("must be an address or a host name alone, not {text:?}")))
}

pub fn metrics_port(layers: &Layers, port: u16) -> Result<Option<u16>, SettingsError> {
    let setting = METRICS_PORT;
    let given = read::number(layers, setting, 0..=u16::MAX)?;
    if given.is_some_and(|given| given == port && port != 0) {
        return Err(setting.bad("must be another port than PORT: without it the figures are on that one"));
    }
    Ok(given)
}

pub fn trusted_proxies(layers: &Layers) -> Result<Vec<IpNet>, SettingsError> {
    let setting = known::TRUSTED_PROXIES;
    let given = layers.list(setting)?.unwrap_or_default();
    let net = |text: &String| {
        let alone = || text.parse::<IpAddr>().map(IpNet::from);
        text.parse()
            .or_else(|_| alone())
            .map_err(|_| setting.bad(&format!("must hold networks in CIDR form, or addresses, not {text:?}")))
    };
    given.iter().map(net).collect()
}

/// The frontend's own, and those that are given; outside production, where none is, those of a developer's machine.
pub fn allowed_origins(
    layers: &Layers,
    environment: Environment,
    frontend_url: &str,
) -> Result<Vec<String>, SettingsError> {
    let setting = known::ALLOWED_ORIGINS;
    let usual = || match environment {
        Environment::Production => Vec::new(),
        Environment::Development | Environment::Staging => DEVELOPERS_ORIGINS.map(str::to_owned).to_vec(),
    };
    let given = layers.list(setting)?.unwrap_or_else(usual);
    let mut origins = given
        .iter()
        .map(|text| {
            if text == "*" {
                return Err(setting.bad("must not be *, as requests carry credentials: name each origin"));
            }
            read::origin(text).ok_or_else(|| {
                setting.bad(&format!(
                    "must hold exact origins (scheme, host, port; no path, no slash at the end), not {text:?}"
                ))
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let frontend = identity::origin(frontend_url);
    if !origins.contains(&frontend) {
        origins.push(frontend);
    }
    Ok(origins)
}
