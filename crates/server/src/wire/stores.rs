//! The stores that `DATABASE_URL` asks for, and their schema.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use adapters_postgres::{ConnectError, PostgresStore};
use adapters_sqlite::SqliteStore;
use domain::account::{AccountStore, OneTimeStore};
use domain::health::Probe;
use domain::identity::IdentityStore;
use domain::mail::Outbox;
use domain::session::SessionStore;
use domain::todo::{EventBus, TodoStore};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use tokio::time::{sleep, timeout};

use super::schema::migrate;
use crate::settings::{Database, DatabaseUrl, cores};

/// Why the stores, or their schema, can't be used.
#[derive(Debug, Error)]
pub enum StoresError {
    /// The URL can't be read by its database. The problem holds no part of it.
    #[error("{variable} {problem}")]
    Url {
        /// The setting.
        variable: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The database can't be opened or reached.
    #[error("the database that {variable} names can't be used: {problem}")]
    Unusable {
        /// The setting.
        variable: &'static str,
        /// Why.
        problem: String,
    },
}

pub(super) const SERVING: &str = "DATABASE_URL";
pub(super) const MIGRATING: &str = "MIGRATION_DATABASE_URL";

/// One database behind all the store ports.
pub struct Stores {
    /// Todos.
    pub todos: Arc<dyn TodoStore>,
    /// Accounts.
    pub accounts: Arc<dyn AccountStore>,
    /// Sessions.
    pub sessions: Arc<dyn SessionStore>,
    /// One-time tokens.
    pub one_time: Arc<dyn OneTimeStore>,
    /// Identities at providers and issuers.
    pub identities: Arc<dyn IdentityStore>,
    /// Mail.
    pub outbox: Arc<dyn Outbox>,
    /// Whether it is there.
    pub probe: Arc<dyn Probe>,
    /// Ends it.
    pub closing: Closing,
}

/// What ends a store in order once no request is left.
pub enum Closing {
    /// The file is closed when its last owner lets go of it.
    Sqlite(Arc<SqliteStore>),
    /// The connections are closed when told.
    Postgres(Arc<PostgresStore>),
}

impl Closing {
    /// The threads that served requests end a moment after the server itself has, and hold the store until then.
    const OTHERS: Duration = Duration::from_secs(2);

    /// Returns when everything accepted is written and the database is closed.
    pub async fn close(self) {
        match self {
            Self::Sqlite(store) => {
                let alone = async {
                    while Arc::strong_count(&store) > 1 {
                        sleep(Duration::from_millis(5)).await;
                    }
                };
                if timeout(Self::OTHERS, alone).await.is_err() {
                    tracing::warn!(
                        "the database file is in use to the end: its log is read when it is opened next"
                    );
                }
            }
            Self::Postgres(store) => store.close().await,
        }
    }
}

fn stores<S>(store: &Arc<S>, closing: Closing) -> Stores
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
        closing,
    }
}

/// Looks at the URLs as their database will, without reaching for it.
pub fn check(database: &Database) -> Result<(), StoresError> {
    let urls = [(SERVING, Some(&database.url)), (MIGRATING, database.migration_url.as_ref())];
    for (variable, url) in urls {
        if let Some(DatabaseUrl::Postgres(url)) = url {
            adapters_postgres::check_url(url.expose_secret())
                .map_err(|error| StoresError::Url { variable, problem: error.to_string() })?;
        }
    }
    Ok(())
}

/// Brings the schema up to date and opens the database; commits are published to `bus`.
pub async fn open(database: &Database, bus: Arc<dyn EventBus>) -> Result<Stores, StoresError> {
    for name in migrate(database).await? {
        tracing::info!(migration = name, "applied");
    }
    match &database.url {
        DatabaseUrl::Sqlite(file) => open_sqlite(database, file, bus),
        DatabaseUrl::Postgres(url) => open_postgres(database, url, bus).await,
    }
}

fn open_sqlite(database: &Database, file: &Path, bus: Arc<dyn EventBus>) -> Result<Stores, StoresError> {
    let mut options = adapters_sqlite::OpenOptions::new(file, bus);
    // A read that is under way needs a core: more threads than those would wait for each other.
    options.readers = database.pool_size.min(cores());
    options.timeout = database.timeout;
    options.echo = database.echo;
    let store = Arc::new(SqliteStore::open(options).map_err(|error| unusable(SERVING, &error))?);
    Ok(stores(&store, Closing::Sqlite(store.clone())))
}

async fn open_postgres(
    database: &Database,
    url: &SecretString,
    bus: Arc<dyn EventBus>,
) -> Result<Stores, StoresError> {
    let options = adapters_postgres::Options {
        url: url.expose_secret().to_owned(),
        // Every HTTP worker is a runtime.
        pool_size: database.pool_size.div_ceil(cores()),
        timeout: database.timeout,
        row_security: database.row_security,
        bus,
        echo: database.echo,
    };
    let store = Arc::new(PostgresStore::connect(options).await.map_err(|error| connecting(SERVING, &error))?);
    if !store.row_security_active().await.map_err(|error| unusable(SERVING, &error))? {
        tracing::warn!(
            "row-level security is off, as the role in DATABASE_URL owns the tables or bypasses it: give the owner's \
             URL as MIGRATION_DATABASE_URL and another role's as DATABASE_URL"
        );
    }
    Ok(stores(&store, Closing::Postgres(store.clone())))
}

pub(super) fn unusable(variable: &'static str, error: &dyn Error) -> StoresError {
    StoresError::Unusable { variable, problem: error.to_string() }
}

pub(super) fn connecting(variable: &'static str, error: &ConnectError) -> StoresError {
    match error {
        ConnectError::Url(error) => StoresError::Url { variable, problem: error.to_string() },
        ConnectError::Tls(_) | ConnectError::Store(_) => unusable(variable, error),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use domain_testkit::RecordingBus;

    use super::super::{migrations, revert};
    use super::*;
    use crate::settings::Settings;

    fn database(folder: &Path, variables: &[(&str, &str)]) -> Database {
        let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        Settings::load(folder, variables).expect("settings").database
    }

    #[test]
    fn urls_are_checked_without_their_database_and_without_showing_them() {
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
    async fn a_file_in_a_folder_that_is_not_there_is_made_migrated_opened_and_closed() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("deep/er/todos.db");
        let database = database(folder.path(), &[("DATABASE_URL", &format!("sqlite://{}", file.display()))]);
        assert!(migrations(&database).await.expect("a list").iter().all(|(_, applied)| !applied));
        let stores = open(&database, Arc::new(RecordingBus::new())).await.expect("it opens");
        stores.probe.probe().await.expect("it answers");
        assert!(migrations(&database).await.expect("a list").iter().all(|(_, applied)| *applied));
        let Stores { todos, accounts, sessions, one_time, identities, outbox, probe, closing } = stores;
        drop((todos, accounts, sessions, one_time, identities, outbox, probe));
        closing.close().await;
        // SQLite removes its log when the last connection closes in order.
        assert!(!file.with_extension("db-wal").exists());
        assert!(revert(&database).await.expect("it reverts").is_some());
    }
}
