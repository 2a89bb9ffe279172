//! What an operator may set: each setting one typed field, read once at start.
//!
//! Layers, later ones over earlier ones: the defaults here, `todo-sync.toml`, `.env`, the environment. Whatever is wrong
//! stops the start with one sentence. Deliberately absent: what a value of `DATABASE_URL` means to its database.

mod database;
mod identity;
mod known;
mod layers;
mod mail;
mod quotas;
mod read;
mod secret;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::Path;
use std::thread::available_parallelism;
use std::time::Duration;

use adapters_auth::KeyRing;
use domain::limits::{Quota, Quotas};
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

pub use database::{DatabaseUrl, RowSecurity};
pub use identity::{Client, Identity};
pub use known::{ALL, METRICS_PORT, PORT, Setting};
use layers::Layers;
pub use mail::{Mail, Smtp};

/// The least bytes of a secret in production: as many as the hash it keys (RFC 7518 section 3.2).
const SECRET_BYTES: usize = 32;
/// Where files go that the server makes for itself.
const DATA_FOLDER: &str = "data";
/// Where pages under development are served from.
const DEVELOPERS_ORIGINS: [&str; 2] = ["http://localhost:3000", "http://localhost:5000"];

/// Why the server does not start.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// A value is not what it has to be.
    #[error("{name} {problem}; for example: {name}={example}")]
    Value {
        /// The variable.
        name: String,
        /// What is wrong with it.
        problem: String,
        /// A value that would do.
        example: &'static str,
    },
    /// The settings file names something that is no setting.
    #[error("{name} in {file} is not a setting; .env.example lists them all, for example: {}={}", ALL[0].name, ALL[0].example)]
    Unknown {
        /// The name, as it stands there.
        name: String,
        /// The file.
        file: &'static str,
    },
    /// A variable is named almost like a setting, which is not given.
    #[error("{name} is not a setting; should it be {meant}? .env.example lists them all")]
    Misspelt {
        /// The name, as it was given.
        name: String,
        /// The setting.
        meant: String,
    },
    /// A file of settings can't be read.
    #[error("{file} can't be read: {problem}")]
    File {
        /// The file.
        file: &'static str,
        /// Why.
        problem: String,
    },
}

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

/// Where data is kept and how it is reached.
#[derive(Debug)]
pub struct Database {
    /// The database.
    pub url: DatabaseUrl,
    /// The same as its owner, who may change the schema.
    pub migration_url: Option<DatabaseUrl>,
    /// How many connections requests may have, shared evenly among the HTTP workers.
    pub pool_size: usize,
    /// How long a request waits for a connection, or for a statement.
    pub timeout: Duration,
    /// What row-level security guards.
    pub row_security: RowSecurity,
    /// Whether statements are logged, without their values.
    pub echo: bool,
}

/// When what is of no more use is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Housekeeping {
    /// How long a tombstone is kept.
    pub tombstone_age: Duration,
    /// How long from one tidying to the next.
    pub period: Duration,
}

/// What one user or one request may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Live todos of a user.
    pub todos_per_user: u32,
    /// Live sessions of a user.
    pub sessions_per_user: u32,
    /// Todos in one bulk or sync request.
    pub batch_todos: usize,
    /// Bytes of a request body.
    pub body_bytes: usize,
    /// Todos on a page of a list.
    pub page_size: u32,
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
        let secret_key = secret_key(&layers, environment, folder)?;
        let mail = Mail::read(&layers, environment, folder)?;
        Ok(Self {
            host: host(&layers)?,
            port,
            metrics_port: metrics_port(&layers, port)?,
            environment,
            database: Database::read(&layers)?,
            identity: Identity::read(&layers, environment, folder, port, &secret_key)?,
            secret_key,
            access_token_lifetime: minutes.map(Duration::from_mins),
            refresh_token_lifetime: Duration::from_hours(24 * days.unwrap_or(7)),
            bcrypt_cost: read::number(&layers, known::BCRYPT_COST_FACTOR, 10..=15)?.unwrap_or(12),
            allowed_origins: allowed_origins(&layers, environment, &mail.frontend_url)?,
            mail,
            log_level: log_level(&layers)?,
            json_logs: read::switch(&layers, known::JSON_LOGS)?
                .unwrap_or(environment != Environment::Development),
            quotas: quotas::read(&layers)?,
            api_quota: quotas::api(&layers)?,
            trusted_proxies: trusted_proxies(&layers)?,
            housekeeping: Housekeeping::read(&layers)?,
            limits: Limits::read(&layers)?,
        })
    }
}

impl Environment {
    /// Refuses, in production, secrets that can be guessed. `secrets` has commas between them.
    fn admits(self, setting: Setting, secrets: &SecretString) -> Result<(), SettingsError> {
        let mut secrets = secrets.expose_secret().split(',').map(str::trim);
        if self != Self::Production {
            return Ok(());
        }
        if secrets.clone().any(|secret| secret.starts_with(known::EXAMPLE_SECRET)) {
            return Err(setting.bad("must not be the example's in production: everybody knows that one"));
        }
        if secrets.any(|secret| secret.len() < SECRET_BYTES) {
            return Err(setting.bad(&format!("must have {SECRET_BYTES} bytes or more in production")));
        }
        Ok(())
    }
}

