//! What an operator may set: each setting one typed field, read once at start.
//!
//! Layers, later ones over earlier ones: the defaults here, `todo-sync.toml`, `.env`, the environment. Whatever is wrong
//! stops the start with one sentence. Deliberately absent: what a value of `DATABASE_URL` means to its database.

mod database;
mod error;
mod identity;
mod keys;
mod known;
mod layers;
mod limits;
mod mail;
mod network;
mod quotas;
mod read;
mod secret;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::Path;
use std::thread::available_parallelism;
use std::time::Duration;

use domain::limits::{Quota, Quotas};
use ipnet::IpNet;
use secrecy::SecretString;

pub use database::{Database, DatabaseUrl, RowSecurity};
pub use error::SettingsError;
pub use identity::{Client, Identity};
pub use known::{ALL, METRICS_PORT, PORT, Setting};
use layers::Layers;
pub use limits::{Housekeeping, Limits};
pub use mail::{Mail, Smtp};

/// Where files go that the server makes for itself.
const DATA_FOLDER: &str = "data";

/// What kind of place the server runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// A developer's machine.
    Development,
    /// A rehearsal of production.
    Staging,
    /// Where users are: what is unsafe there is refused.
    Production,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// What failed.
    Error,
    /// And what may need attention.
    Warn,
    /// And each request.
    Info,
    /// And what happens within.
    Debug,
    /// And more of it.
    Trace,
}

/// Everything that can be set. Debug shows no secret.
#[derive(Debug)]
pub struct Settings {
    /// The name or address to listen on.
    pub host: String,
    /// The TCP port; 0 takes a free one.
    pub port: u16,
    /// The TCP port for `/metrics` alone, and 0 the same; `None`: they are on the one port with everything else.
    pub metrics_port: Option<u16>,
    /// What kind of place this is.
    pub environment: Environment,
    /// Where data is kept.
    pub database: Database,
    /// The secrets that sign tokens, with commas between; the first signs.
    pub secret_key: SecretString,
    /// How long an access token lives, on whatever surface; `None`: as long as is usual there.
    pub access_token_lifetime: Option<Duration>,
    /// How long a refresh token, and a session that is not refreshed, lives.
    pub refresh_token_lifetime: Duration,
    /// The cost of a password hash: 2 to its power rounds.
    pub bcrypt_cost: u32,
    /// The exact origins whose pages may call the API.
    pub allowed_origins: Vec<String>,
    /// How much is logged.
    pub log_level: LogLevel,
    /// Whether logs are JSON, a line each.
    pub json_logs: bool,
    /// What is counted of logins, mails and refreshes; `None` counts nothing.
    pub quotas: Option<Quotas>,
    /// How many requests a user may send; `None` counts nothing.
    pub api_quota: Option<Quota>,
    /// The proxies whose word about a client's address counts.
    pub trusted_proxies: Vec<IpNet>,
    /// How mail leaves, and where its links lead.
    pub mail: Mail,
    /// Who else vouches for users, and the keys for it.
    pub identity: Identity,
    /// What is removed, and when.
    pub housekeeping: Housekeeping,
    /// What one user or one request may hold.
    pub limits: Limits,
}

impl Settings {
    /// Reads the files in `folder` and, over them, `environment`. In development a server without a secret makes one and keeps it
    /// below `folder`.
    pub fn load(
        folder: &Path,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, SettingsError> {
        let layers = Layers::read(folder, environment, ALL)?;
        let environment = read::one_of(
            &layers,
            known::ENVIRONMENT,
            &[
                ("development", Environment::Development),
                ("staging", Environment::Staging),
                ("production", Environment::Production),
            ],
        )?
        .unwrap_or(Environment::Development);
        let minutes = read::number(&layers, known::ACCESS_TOKEN_EXPIRE_MINUTES, 1..=60 * 24 * 30)?;
        let days = read::number(&layers, known::REFRESH_TOKEN_EXPIRE_DAYS, 1..=366)?;
        let port = read::number(&layers, PORT, 0..=u16::MAX)?.unwrap_or(8000);
        let secret_key = keys::secret_key(&layers, environment, folder)?;
        let mail = Mail::read(&layers, environment, folder)?;
        Ok(Self {
            host: network::host(&layers)?,
            port,
            metrics_port: network::metrics_port(&layers, port)?,
            environment,
            database: Database::read(&layers)?,
            identity: Identity::read(&layers, environment, folder, port, &secret_key)?,
            secret_key,
            access_token_lifetime: minutes.map(Duration::from_mins),
            refresh_token_lifetime: Duration::from_hours(24 * days.unwrap_or(7)),
            bcrypt_cost: read::number(&layers, known::BCRYPT_COST_FACTOR, 10..=15)?.unwrap_or(12),
            allowed_origins: network::allowed_origins(&layers, environment, &mail.frontend_url)?,
            mail,
            log_level: log_level(&layers)?,
            json_logs: read::switch(&layers, known::JSON_LOGS)?
                .unwrap_or(environment != Environment::Development),
            quotas: quotas::read(&layers)?,
            api_quota: quotas::api(&layers)?,
            trusted_proxies: network::trusted_proxies(&layers)?,
            housekeeping: Housekeeping::read(&layers)?,
            limits: Limits::read(&layers)?,
        })
    }
}

impl Settings {
    /// Whether clients reach the server over TLS: always in production, and where the address that browsers have says so.
    pub fn behind_tls(&self) -> bool {
        self.environment == Environment::Production || self.identity.public_url.starts_with("https://")
    }
}

fn log_level(layers: &Layers) -> Result<LogLevel, SettingsError> {
    let words = [
        ("error", LogLevel::Error),
        ("warn", LogLevel::Warn),
        ("warning", LogLevel::Warn),
        ("info", LogLevel::Info),
        ("debug", LogLevel::Debug),
        ("trace", LogLevel::Trace),
    ];
    Ok(read::one_of(layers, known::LOG_LEVEL, &words)?.unwrap_or(LogLevel::Info))
}

/// How many threads can run at once here.
pub fn cores() -> usize {
    available_parallelism().map_or(1, NonZeroUsize::get)
}
