//! Which database, told by the scheme of its URL, and how it is reached.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::known::{self, Setting};
use super::layers::Layers;
use super::{SettingsError, cores, read};

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

/// A database that the server can keep its data in.
#[derive(Debug)]
pub enum DatabaseUrl {
    /// An embedded file.
    Sqlite(PathBuf),
    /// A PostgreSQL URL, as libpq reads it; there may be a password in it.
    Postgres(SecretString),
}

/// What row-level security guards on PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowSecurity {
    /// Each write transaction.
    Writes,
    /// Reads too.
    All,
}

impl Database {
    pub fn read(layers: &Layers) -> Result<Self, SettingsError> {
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

impl DatabaseUrl {
    /// The file that a server without `DATABASE_URL` uses.
    pub fn default_file() -> Self {
        Self::Sqlite("./data/todos.db".into())
    }

    pub(super) fn parse(text: &str, setting: Setting) -> Result<Self, SettingsError> {
        let malformed = |problem: &str| Err(setting.bad(problem));
        let Some((scheme, rest)) = text.split_once(':') else {
            return malformed("must start with sqlite:// or postgres://");
        };
        match scheme.to_ascii_lowercase().as_str() {
            "sqlite" => match rest.strip_prefix("//").unwrap_or(rest) {
                "" | "/" | ":memory:" => malformed("must name a file after sqlite://"),
                file if file.contains('?') => malformed("must be a file without options after sqlite://"),
                file => Ok(Self::Sqlite(file.into())),
            },
            "postgres" | "postgresql" | "postgresql+asyncpg" if rest.starts_with("//") && rest.len() > 2 => {
                Ok(Self::Postgres(format!("postgres:{rest}").into()))
            }
            "postgres" | "postgresql" | "postgresql+asyncpg" => {
                malformed("must name a server after postgres://")
            }
            // The rest may hold a password, and so may what stands before a colon in a mangled URL.
            _ => malformed("must start with sqlite:// or postgres://"),
        }
    }
}
