//! The stores in the database that `DATABASE_URL` names.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use adapters_postgres::{PostgresStore, RowSecurity};
use adapters_sqlite::{FileLock, SqliteStore};
use domain::account::AccountStore;
use domain::health::Probe;
use domain::identity::IdentityStore;
use domain::instances::OtherWriters;
use domain::mail::Outbox;
use domain::one_time::OneTimeStore;
use domain::session::SessionStore;
use domain::todo::{EventBus, TodoStore};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use super::error::{DATABASE_LISTEN_URL, DATABASE_URL, DatabaseError, MIGRATION_DATABASE_URL};
use super::schema::{MigrationStatus, lock, migrate, migrations};
use crate::settings::{Database, DatabaseUrl, cores};

/// All store ports, implemented by one database.
pub struct Stores {
    pub todos: Arc<dyn TodoStore>,
    pub accounts: Arc<dyn AccountStore>,
    pub sessions: Arc<dyn SessionStore>,
    pub one_time: Arc<dyn OneTimeStore>,
    pub identities: Arc<dyn IdentityStore>,
    pub outbox: Arc<dyn Outbox>,
    pub probe: Arc<dyn Probe>,
    pub handle: DatabaseHandle,
}

/// Closes the database.
pub enum DatabaseHandle {
    /// The file is closed when the last owner drops the store, and unlocked after that.
    Sqlite(Arc<SqliteStore>, Option<FileLock>),
    Postgres(Arc<PostgresStore>),
}

impl DatabaseHandle {
    /// The threads of the HTTP workers end shortly after the server and own the store until then.
    const OWNERS_TIMEOUT: Duration = Duration::from_secs(2);

    /// The commands that write to an SQLite file beside the server.
    pub fn others(&self) -> Option<Arc<dyn OtherWriters>> {
        match self {
            Self::Sqlite(store, _) => Some(store.clone()),
            Self::Postgres(_) => None,
        }
    }

    /// Returns when all accepted writes are stored and the database is closed.
    pub async fn close(self) {
        match self {
            Self::Sqlite(store, lock) => {
                let last_owner = async {
                    while Arc::strong_count(&store) > 1 {
                        sleep(Duration::from_millis(5)).await;
                    }
                };
                if timeout(Self::OWNERS_TIMEOUT, last_owner).await.is_err() {
                    tracing::warn!(
                        "the database file is still in use; the next start recovers its write-ahead log"
                    );
                }
                drop(store);
                drop(lock);
            }
            Self::Postgres(store) => store.close().await,
        }
    }
}

fn stores<S>(store: &Arc<S>, handle: DatabaseHandle) -> Stores
where
    S: TodoStore + AccountStore + SessionStore + OneTimeStore + IdentityStore + Outbox + Probe + 'static,
{
    Stores {
        todos: store.clone(),
        accounts: store.clone(),
        sessions: store.clone(),
        one_time: store.clone(),
        identities: store.clone(),
        outbox: store.clone(),
        probe: store.clone(),
        handle,
    }
}

/// Checks the URLs as the adapters do, without connecting.
pub fn check(database: &Database) -> Result<(), DatabaseError> {
    let urls = [
        (DATABASE_URL, Some(&database.url)),
        (MIGRATION_DATABASE_URL, database.migration_url.as_ref()),
        (DATABASE_LISTEN_URL, database.listen_url.as_ref()),
    ];
    for (setting, url) in urls {
        if let Some(DatabaseUrl::Postgres(url)) = url {
            adapters_postgres::check_url(url.expose_secret())
                .map_err(|error| DatabaseError::Url { setting, problem: error.to_string() })?;
        }
    }
    Ok(())
}

/// Migrates the schema and opens the database for a command. Its commits are published to `bus`. An SQLite file is locked
/// until the database is closed. Large batches are written on `background`, if there is one.
pub async fn open(
    database: &Database,
    command: &str,
    bus: Arc<dyn EventBus>,
    background: Option<&Handle>,
) -> Result<Stores, DatabaseError> {
    let lock = lock(database, command)?;
    for name in migrate(database).await? {
        tracing::info!(migration = name, "applied");
    }
    match &database.url {
        DatabaseUrl::Sqlite(file) => open_sqlite(database, file, lock, bus),
        DatabaseUrl::Postgres(url) => {
            let stores = open_postgres(database, url, bus, background).await?;
            if let DatabaseHandle::Postgres(store) = &stores.handle {
                report_row_security(store, database).await?;
            }
            Ok(stores)
        }
    }
}

/// Opens the database beside a running server, without the lock of an SQLite file. Creates and migrates nothing.
///
/// SQLite itself keeps two processes from writing at once. The lock file is for what it can't coordinate: the
/// replacement of the file, and changes of the schema.
pub async fn open_beside(database: &Database, bus: Arc<dyn EventBus>) -> Result<Stores, DatabaseError> {
    if let DatabaseUrl::Sqlite(file) = &database.url
        && !file.exists()
    {
        let problem = format!("there is no file {}", file.display());
        return Err(DatabaseError::unusable(DATABASE_URL, &problem));
    }
    for (name, status) in migrations(database).await? {
        let problem = match status {
            MigrationStatus::Applied => continue,
            MigrationStatus::Pending => {
                format!("the migration {name} is pending; run: todo-server migrate up")
            }
            MigrationStatus::Unknown => {
                format!("a newer version of this program has applied the migration {name}; run that version")
            }
        };
        return Err(DatabaseError::unusable(DATABASE_URL, &problem));
    }
    match &database.url {
        DatabaseUrl::Sqlite(file) => open_sqlite(database, file, None, bus),
        DatabaseUrl::Postgres(url) => open_postgres(database, url, bus, None).await,
    }
}

