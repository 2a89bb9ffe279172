//! Parses `DATABASE_URL`, as hosting services and other stacks write it.
//!
//! tokio-postgres parses the URL, after this module has removed what it does not support: the scheme of
//! `SQLAlchemy`, the verifying values of `sslmode`, `sslrootcert`, and parameters for other clients.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use thiserror::Error;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::tls::{Roots, Verification};

/// Why a URL can't be used. The messages contain no part of the URL, because it may contain a password.
#[derive(Debug, Error)]
pub enum UrlError {
    /// The scheme is not one of PostgreSQL.
    #[error("must begin with postgres://, postgresql:// or postgresql+asyncpg://")]
    Scheme,
    /// The URL names no host.
    #[error("names no host; an example is postgres://app:secret@localhost:5432/todos")]
    NoHost,
    /// PostgreSQL does not know this `sslmode`.
    #[error("sslmode must be disable, allow, prefer, require, verify-ca or verify-full")]
    SslMode,
    /// tokio-postgres can't parse the URL.
    #[error("can't be read: {0}")]
    Malformed(String),
}

/// The address of a database and how to connect to it.
#[derive(Clone)]
pub(crate) struct Target {
    pub config: Config,
    pub verification: Verification,
    pub roots: Roots,
}

/// Checks a URL without connecting.
pub fn check_url(url: &str) -> Result<(), UrlError> {
    Target::parse(url, Duration::ZERO).map(drop)
}

/// Whether a connection has TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    Never,
    /// The server decides, and so does an attacker on the way to it.
    IfOffered,
    Always,
}

/// Whether connections of a valid URL to another machine have TLS. `None` if the URL names this
/// machine alone.
#[must_use]
pub fn tls_to_another_machine(url: &str) -> Option<Tls> {
    let config = Target::parse(url, Duration::ZERO).ok()?.config;
    let is_remote = |host: &Host| match host {
        Host::Tcp(name) => {
            let address = name.parse::<IpAddr>();
            name != "localhost" && !address.is_ok_and(|address| address.is_loopback())
        }
        Host::Unix(_) => false,
    };
    let remote_address = config.get_hostaddrs().iter().any(|address| !address.is_loopback());
    let is_remote = remote_address || config.get_hosts().iter().any(is_remote);
    is_remote.then(|| match config.get_ssl_mode() {
        SslMode::Disable => Tls::Never,
        SslMode::Prefer => Tls::IfOffered,
        _ => Tls::Always,
    })
}

/// Parameters that tokio-postgres supports. This module reads `sslmode` and `sslrootcert` itself.
const SUPPORTED_PARAMETERS: [&str; 18] = [
    "user",
    "password",
    "dbname",
    "options",
    "application_name",
    "sslnegotiation",
    "host",
    "hostaddr",
    "port",
    "connect_timeout",
    "tcp_user_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "target_session_attrs",
    "channel_binding",
    "load_balance_hosts",
];

/// The shortest time-out of unacknowledged data.
const UNACKNOWLEDGED: Duration = Duration::from_secs(1);
/// Load balancers and firewalls of hosting services forget a connection that is idle for 4 to 15 minutes.
const KEEPALIVE_IDLE: Duration = Duration::from_mins(1);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;

