//! Migrations of the schema, embedded in the binary.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use diesel::SqliteConnection;
use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use thiserror::Error;

use crate::connection::{Access, Connector};
use crate::error::OpenError;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// How long to wait for another process that migrates.
const LOCK_TIMEOUT: Duration = Duration::from_mins(1);

/// Why the schema can't be read or changed.
#[derive(Debug, Error)]
pub enum MigrateError {
    /// The database can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A migration failed. None of the call's migrations was applied.
    #[error("the migration failed: {0}")]
    Run(String),
}

impl From<Box<dyn Error + Send + Sync>> for MigrateError {
    fn from(error: Box<dyn Error + Send + Sync>) -> Self {
        Self::Run(error.to_string())
    }
}

impl From<diesel::result::Error> for MigrateError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Run(error.to_string())
    }
}

/// One migration, and whether it has been applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationState {
    pub name: String,
    pub applied: bool,
}

/// Applies all pending migrations in one transaction and returns their names.
///
/// If several processes migrate at once, one does the work. The others wait and return an empty list.
pub fn migrate(path: &Path) -> Result<Vec<String>, MigrateError> {
    connect(path)?.exclusive_transaction(|conn| {
        let pending = unapplied(conn)?;
        for migration in &pending {
            conn.run_migration(migration)?;
        }
        Ok(pending.iter().map(|migration| migration.name().to_string()).collect())
    })
}

/// Reverts the last applied migration and returns its name. `None` if none is applied.
pub fn revert_last(path: &Path) -> Result<Option<String>, MigrateError> {
    connect(path)?.exclusive_transaction(|conn| {
        if applied(conn)?.is_empty() {
            return Ok(None);
        }
        let reverted = conn.revert_last_migration(MIGRATIONS)?;
        Ok(Some(name_of(&reverted)?))
    })
}

/// Returns every migration that this program knows, the oldest first. Does not create the file.
pub fn migration_status(path: &Path) -> Result<Vec<MigrationState>, MigrateError> {
    let applied = if path.exists() { applied(&mut connect(path)?)? } else { Vec::new() };
    Ok(known()?
        .iter()
        .map(|migration| MigrationState {
            name: migration.name().to_string(),
            applied: applied.contains(&migration.name().version().as_owned()),
        })
        .collect())
}

/// Returns the names of the migrations that have not been applied.
pub(crate) fn pending(conn: &mut SqliteConnection) -> Result<Vec<String>, OpenError> {
    let pending = unapplied(conn).map_err(|error| OpenError::Migrations(error.to_string()))?;
    Ok(pending.iter().map(|migration| migration.name().to_string()).collect())
}

fn connect(path: &Path) -> Result<SqliteConnection, OpenError> {
    let connector = Connector { path: path.to_owned(), timeout: LOCK_TIMEOUT, echo: false };
    connector.connect(Access::Migrate)
}

fn applied(conn: &mut SqliteConnection) -> Result<Vec<MigrationVersion<'static>>, MigrateError> {
    Ok(conn.applied_migrations()?)
}

fn unapplied(conn: &mut SqliteConnection) -> Result<Vec<Box<dyn Migration<Sqlite>>>, MigrateError> {
    Ok(conn.pending_migrations(MIGRATIONS)?)
}

/// Returns the embedded migrations in the order of their versions.
fn known() -> Result<Vec<Box<dyn Migration<Sqlite>>>, MigrateError> {
    let mut all = MigrationSource::<Sqlite>::migrations(&MIGRATIONS)?;
    all.sort_unstable_by(|a, b| a.name().version().cmp(&b.name().version()));
    Ok(all)
}

fn name_of(version: &MigrationVersion<'_>) -> Result<String, MigrateError> {
    let migrations = known()?;
    let found = migrations.iter().find(|migration| migration.name().version() == *version);
    Ok(found.map_or_else(|| version.to_string(), |migration| migration.name().to_string()))
}