fn open_sqlite(
    database: &Database,
    file: &Path,
    lock: Option<FileLock>,
    bus: Arc<dyn EventBus>,
) -> Result<Stores, DatabaseError> {
    let mut options = adapters_sqlite::OpenOptions::new(file, bus);
    // A running read occupies a core, so more threads would only wait for one another.
    options.readers = database.pool_size.min(cores());
    options.timeout = database.timeout;
    options.echo = database.echo;
    let store =
        Arc::new(SqliteStore::open(options).map_err(|error| DatabaseError::unusable(DATABASE_URL, &error))?);
    Ok(stores(&store, DatabaseHandle::Sqlite(store.clone(), lock)))
}

async fn open_postgres(
    database: &Database,
    url: &SecretString,
    bus: Arc<dyn EventBus>,
    background: Option<&Handle>,
) -> Result<Stores, DatabaseError> {
    let options = adapters_postgres::Options {
        url: url.expose_secret().to_owned(),
        // Each HTTP worker has its own pool.
        pool_size: database.pool_size.div_ceil(cores()),
        timeout: database.timeout,
        row_security: database.row_security,
        epoch_source: database.epoch_source,
        bus,
        echo: database.echo,
        background: background.cloned(),
    };
    let store = Arc::new(
        PostgresStore::connect(options)
            .await
            .map_err(|error| DatabaseError::connect(DATABASE_URL, &error))?,
    );
    Ok(stores(&store, DatabaseHandle::Postgres(store.clone())))
}

/// Logs what an operator should know of row-level security.
async fn report_row_security(store: &PostgresStore, database: &Database) -> Result<(), DatabaseError> {
    let unusable = |error| DatabaseError::unusable(DATABASE_URL, &error);
    if !store.row_security_active().await.map_err(unusable)? {
        tracing::warn!(
            "row-level security is off, because the role in DATABASE_URL owns the tables or bypasses it; set \
             MIGRATION_DATABASE_URL to the owner's URL and DATABASE_URL to another role's"
        );
    } else if database.row_security == RowSecurity::All
        && !store.reads_restricted().await.map_err(unusable)?
    {
        tracing::warn!(
            "DATABASE_ROW_SECURITY is all, but the schema restricts only writes; run `todo-server migrate \
             row-security all`"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use domain_testkit::RecordingBus;

    use super::super::schema::revert;
    use super::*;
    use crate::settings::Settings;

    fn database(folder: &Path, variables: &[(&str, &str)]) -> Database {
        let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        Settings::load(folder, variables).expect("settings").database
    }

    #[test]
    fn urls_are_checked_without_connecting_and_are_not_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let check = |variables: &[(&str, &str)]| check(&database(folder.path(), variables));
        assert!(
            check(&[("DATABASE_URL", "postgres://app:hush@db.invalid/todos?sslmode=verify-full")]).is_ok()
        );
        let refused = check(&[("DATABASE_URL", "postgres://app:hush@db.invalid/todos?sslmode=maybe")]);
        let sentence = refused.expect_err("refused").to_string();
        assert!(
            sentence.starts_with("DATABASE_URL sslmode must be") && !sentence.contains("hush"),
            "{sentence}"
        );
        let refused = check(&[
            ("DATABASE_URL", "postgres://app:hush@db.invalid/todos"),
            ("MIGRATION_DATABASE_URL", "postgres://owner:hush@db.invalid:port/todos"),
        ]);
        let sentence = refused.expect_err("refused").to_string();
        assert!(sentence.starts_with("MIGRATION_DATABASE_URL ") && !sentence.contains("hush"), "{sentence}");
    }

    #[tokio::test]
    async fn a_missing_file_is_created_migrated_opened_and_closed() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("deep/er/todos.db");
        let database = database(folder.path(), &[("DATABASE_URL", &format!("sqlite://{}", file.display()))]);
        assert!(
            migrations(&database)
                .await
                .expect("a list")
                .iter()
                .all(|(_, status)| *status == MigrationStatus::Pending)
        );
        let stores = open(&database, "serve", Arc::new(RecordingBus::new()), None).await.expect("it opens");
        stores.probe.probe().await.expect("it answers");
        assert!(
            migrations(&database)
                .await
                .expect("a list")
                .iter()
                .all(|(_, status)| *status == MigrationStatus::Applied)
        );
        let Stores { todos, accounts, sessions, one_time, identities, outbox, probe, handle } = stores;
        drop((todos, accounts, sessions, one_time, identities, outbox, probe));
        handle.close().await;
        // SQLite removes its write-ahead log when the last connection is closed.
        assert!(!file.with_extension("db-wal").exists());
        lock(&database, "migrate down").expect("the file is free");
        assert!(revert(&database, true).await.expect("it reverts").is_some());
    }
}
