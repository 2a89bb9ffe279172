//! Which database, told by the scheme of its URL.

use std::path::PathBuf;

use secrecy::SecretString;

use super::SettingsError;
use super::known::Setting;

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
