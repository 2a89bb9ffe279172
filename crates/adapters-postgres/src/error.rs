//! Errors, and their conversion into those of the ports.
//!
//! Messages name codes, constraints and causes. They never contain a value of a row, a parameter or a password.

use std::error::Error;
use std::io;

use diesel::result::{DatabaseErrorKind, Error as SqlError};
use domain::StoreError;
use thiserror::Error as ThisError;
use tokio_postgres::error::SqlState;

use crate::tls::TlsError;
use crate::url::UrlError;

/// Why a store can't be opened.
#[derive(Debug, ThisError)]
pub enum ConnectError {
    /// The URL is not valid.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// TLS can't be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The server does not accept connections (yet), or it has no such database (yet).
    #[error("{0}")]
    Absent(String),
    /// The server refuses the connection, or does not work.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database can't hold every text.
    #[error(
        "it has the encoding {0}, which can't hold every text; create a database with ENCODING 'UTF8' and \
         TEMPLATE template0"
    )]
    Encoding(String),
    /// A pooler in transaction mode runs a prepared statement in sessions that don't know it.
    #[error(
        "the pooler in front of it loses prepared statements; use PgBouncer 1.21 or newer with \
         max_prepared_statements above 0, pool_mode = session, or the address of the database itself"
    )]
    PreparedStatements,
    /// A default of the database or role would let reads fail.
    #[error(
        "its default {0} is not suitable, and the server can't set it for each statement behind a pooler; \
         reset it with ALTER ROLE and ALTER DATABASE"
    )]
    Default(String),
    /// The schema restricts reads, and the store does not say whose rows it reads.
    #[error(
        "its row-level security restricts reads; set DATABASE_ROW_SECURITY=all, or run \
         `todo-server migrate row-security writes`"
    )]
    ReadsRestricted,
}

/// Converts the error of a connection attempt or of its first statements.
pub(crate) fn absent_or_refused(error: &tokio_postgres::Error) -> ConnectError {
    if is_absent(error) {
        ConnectError::Absent(reason(error))
    } else {
        ConnectError::Store(StoreError::Unavailable(reason(error)))
    }
}

/// Whether the same attempt may succeed in a while. Failures of TLS are errors of I/O too.
fn is_absent(error: &tokio_postgres::Error) -> bool {
    if let Some(code) = error.code() {
        let codes =
            [SqlState::CANNOT_CONNECT_NOW, SqlState::INVALID_CATALOG_NAME, SqlState::TOO_MANY_CONNECTIONS];
        // Class 08, a connection exception: a pooler reports so that it does not reach the database.
        return codes.contains(code) || code.code().starts_with("08");
    }
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    error.is_closed() || cause.is_some_and(|error| error.kind() != io::ErrorKind::InvalidData)
}

/// The error with its causes, which tokio-postgres leaves out of its message.
pub(crate) fn reason(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
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

/// Whether the failure is that of a connection, and says nothing about the statement.
pub(crate) fn is_connection_lost(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::Sql(
            SqlError::DatabaseError(
                DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ClosedConnection,
                _
            ) | SqlError::BrokenTransactionManager
        )
    )
}

pub(crate) fn timed_out() -> StoreError {
    StoreError::Unavailable("the database did not answer in time".to_owned())
}
