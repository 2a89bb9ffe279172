//! Migrates the database schema and reports its state.

use std::collections::BTreeMap;
use std::path::Path;

use adapters_auth::SystemClock;
use adapters_postgres::RowSecurity;
use adapters_sqlite::FileLock;
use domain::Clock as _;
use domain::sync::Epoch;
use secrecy::ExposeSecret as _;

use super::error::{DATABASE_URL, DatabaseError, MIGRATION_DATABASE_URL};
use crate::backups;
use crate::settings::{Database, DatabaseUrl};

/// A migration that was reverted, or would be.
pub struct Reversion {
    pub name: String,
    /// The tables, columns and rows that it deletes, as an operator reads them.
    pub lost: Vec<String>,
}

/// Whether a migration has been applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationStatus {
    Applied,
    Pending,
    /// Applied by a newer version of this program.
    Unknown,
}

/// Locks the file of an SQLite database for `command`; `None` for PostgreSQL.
pub fn lock(database: &Database, command: &str) -> Result<Option<FileLock>, DatabaseError> {
    let DatabaseUrl::Sqlite(file) = &database.url else { return Ok(None) };
    FileLock::acquire(file, command).map(Some).map_err(|error| DatabaseError::unusable(DATABASE_URL, &error))
}

/// Applies the pending migrations and returns their names. Waits for a PostgreSQL server that starts. An SQLite
/// file must be [locked](lock).
pub async fn migrate(database: &Database) -> Result<Vec<String>, DatabaseError> {
    match Schema::of(database) {
        Schema::Sqlite(file) => {
            back_up_before_migration(database, file).await?;
            blocking(file, adapters_sqlite::migrate).await
        }
        Schema::Postgres { setting, owner, app } => {
            let waited = adapters_postgres::wait_for(owner, database.wait).await;
            waited.map_err(|error| DatabaseError::connect(setting, &error))?;
            let waited = adapters_postgres::wait_for(app, database.wait).await;
            waited.map_err(|error| DatabaseError::connect(DATABASE_URL, &error))?;
            let migrated = adapters_postgres::migrate(owner, app).await;
            migrated.map_err(|error| DatabaseError::migrate(setting, &error))
        }
    }
}

/// Copies a file with an older schema, so that an upgrade can be undone.
async fn back_up_before_migration(database: &Database, file: &Path) -> Result<(), DatabaseError> {
    let states = migrations(database).await?;
    let pending = states.iter().find(|(_, status)| *status == MigrationStatus::Pending);
    let Some((pending, _)) = pending.filter(|_| states.iter().any(|(_, s)| *s == MigrationStatus::Applied))
    else {
        return Ok(());
    };
    let (pending, backups) = (pending.clone(), database.backups.clone());
    let made = blocking(file, move |file| {
        backups::before_migration(file, &backups, &pending, SystemClock.now())
            .map_err(|error| format!("no backup can be made before the migration: {error}"))
    });
    let made = made.await?;
    tracing::info!(file = %made.display(), "made a backup before the migration");
    Ok(())
}

/// Makes the schema restrict what `row_security` says, after the pending migrations.
pub async fn set_row_security(database: &Database, row_security: RowSecurity) -> Result<(), DatabaseError> {
    match Schema::of(database) {
        Schema::Sqlite(_) => Err(DatabaseError::unusable(DATABASE_URL, &"SQLite has no row-level security")),
        Schema::Postgres { setting, owner, .. } => {
            migrate(database).await?;
            let set = adapters_postgres::set_row_security(owner, row_security).await;
            set.map_err(|error| DatabaseError::migrate(setting, &error))
        }
    }
}

/// Reverts the last applied migration, or only finds out what that would delete unless `keep` is set. An SQLite
/// file must be [locked](lock).
pub async fn revert(database: &Database, keep: bool) -> Result<Option<Reversion>, DatabaseError> {
    Ok(match Schema::of(database) {
        Schema::Sqlite(file) => {
            let reverted = blocking(file, move |file| adapters_sqlite::revert_last(file, keep)).await?;
            reverted.map(|done| Reversion { name: done.name, lost: lost(&done.before, &done.after) })
        }
        Schema::Postgres { setting, owner, .. } => {
            let reverted = adapters_postgres::revert_last(owner, keep).await;
            let reverted = reverted.map_err(|error| DatabaseError::migrate(setting, &error))?;
            reverted.map(|done| Reversion { name: done.name, lost: lost(&done.before, &done.after) })
        }
    })
}

