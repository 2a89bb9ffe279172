//! Failures, and what they are to callers.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use diesel::result::Error as DieselError;
use domain::StoreError;
use thiserror::Error;
use tokio::sync::oneshot;

use crate::migrations::MigrateError;

/// Why a store can't be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The file or its folder can't be made.
    #[error("can't create {path}: {source}")]
    Create {
        /// What was to be made.
        path: PathBuf,
        /// Why it could not.
        source: io::Error,
    },
    /// The path is no UTF-8, which SQLite demands.
    #[error("the path {0:?} is not UTF-8")]
    Path(PathBuf),
    /// It is no database, or it can't be read or written.
    #[error("can't open the database {path}: {problem}")]
    Connect {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        problem: String,
    },
    /// The schema is not up to date.
    #[error("the database lacks these migrations: {}", .pending.join(", "))]
    NotMigrated {
        /// Their names.
        pending: Vec<String>,
    },
    /// The migrations applied can't be read.
    #[error(transparent)]
    Migrations(#[from] Box<MigrateError>),
    /// A thread can't be started.
    #[error("can't start a thread: {0}")]
    Thread(#[from] io::Error),
}

/// Why a job failed.
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
            // Its message names the field.
            Failure::Database(DieselError::DeserializationError(problem)) => {
                Self::corrupt("database", "row", problem.to_string())
            }
            // Busy, locked, full, or a failing disk.
            Failure::Database(error) => Self::Unavailable(error.to_string()),
        }
    }
}

/// A job's answer, awaited for at most `timeout`.
pub(crate) async fn in_time<T>(
    timeout: Duration,
    answer: oneshot::Receiver<Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(timeout, answer).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err(StoreError::Unavailable("the database thread dropped the job".to_owned())),
        Err(_) => Err(StoreError::Unavailable(format!("no answer within {timeout:?}"))),
    }
}

/// What a job that panicked is to its caller.
pub(crate) fn panicked() -> StoreError {
    StoreError::Unavailable("a job in the database thread panicked".to_owned())
}

/// The answer when a queue is full, or its thread is gone.
pub(crate) fn refused<T>(error: &crossbeam_channel::TrySendError<T>, what: &str) -> StoreError {
    StoreError::Unavailable(match error {
        crossbeam_channel::TrySendError::Full(_) => format!("busy: too many {what} wait already"),
        crossbeam_channel::TrySendError::Disconnected(_) => "the store is closed".to_owned(),
    })
}
