//! Errors, and their conversion into those of the ports.

use std::io;
use std::path::PathBuf;

use diesel::result::Error as DieselError;
use domain::StoreError;
use thiserror::Error;

/// Why a store can't be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The file or its folder can't be created.
    #[error("can't create {path}: {source}")]
    Create { path: PathBuf, source: io::Error },
    /// SQLite accepts only UTF-8 paths.
    #[error("the path {0:?} is not UTF-8")]
    Path(PathBuf),
    /// Another process has the file's lock.
    #[error("{holder} uses {path}; stop it first, or name another file")]
    InUse { path: PathBuf, holder: String },
    /// The file can't be locked.
    #[error("can't lock {path}: {source}")]
    Lock { path: PathBuf, source: io::Error },
    /// The file is not a database, or it can't be read or written.
    #[error("can't open the database {path}: {problem}")]
    Connect { path: PathBuf, problem: String },
    /// Migrations are pending.
    #[error("the database lacks these migrations: {}", .pending.join(", "))]
    NotMigrated { pending: Vec<String> },
    /// A later version of this program migrated the file.
    #[error(
        "a newer version of this program has applied the migrations {}, which this version does not know; run \
         that version", .unknown.join(", ")
    )]
    Newer { unknown: Vec<String> },
    /// The table of applied migrations can't be read.
    #[error("can't read the applied migrations: {0}")]
    Migrations(String),
    /// The writer can't be told when to write the log back.
    #[error("can't set the length of the write-ahead log: {0}")]
    Checkpointer(String),
    #[error("can't start a thread: {0}")]
    Thread(#[from] io::Error),
}

/// Why a job failed, or why its transaction was rolled back.
#[derive(Debug)]
pub(crate) enum Failure {
    Database(DieselError),
    Domain(StoreError),
}

impl From<DieselError> for Failure {
    fn from(error: DieselError) -> Self {
        Self::Database(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Domain(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Domain(error) => error,
            // Diesel's message names the field.
            Failure::Database(DieselError::DeserializationError(problem)) => {
                Self::corrupt("database", "row", problem.to_string())
            }
            // The file is busy or locked, or the disk is full or failing.
            Failure::Database(error) => Self::Unavailable(error.to_string()),
        }
    }
}

/// The problem if the threads of a queue have ended.
pub(crate) const STORE_CLOSED: &str = "the store is closed";

/// The answer to the caller of a job that panicked.
pub(crate) fn panicked() -> StoreError {
    StoreError::Unavailable("a job in the database thread panicked".to_owned())
}

/// The answer to the caller of a job whose time is over.
pub(crate) fn timed_out() -> StoreError {
    StoreError::Unavailable("the database did not answer in time".to_owned())
}

/// The answer if a queue is full.
pub(crate) fn busy(what: &str) -> StoreError {
    StoreError::Unavailable(format!("busy: too many {what} are waiting"))
}

/// The answer if the thread of a queue has ended.
pub(crate) fn closed() -> StoreError {
    StoreError::Unavailable(STORE_CLOSED.to_owned())
}
