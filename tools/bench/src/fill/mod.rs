//! Fills a migrated database in seconds with SQL scripts.

use std::path::Path;

use diesel::connection::SimpleConnection as _;
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use postgres_testbed::{Database, Role};

use crate::Result;
use crate::floor::sqlite::connect;

/// Fills a PostgreSQL database, vacuums it and makes a checkpoint.
pub async fn postgres(database: &Database) -> Result<()> {
    database.sql(Role::Owner, include_str!("postgres.sql"))?;
    database.sql(Role::Owner, "vacuum (analyze) users, todos")?;
    let superuser = database.owner_url().replace(Role::Owner.name(), "postgres");
    AsyncPgConnection::establish(&superuser).await?.batch_execute("checkpoint").await?;
    Ok(())
}

/// Fills an SQLite file.
pub fn sqlite(file: &Path) -> Result<()> {
    Ok(connect(file)?.batch_execute(include_str!("sqlite.sql"))?)
}
