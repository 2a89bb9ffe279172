//! The infrastructure error.

use thiserror::Error;

/// Why a store could not do its job. A mistake of the caller is an outcome, never a `StoreError`.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database can't be reached, timed out, or is overloaded. The write may or may not have
    /// happened. The caller can safely repeat the call.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// A row has a value that no sequence of valid writes can produce. `problem` describes it
    /// without quoting it.
    #[error("corrupt value in {table}.{column}: {problem}")]
    Corrupt { table: &'static str, column: &'static str, problem: String },
}

impl StoreError {
    /// A corrupt value in `table.column`.
    pub fn corrupt(table: &'static str, column: &'static str, problem: impl Into<String>) -> Self {
        Self::Corrupt { table, column, problem: problem.into() }
    }
}