impl Settings {
    /// Whether clients reach the server over TLS: always in production, and where the address that browsers have says so.
    pub fn behind_tls(&self) -> bool {
        self.environment == Environment::Production || self.identity.public_url.starts_with("https://")
    }
}

impl Database {
    fn read(layers: &Layers) -> Result<Self, SettingsError> {
        let url = |setting| layers.text(setting)?.map(|text| DatabaseUrl::parse(&text, setting)).transpose();
        let row_security = read::one_of(
            layers,
            known::DATABASE_ROW_SECURITY,
            &[("writes", RowSecurity::Writes), ("all", RowSecurity::All)],
        )?;
        let timeout = read::number(layers, known::DATABASE_TIMEOUT_MS, 100..=600_000)?;
        let database = Self {
            url: url(known::DATABASE_URL)?.unwrap_or_else(DatabaseUrl::default_file),
            migration_url: url(known::MIGRATION_DATABASE_URL)?,
            pool_size: read::number(layers, known::DATABASE_POOL_SIZE, 1..=1000)?.unwrap_or(2 * cores() + 4),
            timeout: Duration::from_millis(timeout.unwrap_or(5000)),
            row_security: row_security.unwrap_or(RowSecurity::Writes),
            echo: read::switch(layers, known::DATABASE_ECHO)?.unwrap_or(false),
        };
        match (&database.url, &database.migration_url) {
            (DatabaseUrl::Sqlite(_), Some(DatabaseUrl::Postgres(_)))
            | (DatabaseUrl::Postgres(_), Some(DatabaseUrl::Sqlite(_))) => {
                Err(known::MIGRATION_DATABASE_URL.bad("must name the same database as DATABASE_URL"))
            }
            _ => Ok(database),
        }
    }
}

impl Housekeeping {
    fn read(layers: &Layers) -> Result<Self, SettingsError> {
        let days: u64 = read::number(layers, known::TOMBSTONE_AGE_DAYS, 1..=3650)?.unwrap_or(90);
        let seconds = read::number(layers, known::HOUSEKEEPING_PERIOD_SECONDS, 1..=86_400)?.unwrap_or(300);
        Ok(Self { tombstone_age: Duration::from_hours(24 * days), period: Duration::from_secs(seconds) })
    }
}

impl Limits {
    fn read(layers: &Layers) -> Result<Self, SettingsError> {
        Ok(Self {
            todos_per_user: read::number(layers, known::MAX_TODOS_PER_USER, 1..=10_000_000)?
                .unwrap_or(10_000),
            sessions_per_user: read::number(layers, known::MAX_SESSIONS_PER_USER, 1..=10_000)?.unwrap_or(20),
            batch_todos: read::number(layers, known::MAX_BATCH_TODOS, 1..=10_000)?.unwrap_or(1000),
            body_bytes: read::number(layers, known::MAX_BODY_BYTES, 1024..=64 * 1024 * 1024)?
                .unwrap_or(2 * 1024 * 1024),
            page_size: read::number(layers, known::MAX_PAGE_SIZE, 1..=1000)?.unwrap_or(100),
        })
    }
}

/// How many threads can run at once here.
pub fn cores() -> usize {
    available_parallelism().map_or(1, NonZeroUsize::get)
}

fn host(layers: &Layers) -> Result<String, SettingsError> {
    let text = layers.text(known::HOST)?.unwrap_or_else(|| "127.0.0.1".into());
    if read::is_host(&text) {
        return Ok(text);
    }
    Err(known::HOST.bad(&format!("must be an address or a host name alone, not {text:?}")))
}

fn metrics_port(layers: &Layers, port: u16) -> Result<Option<u16>, SettingsError> {
    let setting = METRICS_PORT;
    let given = read::number(layers, setting, 0..=u16::MAX)?;
    if given.is_some_and(|given| given == port && port != 0) {
        return Err(setting.bad("must be another port than PORT: without it the figures are on that one"));
    }
    Ok(given)
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

fn trusted_proxies(layers: &Layers) -> Result<Vec<IpNet>, SettingsError> {
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
fn allowed_origins(
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

/// The secrets that sign. None is ever quoted in an error.
fn secret_key(
    layers: &Layers,
    environment: Environment,
    folder: &Path,
) -> Result<SecretString, SettingsError> {
    let setting = known::SECRET_KEY;
    let given = match (layers.text(setting)?, layers.text(known::JWT_SECRET_KEY)?) {
        (Some(one), Some(other)) if one != other => {
            return Err(
                known::JWT_SECRET_KEY.bad("is another name of SECRET_KEY and must not say something else")
            );
        }
        (one, other) => one.or(other),
    };
    let Some(given) = given.map(SecretString::from) else {
        if environment != Environment::Development {
            return Err(setting.bad("must be set outside development, to 32 random bytes or more"));
        }
        return secret::kept_in(&folder.join(DATA_FOLDER)).map_err(|error| {
            setting.bad(&format!("is not set, and none can be kept in {DATA_FOLDER}/: {error}"))
        });
    };
    KeyRing::parse(&given).map_err(|error| setting.bad(&error.to_string()))?;
    environment.admits(setting, &given)?;
    Ok(given)
}
