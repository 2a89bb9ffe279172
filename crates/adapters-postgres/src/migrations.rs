//! The schema: embedded in the binary, applied under a lock, so that several instances may start at once.

use std::time::Duration;

use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::sql_types::{Bool, Text};
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use thiserror::Error;

use crate::error::{ConnectError, unavailable};
use crate::sql::{Sql, sql};
use crate::url::Target;
use crate::{connector, tls};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// Any number will do that no other program uses for this.
const LOCK: &str = "select pg_advisory_lock(7210935518024177)";

/// A connection attempt ends after this. Statements may take as long as they need.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why the schema could not be looked at or changed.
#[derive(Debug, Error)]
pub enum MigrateError {
    /// The database can't be used at all.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The database that the server is to use can't be.
    #[error(transparent)]
    App(ConnectError),
    /// The server is to use a database that was not the one to be migrated.
    #[error(
        "it is another database than the one that was migrated, or its role looks into other schemas of it"
    )]
    OtherDatabase,
    /// A migration failed and left nothing behind.
    #[error("migration failed: {0}")]
    Failed(String),
}

/// One migration and whether the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationState {
    /// Its name, which begins with its date.
    pub name: String,
    /// Whether it is applied.
    pub applied: bool,
}

/// Applies what is missing as the role of `url`, and gives the names. Then lets the role of `app_url` use the tables, where that
/// is another one, and, logging in as that, makes sure that it finds them: the epochs of two databases differ, but for copies. Where
/// nothing is missing and the URL is the same, no more rights are needed than the server has.
pub async fn migrate(url: &str, app_url: &str) -> Result<Vec<String>, MigrateError> {
    let (owner, app) = (target(url)?, target(app_url)?);
    let role = app.config.get_user().filter(|role| Some(*role) != owner.config.get_user());
    if url == app_url && migration_status(url).await?.iter().all(|migration| migration.applied) {
        return Ok(Vec::new());
    }
    let conn = lock(connect(&owner).await?).await?;
    let (mut conn, versions) = blocking(conn, |harness| {
        let applied = harness.run_pending_migrations(MIGRATIONS)?;
        Ok(applied.iter().map(ToString::to_string).collect::<Vec<_>>())
    })
    .await?;
    if let Some(role) = role {
        conn.batch_execute(&grants(role)).await.map_err(|e| failed(&e))?;
    }
    if url != app_url {
        let found = epoch_of(&app).await.map_err(|error| match error {
            MigrateError::Connect(error) => MigrateError::App(error),
            // It may be there and not for this role.
            _ => MigrateError::OtherDatabase,
        })?;
        if found != epoch(&mut conn).await? {
            return Err(MigrateError::OtherDatabase);
        }
    }
    Ok(versions.iter().map(|version| name_of(version)).collect())
}

/// Takes back the migration applied last, and gives its name; `None` where none is applied.
pub async fn revert_last(url: &str) -> Result<Option<String>, MigrateError> {
    let conn = lock(connect(&target(url)?).await?).await?;
    let (_, version) = blocking(conn, |harness| {
        if harness.applied_migrations()?.is_empty() {
            return Ok(None);
        }
        Ok(Some(harness.revert_last_migration(MIGRATIONS)?.to_string()))
    })
    .await?;
    Ok(version.map(|version| name_of(&version)))
}

/// Every migration, in order. Reads only.
pub async fn migration_status(url: &str) -> Result<Vec<MigrationState>, MigrateError> {
    let mut conn = connect(&target(url)?).await?;
    let table = sql("select to_regclass('__diesel_schema_migrations') is not null");
    let applied = if is_there(table, &mut conn).await? {
        let versions: Sql<'_, Text> = sql("select version::text from __diesel_schema_migrations");
        versions.load::<String>(&mut conn).await.map_err(|e| failed(&e))?
    } else {
        Vec::new()
    };
    let state = |(version, name)| MigrationState { applied: applied.contains(&version), name };
    Ok(all().into_iter().map(state).collect())
}

async fn epoch_of(target: &Target) -> Result<Option<String>, MigrateError> {
    epoch(&mut connect(target).await?).await
}

/// What names the history of a database; `None` where it has no schema.
async fn epoch(conn: &mut AsyncPgConnection) -> Result<Option<String>, MigrateError> {
    if !is_there(sql("select to_regclass('database_epoch') is not null"), conn).await? {
        return Ok(None);
    }
    let epoch: Sql<'_, Text> = sql("select epoch from database_epoch");
    epoch.get_result(conn).await.map(Some).map_err(|e| failed(&e))
}

async fn is_there(table: Sql<'static, Bool>, conn: &mut AsyncPgConnection) -> Result<bool, MigrateError> {
    table.get_result(conn).await.map_err(|e| failed(&e))
}

fn target(url: &str) -> Result<Target, ConnectError> {
    Ok(Target::parse(url, PATIENCE)?)
}

async fn connect(target: &Target) -> Result<AsyncPgConnection, MigrateError> {
    let tls = tls::connector(target.verification, &target.roots).map_err(ConnectError::from)?;
    let conn = connector::open(target, tls).await.map_err(|e| ConnectError::from(unavailable(&e)))?;
    Ok(conn)
}

/// The lock is the connection's and ends with it.
async fn lock(mut conn: AsyncPgConnection) -> Result<AsyncPgConnection, MigrateError> {
    conn.batch_execute(LOCK).await.map_err(|e| failed(&e))?;
    Ok(conn)
}

type Harness = AsyncConnectionWrapper<AsyncPgConnection>;
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Diesel's migrations know no async connection.
async fn blocking<T: Send + 'static>(
    conn: AsyncPgConnection,
    work: impl FnOnce(&mut Harness) -> Outcome<T> + Send + 'static,
) -> Result<(AsyncPgConnection, T), MigrateError> {
    let task = tokio::task::spawn_blocking(move || {
        let mut harness = Harness::from(conn);
        let done = work(&mut harness);
        done.map(|done| (harness.into_inner(), done))
    });
    let done = task.await.map_err(|e| MigrateError::Failed(e.to_string()))?;
    done.map_err(|e| MigrateError::Failed(e.to_string()))
}

fn failed(error: &diesel::result::Error) -> MigrateError {
    MigrateError::Failed(error.to_string())
}

/// Version and name of each, in order.
fn all() -> Vec<(String, String)> {
    let migrations: Vec<Box<dyn Migration<Pg>>> = MIGRATIONS.migrations().unwrap_or_default();
    let named = migrations.iter().map(|migration| {
        let name = migration.name();
        (name.version().to_string(), name.to_string())
    });
    let mut all: Vec<_> = named.collect();
    all.sort_unstable();
    all
}

fn name_of(version: &str) -> String {
    all().into_iter().find(|(known, _)| known == version).map_or_else(|| version.to_owned(), |(_, name)| name)
}

/// What the server's role needs and no more.
fn grants(role: &str) -> String {
    let role = role.replace('"', "\"\"");
    format!(
        "grant select, insert, update, delete on users, todos, sessions, refresh_tokens, revoked_tokens, external_identities, \
             one_time_tokens, mail_outbox to \"{role}\";
         grant execute on function todo_is_anothers(uuid, uuid), todo_disabled_users() to \"{role}\";
         grant select on database_epoch, __diesel_schema_migrations to \"{role}\";
         grant usage on sequence todo_numbers to \"{role}\";"
    )
}
