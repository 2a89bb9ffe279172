//! The settings: one typed field each, read once at the start.
//!
//! Later layers override earlier ones: the defaults, `todo-sync.toml`, `.env`, the environment.
//! Faulty settings stop the start with one sentence for each error. Deliberately absent: how a
//! database interprets its URL.

mod backups;
mod database;
mod env_file;
mod error;
mod generated_secret;
mod identity;
mod layers;
mod limits;
mod mail;
mod network;
mod parse;
mod production;
mod rate_limits;
mod secret_files;
mod secrets;
mod setting;
mod spelling;
mod telemetry;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Duration;

use domain::account::{AccessPolicy, Registration};
use domain::limits::Quotas;
use ipnet::IpNet;
use secrecy::SecretString;

pub use backups::Backups;
pub use database::{Database, DatabaseUrl};
pub use error::{SettingWarning, SettingsError};
pub use identity::{Client, Identity, OpenIdProvider};
use layers::Layers;
pub use limits::{Housekeeping, Limits};
pub use mail::{Mail, Transport};
use parse::{host, number, one_of, switch};
use production::Demands;
pub use setting::{METRICS_PORT, PORT, Setting};
pub use telemetry::{Sampling, Telemetry, Traces};

/// The folder for the files that the server creates.
const DATA_FOLDER: &str = "data";

/// The kind of installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    Development,
    Staging,
    /// Unsafe settings are refused.
    Production,
}

/// The least important events that are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// All settings. `Debug` shows no secret.
#[derive(Debug)]
pub struct Settings {
    /// The host name or address to listen on.
    pub host: String,
    /// The TCP port; 0 lets the system choose one.
    pub port: u16,
    /// A separate TCP port for `/metrics`, 0 as above; `None` serves it on `port`.
    pub metrics_port: Option<u16>,
    pub environment: Environment,
    pub database: Database,
    /// What the instances share, where they do. The URL may contain a password.
    pub redis_url: Option<SecretString>,
    /// Comma-separated secrets that sign tokens; the first one signs.
    pub secret_key: SecretString,
    /// The lifetime of access tokens on every surface; `None` keeps each surface's own.
    pub access_token_lifetime: Option<Duration>,
    /// The lifetime of a refresh token, and of a session that is not refreshed.
    pub refresh_token_lifetime: Duration,
    /// The ways into the service that are open.
    pub access: AccessPolicy,
    /// A password hash takes 2^cost rounds.
    pub bcrypt_cost: u32,
    /// The exact origins whose pages may call the API.
    pub allowed_origins: Vec<String>,
    pub log_level: LogLevel,
    pub json_logs: bool,
    pub telemetry: Telemetry,
    /// The rate limits; `None` for no limits.
    pub quotas: Option<Quotas>,
    /// The proxies that are trusted to report a client's address.
    pub trusted_proxies: Vec<IpNet>,
    /// The folder of the web app, if the server serves one.
    pub web_dir: Option<PathBuf>,
    pub mail: Mail,
    pub identity: Identity,
    pub housekeeping: Housekeeping,
    pub limits: Limits,
    /// How long the server accepts requests after it was asked to stop, while `/health/ready` answers
    /// 503.
    pub drain: Duration,
    /// The variables that are ignored, although they may be meant for the server.
    pub warnings: Vec<SettingWarning>,
}

