//! Migrations of the schema, embedded in the binary.

mod digests;
mod objects;
mod revert;
mod text_forms;

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use thiserror::Error;

use crate::connection::{Access, Connector};
use crate::error::OpenError;

pub(crate) use objects::difference;
pub use revert::{Contents, Reversion, revert_last};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// How long to wait for another process that migrates.
pub(crate) const LOCK_TIMEOUT: Duration = Duration::from_mins(1);

/// Why the schema can't be read or changed.
#[derive(Debug, Error)]
pub enum MigrateError {
    /// The database can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A migration failed. None of the call's migrations was applied.
    #[error("the migration failed: {0}")]
    Run(String),
    /// The new epoch was not recorded.
    #[error("no new epoch was begun: {0}")]
    Epoch(String),
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
    /// Whether this program contains the migration. If it does not, a newer version applied it.
    pub known: bool,
}

/// Applies all pending migrations in one transaction and returns their names.
///
/// If several processes migrate at once, one does the work. The others wait and return an empty list.
pub fn migrate(path: &Path) -> Result<Vec<String>, MigrateError> {
    connect(path)?.exclusive_transaction(|conn| {
        refuse_newer(conn)?;
        let pending = unapplied(conn)?;
        for migration in &pending {
            match conn.run_migration(migration)?.to_string().as_str() {
                digests::SINCE => digests::compute(conn)?,
                text_forms::SINCE => text_forms::renew(conn)?,
                _ => {}
            }
        }
        Ok(pending.iter().map(|migration| migration.name().to_string()).collect())
    })
}

/// Returns every migration that this program knows, the oldest first, and then those that only the file
/// knows. Does not create the file.
pub fn migration_status(path: &Path) -> Result<Vec<MigrationState>, MigrateError> {
    let (known, applied) = (known()?, if path.exists() { applied(&mut connect(path)?)? } else { Vec::new() });
    let states = known.iter().map(|migration| MigrationState {
        name: migration.name().to_string(),
        applied: applied.contains(&migration.name().version().as_owned()),
        known: true,
    });
    let unknown = unknown(&known, &applied).into_iter();
    Ok(states.chain(unknown.map(|name| MigrationState { name, applied: true, known: false })).collect())
}

/// Returns the names of the migrations that have not been applied.
pub(crate) fn pending(conn: &mut SqliteConnection) -> Result<Vec<String>, OpenError> {
    let pending = unapplied(conn).map_err(|error| OpenError::Migrations(error.to_string()))?;
    Ok(pending.iter().map(|migration| migration.name().to_string()).collect())
}

/// Returns how many migrations have been applied. Fails if the file is no database, or not one with migrations.
pub(crate) fn migration_count(conn: &mut SqliteConnection) -> QueryResult<i64> {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        applied: i64,
    }
    let query = "SELECT count(*) AS applied FROM __diesel_schema_migrations";
    Ok(diesel::sql_query(query).get_result::<Count>(conn)?.applied)
}

/// Refuses a schema that a newer version of this program has changed.
pub(crate) fn refuse_newer(conn: &mut SqliteConnection) -> Result<(), OpenError> {
    let found = known().and_then(|known| Ok(unknown(&known, &applied(conn)?)));
    match found.map_err(|error| OpenError::Migrations(error.to_string()))? {
        unknown if unknown.is_empty() => Ok(()),
        unknown => Err(OpenError::Newer { unknown }),
    }
}

/// The versions that have been applied and that this program does not know, the oldest first.
fn unknown(known: &[Box<dyn Migration<Sqlite>>], applied: &[MigrationVersion<'_>]) -> Vec<String> {
    let is_known = |version: &MigrationVersion<'_>| known.iter().any(|m| m.name().version() == *version);
    let unknown = applied.iter().filter(|version| !is_known(version));
    let mut unknown: Vec<_> = unknown.map(ToString::to_string).collect();
    unknown.sort_unstable();
    unknown
}

pub(crate) fn connect(path: &Path) -> Result<SqliteConnection, OpenError> {
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
