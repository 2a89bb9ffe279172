//! Migrates the database schema and reports its state.

use std::path::Path;

use secrecy::ExposeSecret as _;

use super::error::{DATABASE_URL, DatabaseError, MIGRATION_DATABASE_URL};
use crate::settings::{Database, DatabaseUrl};

/// Applies the pending migrations and returns their names.
pub async fn migrate(database: &Database) -> Result<Vec<String>, DatabaseError> {
    match Schema::of(database) {
        Schema::Sqlite(file) => blocking(file, adapters_sqlite::migrate).await,
        Schema::Postgres { setting, owner, app } => {
            let migrated = adapters_postgres::migrate(owner, app).await;
            migrated.map_err(|error| DatabaseError::migrate(setting, &error))
        }
    }
}

/// Reverts the last applied migration and returns its name.
pub async fn revert(database: &Database) -> Result<Option<String>, DatabaseError> {
    match Schema::of(database) {
        Schema::Sqlite(file) => blocking(file, adapters_sqlite::revert_last).await,
        Schema::Postgres { setting, owner, .. } => {
            let reverted = adapters_postgres::revert_last(owner).await;
            reverted.map_err(|error| DatabaseError::migrate(setting, &error))
        }
    }
}

/// Lists all migrations in order, and whether each has been applied.
pub async fn migrations(database: &Database) -> Result<Vec<(String, bool)>, DatabaseError> {
    match Schema::of(database) {
        Schema::Sqlite(file) => {
            let migrations = blocking(file, adapters_sqlite::migration_status).await?;
            Ok(migrations.into_iter().map(|migration| (migration.name, migration.applied)).collect())
        }
        Schema::Postgres { setting, owner, .. } => {
            let migrations = adapters_postgres::migration_status(owner).await;
            let migrations = migrations.map_err(|error| DatabaseError::migrate(setting, &error))?;
            Ok(migrations.into_iter().map(|migration| (migration.name, migration.applied)).collect())
        }
    }
}

/// Where the schema is, and how to reach it as its owner.
enum Schema<'a> {
    Sqlite(&'a Path),
    Postgres {
        /// The setting of the owner's URL.
        setting: &'static str,
        owner: &'a str,
        app: &'a str,
    },
}

impl<'a> Schema<'a> {
    fn of(database: &'a Database) -> Self {
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