impl Settings {
    /// Reads the files in `folder`, then `environment`. In development, a missing secret is
    /// generated and stored in a subfolder of `folder`.
    pub fn load(
        folder: &Path,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, SettingsError> {
        let layers = Layers::read(folder, environment)?;
        let settings = Self::read(&layers, folder);
        let unused = settings.redis_url.is_none() && layers.is_given(&setting::REDIS_URL);
        let unused = unused.then_some(SettingWarning::OneInstance { name: "REDIS_URL" });
        layers.finish().map(|mut warnings| {
            warnings.extend(unused);
            Self { warnings, ..settings }
        })
    }

    fn read(layers: &Layers, folder: &Path) -> Self {
        let environments = [
            ("development", Environment::Development),
            ("staging", Environment::Staging),
            ("production", Environment::Production),
        ];
        let environment = layers.get(&setting::ENVIRONMENT, one_of(&environments));
        let minutes = layers.find(&setting::ACCESS_TOKEN_EXPIRE_MINUTES, number(1..=60 * 24 * 30));
        let days: u64 = layers.get(&setting::REFRESH_TOKEN_EXPIRE_DAYS, number(1..=366));
        let port = layers.get(&PORT, number(0..=u16::MAX));
        let secret_key = secrets::secret_key(layers, environment, folder);
        let identity = Identity::read(layers, environment, folder, port, &secret_key);
        let web_dir = network::web_dir(layers, folder);
        let served_at = web_dir.is_some().then_some(&*identity.public_url);
        let mail = Mail::read(layers, environment, folder, served_at);
        let database = Database::read(layers);
        let settings = Self {
            host: layers.get(&setting::HOST, host),
            port,
            metrics_port: network::metrics_port(layers, port),
            environment,
            redis_url: redis_url(layers, &database),
            database,
            identity,
            web_dir,
            secret_key,
            access_token_lifetime: minutes.map(Duration::from_mins),
            refresh_token_lifetime: Duration::from_hours(24 * days),
            access: AccessPolicy { mail: !matches!(mail.transport, Transport::Off), ..access(layers) },
            bcrypt_cost: layers.get(&setting::BCRYPT_COST_FACTOR, number(10..=15)),
            allowed_origins: network::allowed_origins(layers, environment, &mail.frontend_url),
            mail,
            log_level: log_level(layers),
            json_logs: layers
                .find(&setting::JSON_LOGS, switch)
                .unwrap_or(environment != Environment::Development),
            telemetry: Telemetry::read(layers),
            quotas: rate_limits::read(layers),
            trusted_proxies: network::trusted_proxies(layers),
            housekeeping: Housekeeping::read(layers),
            limits: Limits::read(layers),
            drain: Duration::from_secs(layers.get(&setting::DRAIN_SECONDS, number(0..=3600))),
            warnings: Vec::new(),
        };
        if environment == Environment::Production {
            Demands::read(layers).check(&settings);
        }
        settings
    }

    /// Whether browsers reach the server over TLS: always in production, and if `PUBLIC_URL` is
    /// https.
    pub fn behind_tls(&self) -> bool {
        self.environment == Environment::Production || self.identity.public_url.starts_with("https://")
    }
}

/// `None` on SQLite: another program's variable must not keep the server from starting.
fn redis_url(layers: &Layers, database: &Database) -> Option<SecretString> {
    database.url.postgres()?;
    let checked = |text: &str| adapters_redis::check_url(text).map(|()| SecretString::from(text));
    layers.find(&setting::REDIS_URL, checked)
}

/// Who may register, and whether with a password.
fn access(layers: &Layers) -> AccessPolicy {
    let words =
        [("open", Registration::Open), ("invite", Registration::Invite), ("closed", Registration::Closed)];
    let policy = AccessPolicy {
        registration: layers.get(&setting::REGISTRATION, one_of(&words)),
        passwords: layers.get(&setting::PASSWORD_LOGIN, switch),
        ..AccessPolicy::default()
    };
    if policy.registration == Registration::Invite && !policy.passwords {
        let problem = "must not be invite where PASSWORD_LOGIN is off: an invitation admits a password";
        layers.report(setting::REGISTRATION.error(problem));
    }
    policy
}

impl Settings {
    /// Whether only programs on this machine reach the server.
    pub fn listens_on_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }
}

fn log_level(layers: &Layers) -> LogLevel {
    let words = [
        ("error", LogLevel::Error),
        ("warn", LogLevel::Warn),
        ("warning", LogLevel::Warn),
        ("info", LogLevel::Info),
        ("debug", LogLevel::Debug),
        ("trace", LogLevel::Trace),
    ];
    layers.get(&setting::LOG_LEVEL, one_of(&words))
}

/// The number of threads that can run in parallel.
pub fn cores() -> usize {
    available_parallelism().map_or(1, NonZeroUsize::get)
}
