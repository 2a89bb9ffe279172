//! Which database the server uses, and how it connects.

use std::path::PathBuf;
use std::time::Duration;

use adapters_postgres::{EpochSource, RowSecurity, Tls};
use secrecy::{ExposeSecret as _, SecretString};

use super::backups::Backups;
use super::cores;
use super::layers::Layers;
use super::parse::{number, one_of, switch};
use super::setting::{self, Setting};

/// Where data is stored and how the server reaches it.
#[derive(Debug)]
pub struct Database {
    pub url: DatabaseUrl,
    /// The same database, for the role that owns the schema.
    pub migration_url: Option<DatabaseUrl>,
    /// The same database without a pooler between, for LISTEN (PostgreSQL only).
    pub listen_url: Option<DatabaseUrl>,
    /// The number of connections for requests, divided evenly among the HTTP workers.
    pub pool_size: usize,
    /// How long a request waits for a connection, and how long for a statement.
    pub timeout: Duration,
    /// How long a start waits for a database that is not there yet (PostgreSQL only).
    pub wait: Duration,
    /// Which transactions row-level security covers (PostgreSQL only).
    pub row_security: RowSecurity,
    /// How the server learns that the database lost changes (`timeline`: PostgreSQL only).
    pub epoch_source: EpochSource,
    /// Whether statements are logged, without their values.
    pub echo: bool,
    /// Copies of an SQLite database.
    pub backups: Backups,
}

/// The databases that the server supports.
#[derive(Clone, Debug)]
pub enum DatabaseUrl {
    Sqlite(PathBuf),
    /// A URL as libpq reads it; it may contain a password.
    Postgres(SecretString),
}

impl Database {
    /// The setting for LISTEN, and its URL; `None` on SQLite.
    pub fn for_listen(&self) -> Option<(&'static str, &str)> {
        let given = [
            ("DATABASE_LISTEN_URL", self.listen_url.as_ref()),
            ("MIGRATION_DATABASE_URL", self.migration_url.as_ref()),
        ];
        let first = given.into_iter().find_map(|(name, url)| Some((name, url?)));
        let (name, url) = first.unwrap_or(("DATABASE_URL", &self.url));
        Some((name, url.postgres()?))
    }

    pub(super) fn read(layers: &Layers) -> Self {
        let url = layers.find(&setting::DATABASE_URL, DatabaseUrl::parse);
        let migration_url = layers.find(&setting::MIGRATION_DATABASE_URL, DatabaseUrl::parse);
        let listen_url = layers.find(&setting::DATABASE_LISTEN_URL, DatabaseUrl::parse);
        for (setting, other) in
            [(setting::MIGRATION_DATABASE_URL, &migration_url), (setting::DATABASE_LISTEN_URL, &listen_url)]
        {
            if let (Some(url), Some(other)) = (&url, other)
                && url.is_sqlite() != other.is_sqlite()
            {
                layers.report(setting.error("must name the same database as DATABASE_URL"));
            }
        }
        let sqlite = url.as_ref().is_none_or(DatabaseUrl::is_sqlite);
        let sources = [("stored", EpochSource::Stored), ("timeline", EpochSource::Timeline)];
        let epoch_source = layers.get(&setting::DATABASE_EPOCH, one_of(&sources));
        if epoch_source == EpochSource::Timeline && url.as_ref().is_some_and(DatabaseUrl::is_sqlite) {
            layers.report(setting::DATABASE_EPOCH.error("can be timeline on PostgreSQL only"));
        }
        let words = [("writes", RowSecurity::Writes), ("all", RowSecurity::All)];
        Self {
            url: url.unwrap_or_else(|| DatabaseUrl::Sqlite(PathBuf::new())),
            migration_url,
            listen_url,
            pool_size: layers.find(&setting::DATABASE_POOL_SIZE, number(1..=1000)).unwrap_or(2 * cores() + 4),
            timeout: Duration::from_millis(layers.get(&setting::DATABASE_TIMEOUT_MS, number(100..=600_000))),
            wait: Duration::from_secs(layers.get(&setting::DATABASE_WAIT_SECONDS, number(0..=3600))),
            row_security: layers.get(&setting::DATABASE_ROW_SECURITY, one_of(&words)),
            epoch_source,
            echo: layers.get(&setting::DATABASE_ECHO, switch),
            backups: backups(layers, sqlite),
        }
    }

    /// The same settings for another database, whose owner's URL it is.
    pub fn at(&self, url: DatabaseUrl) -> Self {
        Self { url, migration_url: None, listen_url: None, backups: self.backups.clone(), ..*self }
    }
}

fn backups(layers: &Layers, sqlite: bool) -> Backups {
    let backups = Backups::read(layers);
    if backups.every.is_some() && !sqlite {
        let every = Setting { example: "off", ..setting::BACKUP_EVERY };
        layers.report(every.error("can be set for SQLite only: back a PostgreSQL database up with pg_dump"));
    }
    backups
}

impl DatabaseUrl {
    const fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// The URL of a PostgreSQL server.
    pub fn postgres(&self) -> Option<&str> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(url) => Some(url.expose_secret()),
        }
    }

    /// Whether a connection to another machine has TLS; `None` if the database is on this machine.
    pub(super) fn tls_to_another_machine(&self) -> Option<Tls> {
        self.postgres().and_then(adapters_postgres::tls_to_another_machine)
    }

    /// Reads a URL as `DATABASE_URL` has it. The errors do not quote the text, which may hold a password anywhere
    /// in a malformed URL.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = text.split_once(':').unwrap_or_default();
        match scheme.to_ascii_lowercase().as_str() {
            "sqlite" | "sqlite+aiosqlite" => match sqlite_path(rest) {
                "" | "/" | ":memory:" => Err("must name a file after sqlite://"),
                file if file.contains('?') => Err("must be a file without options after sqlite://"),
                file => Ok(Self::Sqlite(file.into())),
            },
            "postgres" | "postgresql" | "postgresql+asyncpg" if rest.starts_with("//") && rest.len() > 2 => {
                Ok(Self::Postgres(format!("postgres:{rest}").into()))
            }
            "postgres" | "postgresql" | "postgresql+asyncpg" => Err("must name a server after postgres://"),
            _ => Err("must start with sqlite:// or postgres://"),
        }
    }
}

/// The path after `sqlite:`. As in `SQLAlchemy`, `///./file` is relative to the working directory.
fn sqlite_path(rest: &str) -> &str {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    let relative = path.strip_prefix('/').filter(|path| path.starts_with("./") || path.starts_with("../"));
    relative.unwrap_or(path)
}