/// What was in the tables `before` and is not `after`.
fn lost(before: &Contents, after: &Contents) -> Vec<String> {
    let mut lost = Vec::new();
    for (table, (columns, rows)) in before {
        let Some((columns_left, rows_left)) = after.get(table) else {
            lost.push(format!("table {table} with {rows} rows"));
            continue;
        };
        let missing = columns.iter().filter(|column| !columns_left.contains(column));
        lost.extend(missing.map(|column| format!("column {column} of table {table} with {rows} rows")));
        if rows_left < rows {
            lost.push(format!("{} of {rows} rows of table {table}", rows - rows_left));
        }
    }
    lost
}

/// The columns and the number of rows of each table, as both adapters report them.
type Contents = BTreeMap<String, (Vec<String>, i64)>;

/// Begins a new epoch and returns its name. Applies pending migrations first. Does not create a database.
pub async fn begin_epoch(database: &Database) -> Result<Epoch, DatabaseError> {
    if let Schema::Sqlite(file) = Schema::of(database)
        && !file.exists()
    {
        let problem = format!("there is no file {}", file.display());
        return Err(DatabaseError::unusable(DATABASE_URL, &problem));
    }
    if migrations(database).await?.iter().any(|(_, status)| *status != MigrationStatus::Applied) {
        let _lock = lock(database, "new-epoch")?;
        migrate(database).await?;
    }
    match Schema::of(database) {
        Schema::Sqlite(file) => blocking(file, adapters_sqlite::begin_epoch).await,
        Schema::Postgres { setting, owner, .. } => {
            let begun = adapters_postgres::begin_epoch(owner).await;
            begun.map_err(|error| DatabaseError::migrate(setting, &error))
        }
    }
}

/// Lists all migrations in order, with their state.
pub async fn migrations(database: &Database) -> Result<Vec<(String, MigrationStatus)>, DatabaseError> {
    let status = |applied, known| match (applied, known) {
        (_, false) => MigrationStatus::Unknown,
        (true, true) => MigrationStatus::Applied,
        (false, true) => MigrationStatus::Pending,
    };
    Ok(match Schema::of(database) {
        Schema::Sqlite(file) => {
            let migrations = blocking(file, adapters_sqlite::migration_status).await?;
            migrations.into_iter().map(|found| (found.name, status(found.applied, found.known))).collect()
        }
        Schema::Postgres { setting, owner, .. } => {
            let migrations = adapters_postgres::migration_status(owner).await;
            let migrations = migrations.map_err(|error| DatabaseError::migrate(setting, &error))?;
            migrations.into_iter().map(|found| (found.name, status(found.applied, found.known))).collect()
        }
    })
}

/// Where the schema is, and how to reach it as its owner.
pub enum Schema<'a> {
    Sqlite(&'a Path),
    Postgres {
        /// The setting of the owner's URL.
        setting: &'static str,
        owner: &'a str,
        app: &'a str,
    },
}

impl<'a> Schema<'a> {
    pub fn of(database: &'a Database) -> Self {
        match (&database.url, &database.migration_url) {
            (DatabaseUrl::Sqlite(file), _) => Self::Sqlite(file),
            (DatabaseUrl::Postgres(app), Some(DatabaseUrl::Postgres(owner))) => Self::Postgres {
                setting: MIGRATION_DATABASE_URL,
                owner: owner.expose_secret(),
                app: app.expose_secret(),
            },
            (DatabaseUrl::Postgres(app), _) => {
                Self::Postgres { setting: DATABASE_URL, owner: app.expose_secret(), app: app.expose_secret() }
            }
        }
    }
}

/// Runs blocking work on the file of a database.
async fn blocking<T, E>(
    file: &Path,
    work: impl FnOnce(&Path) -> Result<T, E> + Send + 'static,
) -> Result<T, DatabaseError>
where
    T: Send + 'static,
    E: ToString + Send + 'static,
{
    let file = file.to_owned();
    let done = tokio::task::spawn_blocking(move || work(&file)).await;
    done.map_err(|error| DatabaseError::unusable(DATABASE_URL, &error))?
        .map_err(|error| DatabaseError::unusable(DATABASE_URL, &error))
}