impl Target {
    /// Parses `url`. Unless the URL says otherwise, a connection attempt times out after `timeout`, and
    /// unacknowledged data after half of it.
    pub(crate) fn parse(url: &str, timeout: Duration) -> Result<Self, UrlError> {
        let (scheme, rest) = url.split_once("://").ok_or(UrlError::Scheme)?;
        if !matches!(scheme, "postgres" | "postgresql" | "postgresql+asyncpg") {
            return Err(UrlError::Scheme);
        }
        let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
        let pairs: Vec<(&str, &str)> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|p| p.split_once('=').unwrap_or((p, "")))
            .collect();
        let value = |keys: &[&str]| {
            let found = pairs.iter().rev().find(|(key, _)| keys.contains(key));
            found.map(|(_, value)| percent_decode_str(value).decode_utf8_lossy().into_owned())
        };
        let known: Vec<_> = pairs
            .iter()
            .filter(|(key, _)| SUPPORTED_PARAMETERS.contains(key))
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        let mut config: Config = format!("postgresql://{authority}?{}", known.join("&"))
            .parse()
            .map_err(|e: tokio_postgres::Error| UrlError::Malformed(cause(&e)))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(UrlError::NoHost);
        }
        // asyncpg calls `sslmode` `ssl`.
        let mode = value(&["sslmode", "ssl"]);
        let root_file = value(&["sslrootcert"]);
        let (ssl_mode, verification) = match (mode.as_deref().unwrap_or("prefer"), root_file.as_deref()) {
            ("disable", _) => (SslMode::Disable, Verification::None),
            ("allow" | "prefer", _) => (SslMode::Prefer, Verification::None),
            // As in libpq: with `sslrootcert`, `require` verifies the chain; with the system's roots, `require` and
            // `verify-ca` verify the name too.
            ("require", None) => (SslMode::Require, Verification::None),
            ("require" | "verify-ca", Some("system")) | ("verify-full", _) => {
                (SslMode::Require, Verification::Full)
            }
            ("require", Some(_)) | ("verify-ca", _) => (SslMode::Require, Verification::Chain),
            _ => return Err(UrlError::SslMode),
        };
        config.ssl_mode(ssl_mode);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(timeout);
        }
        // A firewall may forget a connection, and then swallows what is sent. With data on the way, the operating
        // system notices soon enough for another attempt within the time-out; without, by probes.
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(UNACKNOWLEDGED.max(timeout / 2));
        }
        if value(&["keepalives_idle"]).is_none() {
            config.keepalives_idle(KEEPALIVE_IDLE);
        }
        if config.get_keepalives_interval().is_none() {
            config.keepalives_interval(KEEPALIVE_INTERVAL);
        }
        if config.get_keepalives_retries().is_none() {
            config.keepalives_retries(KEEPALIVE_RETRIES);
        }
        if config.get_application_name().is_none() {
            config.application_name("todo-server");
        }
        let roots = match root_file {
            Some(path) if path != "system" => Roots::File(PathBuf::from(path)),
            _ => Roots::System,
        };
        Ok(Self { config, verification, roots })
    }
}

