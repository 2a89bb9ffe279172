//! Errors, and their conversion into those of the ports.
//!
//! Messages name codes, constraints and causes. They never contain a value of a row, a parameter or a password.

use diesel::result::Error as SqlError;
use domain::StoreError;
use thiserror::Error;

use crate::tls::TlsError;
use crate::url::UrlError;

/// Why a store can't be opened.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The URL is not valid.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// TLS can't be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The server can't be reached, or it refuses the connection.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a step inside a transaction failed.
#[derive(Debug)]
pub(crate) enum Failure {
    Sql(SqlError),
    Store(StoreError),
}

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Sql(error) => unavailable(&error),
            Failure::Store(error) => error,
        }
    }
}

/// Converts the error of a statement. It always means that the database is unavailable: a caller's mistake is
/// detected before the statement, or by a row count.
pub(crate) fn unavailable(error: &SqlError) -> StoreError {
    StoreError::Unavailable(match error {
        SqlError::DatabaseError(kind, facts) => match facts.constraint_name() {
            Some(constraint) => format!("{kind:?} of {constraint}"),
            None => format!("{} ({kind:?})", facts.message()),
        },
        other => other.to_string(),
    })
}

pub(crate) fn timed_out() -> StoreError {
    StoreError::Unavailable("the database did not answer in time".to_owned())
}
