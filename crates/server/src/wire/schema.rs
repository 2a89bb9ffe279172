//! The schema of the database: bringing it up to date, and what stands in it.

use std::error::Error;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret as _;

use super::stores::{MIGRATING, SERVING, StoresError, connecting, unusable};
use crate::settings::{Database, DatabaseUrl};

/// Applies the migrations that are pending, and gives their names.
pub async fn migrate(database: &Database) -> Result<Vec<String>, StoresError> {
    match Schema::of(database) {
        Schema::Sqlite(file) => on_file(file, |file| adapters_sqlite::migrate(file)).await,
        Schema::Postgres { variable, owner, app } => {
            let migrated = adapters_postgres::migrate(owner, app).await;
            migrated.map_err(|error| migrating(variable, &error))
        }
    }
}

/// Reverts the migration applied last, and gives its name.
pub async fn revert(database: &Database) -> Result<Option<String>, StoresError> {
    match Schema::of(database) {
        Schema::Sqlite(file) => on_file(file, |file| adapters_sqlite::revert_last(file)).await,
        Schema::Postgres { variable, owner, .. } => {
            adapters_postgres::revert_last(owner).await.map_err(|error| migrating(variable, &error))
        }
    }
}

/// Every migration in order, and whether it is applied.
pub async fn migrations(database: &Database) -> Result<Vec<(String, bool)>, StoresError> {
    match Schema::of(database) {
        Schema::Sqlite(file) => {
            let states = on_file(file, |file| adapters_sqlite::migration_status(file)).await?;
            Ok(states.into_iter().map(|state| (state.name, state.applied)).collect())
        }
        Schema::Postgres { variable, owner, .. } => {
            let states = adapters_postgres::migration_status(owner).await;
            let states = states.map_err(|error| migrating(variable, &error))?;
            Ok(states.into_iter().map(|state| (state.name, state.applied)).collect())
        }
    }
}

/// Where the schema is changed, and by whom.
enum Schema<'a> {
    Sqlite(&'a Path),
    Postgres { variable: &'static str, owner: &'a str, app: &'a str },
}

impl<'a> Schema<'a> {
    fn of(database: &'a Database) -> Self {
        match (&database.url, &database.migration_url) {
            (DatabaseUrl::Sqlite(file), _) => Self::Sqlite(file),
            (DatabaseUrl::Postgres(app), Some(DatabaseUrl::Postgres(owner))) => {
                Self::Postgres { variable: MIGRATING, owner: owner.expose_secret(), app: app.expose_secret() }
            }
            (DatabaseUrl::Postgres(app), _) => {
                Self::Postgres { variable: SERVING, owner: app.expose_secret(), app: app.expose_secret() }
            }
        }
    }
}

/// Runs what blocks on a file off the async threads.
async fn on_file<T, E>(
    file: &Path,
    work: impl FnOnce(&PathBuf) -> Result<T, E> + Send + 'static,
) -> Result<T, StoresError>
where
    T: Send + 'static,
    E: Error + Send + 'static,
{
    let file = file.to_owned();
    let done = tokio::task::spawn_blocking(move || work(&file)).await;
    done.map_err(|error| unusable(SERVING, &error))?.map_err(|error| unusable(SERVING, &error))
}

fn migrating(variable: &'static str, error: &adapters_postgres::MigrateError) -> StoresError {
    match error {
        adapters_postgres::MigrateError::Connect(error) => connecting(variable, error),
        adapters_postgres::MigrateError::App(error) => connecting(SERVING, error),
        adapters_postgres::MigrateError::OtherDatabase => unusable(SERVING, error),
        adapters_postgres::MigrateError::Failed(_) => unusable(variable, error),
    }
}
