//! The one infrastructure error.

use thiserror::Error;

/// Why a store could not do its job. Everything a caller may do wrong is an outcome, never this.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database can't be reached, timed out, or has too much to do. Nothing of the call was written, or it is
    /// not known whether it was; repeating the call is safe.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// A row holds what no valid history could have written.
    #[error("corrupt value in {table}.{column}: {problem}")]
    Corrupt {
        /// The table that holds it.
        table: &'static str,
        /// Its column.
        column: &'static str,
        /// What is wrong with it, without the value itself.
        problem: String,
    },
}

impl StoreError {
    /// A corrupt value in `table.column`.
    pub fn corrupt(table: &'static str, column: &'static str, problem: impl Into<String>) -> Self {
        Self::Corrupt { table, column, problem: problem.into() }
    }
}
