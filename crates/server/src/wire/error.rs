//! Why the server can't be assembled.

use std::io;
use std::path::PathBuf;

use adapters_auth::{CostOutOfRange, EmptySecret, IssuersError, KeyPairError};
use adapters_mail::SmtpError;
use adapters_postgres::{ConnectError, MigrateError};
use domain::StoreError;
use domain::identity::ProviderError;
use thiserror::Error;

pub const DATABASE_URL: &str = "DATABASE_URL";
pub const MIGRATION_DATABASE_URL: &str = "MIGRATION_DATABASE_URL";
pub const DATABASE_LISTEN_URL: &str = "DATABASE_LISTEN_URL";

/// Why the server can't be assembled.
#[derive(Debug, Error)]
pub enum WireError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error("REDIS_URL {0}")]
    Redis(adapters_redis::UrlError),
    #[error("the database can't be read: {0}")]
    Store(#[from] StoreError),
    #[error("SECRET_KEY {0}")]
    SecretKey(#[from] EmptySecret),
    #[error("JWT_PRIVATE_KEY {0}")]
    KeyPair(#[from] KeyPairError),
    #[error("an OAuth provider can't be set up: {0}")]
    Provider(#[from] ProviderError),
    #[error(transparent)]
    Issuers(#[from] IssuersError),
    #[error(transparent)]
    Smtp(#[from] SmtpError),
    #[error("WEB_DIR names a folder that can't be served, {0}: {1}")]
    WebApp(PathBuf, io::Error),
    #[error("BCRYPT_COST_FACTOR {0}")]
    BcryptCost(#[from] CostOutOfRange),
}

/// Why the database, or its schema, can't be used.
#[derive(Debug, Error)]
pub enum DatabaseError {
    /// The URL is malformed. The problem does not quote it.
    #[error("{setting} {problem}")]
    Url { setting: &'static str, problem: String },
    /// The database can't be opened or reached.
    #[error("the database that {setting} names can't be used: {problem}")]
    Unusable { setting: &'static str, problem: String },
}

impl DatabaseError {
    pub fn unusable(setting: &'static str, error: &impl ToString) -> Self {
        Self::Unusable { setting, problem: error.to_string() }
    }

    pub fn connect(setting: &'static str, error: &ConnectError) -> Self {
        match error {
            ConnectError::Url(error) => Self::Url { setting, problem: error.to_string() },
            _ => Self::unusable(setting, error),
        }
    }

    /// `setting` is that of the owner's URL.
    pub fn migrate(setting: &'static str, error: &MigrateError) -> Self {
        match error {
            MigrateError::Connect(error) => Self::connect(setting, error),
            MigrateError::App(error) => Self::connect(DATABASE_URL, error),
            MigrateError::OtherDatabase => Self::unusable(DATABASE_URL, error),
            MigrateError::Newer { .. }
            | MigrateError::Locked { .. }
            | MigrateError::Failed(_)
            | MigrateError::Epoch(_) => Self::unusable(setting, error),
        }
    }
}
