//! The content of a database, in the form that every store has; a check of it, and repairs of what can be
//! recomputed.
//!
//! Each function works as the role that owns the schema, whom row-level security does not restrict.

mod read;
mod repair;
mod write;

use diesel::result::Error as SqlError;
use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::snapshot::{Check, Part, Report};
use futures_util::future::join;
use thiserror::Error;
use tokio::sync::mpsc::channel;

use crate::migrations::{self, MigrateError};
use crate::session::{self, Limits};
use crate::sql::{Sql, sql};

pub use read::read_content;
pub use repair::{end_all_sessions, repair};
pub use write::write_content;

/// Why the content can't be read or written. Nothing was written.
#[derive(Debug, Error)]
pub enum ContentError {
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    #[error("the database has users already; name an empty one")]
    NotEmpty,
    #[error("the database can't be copied: {0}")]
    Copy(String),
    /// The sender of the content ended before it had sent everything.
    #[error("the copying was broken off")]
    BrokenOff,
}

impl From<SqlError> for ContentError {
    fn from(error: SqlError) -> Self {
        Self::Copy(error.to_string())
    }
}

/// Checks a database, beside the servers that use it, in one snapshot.
pub async fn check(url: &str) -> Result<Report, ContentError> {
    let (to, mut from) = channel(4);
    let checked = async {
        let mut check = Check::new();
        while let Some(part) = from.recv().await {
            if let Part::Rows(table, rows) = part {
                for row in &rows {
                    check.row(table, row);
                }
            }
        }
        check.finish()
    };
    let (read, report) = join(read_content(url, to), checked).await;
    read.map(|()| report)
}

/// Connects as the owner of the schema.
async fn connect(url: &str) -> Result<AsyncPgConnection, MigrateError> {
    migrations::connect(&migrations::target(url)?).await
}

/// Begins the work of a transaction, whose statements have no time limit.
async fn begin(conn: &mut AsyncPgConnection) -> Result<(), SqlError> {
    let set: Sql<'_, Text> = session::local(sql("select "), Limits::NONE);
    set.execute(conn).await.map(drop)
}