fn cause(error: &tokio_postgres::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use tokio_postgres::config::ChannelBinding;

    use super::*;

    fn parse(url: &str) -> Target {
        Target::parse(url, Duration::from_secs(5)).expect("a usable URL")
    }

    #[test]
    fn a_neon_url_is_accepted() {
        let target = parse(
            "postgresql://ann:p%40ss@ep-x.eu.neon.tech/todos?sslmode=require&channel_binding=require&options=endpoint%3Dx",
        );
        assert_eq!(target.config.get_user(), Some("ann"));
        assert_eq!(target.config.get_password(), Some("p@ss".as_bytes()));
        assert_eq!(target.config.get_dbname(), Some("todos"));
        assert_eq!(target.config.get_ssl_mode(), SslMode::Require);
        assert_eq!(target.config.get_channel_binding(), ChannelBinding::Require);
        assert_eq!(target.config.get_options(), Some("endpoint=x"));
        assert_eq!(target.verification, Verification::None);
    }

    #[test]
    fn a_silent_connection_is_noticed_unless_the_url_says_otherwise() {
        let config = parse("postgres://app@db/todos").config;
        assert_eq!(config.get_tcp_user_timeout(), Some(&Duration::from_millis(2_500)));
        assert_eq!(config.get_keepalives_idle(), Duration::from_mins(1));
        assert_eq!(config.get_keepalives_interval(), Some(Duration::from_secs(10)));
        assert_eq!(config.get_keepalives_retries(), Some(3));
        let config = parse("postgres://app@db/todos?keepalives_idle=5&tcp_user_timeout=9000").config;
        assert_eq!(config.get_keepalives_idle(), Duration::from_secs(5));
        assert!(config.get_tcp_user_timeout() > Some(&Duration::from_secs(5)));
    }

    #[test]
    fn a_url_of_sqlalchemy_is_accepted() {
        let target = parse(
            "postgresql+asyncpg://app@localhost:5433/todos?ssl=verify-full&prepared_statement_cache_size=0",
        );
        assert_eq!(target.config.get_ports(), [5433]);
        assert_eq!(target.verification, Verification::Full);
    }

    #[test]
    fn each_sslmode_selects_encryption_and_verification() {
        for (mode, ssl, verification) in [
            ("disable", SslMode::Disable, Verification::None),
            ("allow", SslMode::Prefer, Verification::None),
            ("prefer", SslMode::Prefer, Verification::None),
            ("require", SslMode::Require, Verification::None),
            ("require&sslrootcert=/ca.pem", SslMode::Require, Verification::Chain),
            ("require&sslrootcert=system", SslMode::Require, Verification::Full),
            ("verify-ca", SslMode::Require, Verification::Chain),
            ("verify-full&sslrootcert=%2Fetc%2Fca.pem", SslMode::Require, Verification::Full),
        ] {
            let target = parse(&format!("postgres://app@db/todos?sslmode={mode}"));
            assert_eq!((target.config.get_ssl_mode(), target.verification), (ssl, verification), "{mode}");
        }
        assert_eq!(parse("postgres://app@db/todos").config.get_ssl_mode(), SslMode::Prefer);
        let file = parse("postgres://app@db/todos?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem").roots;
        assert_eq!(file, Roots::File(PathBuf::from("/etc/ca.pem")));
    }

    #[test]
    fn a_socket_and_a_list_of_hosts_are_accepted() {
        let socket = parse("postgres://app@/todos?host=%2Frun%2Fpostgresql&port=5433");
        assert_eq!(socket.config.get_hosts(), [Host::Unix("/run/postgresql".into())]);
        assert_eq!(parse("postgres://app@a:1,b:2/todos").config.get_hosts().len(), 2);
    }

    #[test]
    fn a_connection_to_another_machine_has_tls_as_the_url_says() {
        for (url, expected) in [
            ("postgres://app@db/todos?sslmode=disable", Some(Tls::Never)),
            ("postgres://app@192.0.2.1,localhost/todos?ssl=disable", Some(Tls::Never)),
            ("postgres://app@localhost/todos?hostaddr=192.0.2.1&sslmode=disable", Some(Tls::Never)),
            ("postgres://app@db/todos", Some(Tls::IfOffered)),
            ("postgres://app@db/todos?sslmode=prefer", Some(Tls::IfOffered)),
            ("postgres://app@db/todos?sslmode=allow", Some(Tls::IfOffered)),
            ("postgres://app@db/todos?sslmode=require", Some(Tls::Always)),
            ("postgres://app@db/todos?sslmode=verify-full", Some(Tls::Always)),
            ("postgres://app@127.0.0.1:5433/todos?sslmode=disable", None),
            ("postgres://app@[::1]/todos?sslmode=disable", None),
            ("postgres://app@/todos?host=%2Frun%2Fpostgresql&sslmode=disable", None),
        ] {
            assert_eq!(tls_to_another_machine(url), expected, "{url}");
        }
    }

    #[test]
    fn a_refusal_does_not_show_the_password() {
        for url in [
            "mysql://app:hunter2@db/todos",
            "app:hunter2@db",
            "postgres://",
            "postgres://app:hunter2@db:port/todos",
            "postgres://app:hunter2@db/todos?sslmode=perhaps",
        ] {
            let Err(error) = Target::parse(url, Duration::from_secs(5)) else { panic!("{url} is refused") };
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
