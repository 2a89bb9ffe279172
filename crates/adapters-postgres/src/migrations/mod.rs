//! Migrations of the schema, embedded in the binary. A lock allows several instances to start at once.

mod digests;
mod lock;
mod revert;
mod text_forms;
mod title_keys;
mod wait;

use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::sql_types::{Bool, Text};
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use thiserror::Error;

use self::lock::{LockTimeouts, locked};
use crate::error::{ConnectError, unavailable};
use crate::row_security::RowSecurity;
use crate::sql::{Sql, sql};
use crate::url::Target;
use crate::{connector, pooler, tls};

pub use revert::{Contents, Reversion, revert_last};
pub use wait::wait_for;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// The time-out of a connection attempt. Statements have none.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why the schema can't be read or changed.
#[derive(Debug, Error)]
pub enum MigrateError {
    /// The database to migrate can't be used.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The database that the server uses can't be used.
    #[error(transparent)]
    App(ConnectError),
    /// The server uses a database other than the migrated one.
    #[error("it is not the database that was migrated, or its role has another search_path")]
    OtherDatabase,
    /// A later version of this program migrated the database.
    #[error(
        "a newer version of this program has applied the migrations {}, which this version does not know; run \
         that version", .unknown.join(", ")
    )]
    Newer { unknown: Vec<String> },
    /// Another instance has been changing the schema for too long.
    #[error(
        "another instance has been changing the database schema for a minute (process {holder} of PostgreSQL, see \
         pg_stat_activity); try again when it is done, or end it"
    )]
    Locked { holder: String },
    /// A migration failed. None of the call's migrations was applied.
    #[error("migration failed: {0}")]
    Failed(String),
    /// The new epoch was not recorded.
    #[error("no new epoch was begun: {0}")]
    Epoch(String),
}

/// One migration, and whether it has been applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationState {
    pub name: String,
    pub applied: bool,
    /// Whether this program contains the migration. If it does not, a newer version applied it.
    pub known: bool,
}

/// Applies all pending migrations as the role of `url` in one transaction, and returns their names.
///
/// If `app_url` has another role, that role gets the privileges that the server needs. If the URLs differ,
/// this function connects to `app_url` and checks that it leads to the migrated database: the current epoch
/// there is one of the migrated database, unless one of them is a copy of the other.
///
/// If nothing is pending and the URLs are equal, the server's own privileges suffice.
pub async fn migrate(url: &str, app_url: &str) -> Result<Vec<String>, MigrateError> {
    let (owner, app) = (target(url)?, target(app_url)?);
    let role = app.config.get_user().filter(|role| Some(*role) != owner.config.get_user());
    if url == app_url {
        let status = migration_status(url).await?;
        check_known(&status)?;
        if status.iter().all(|migration| migration.applied) {
            return Ok(Vec::new());
        }
    }
    let grants = role.map(grants);
    let (mut conn, versions) = locked(connect(&owner).await?, LockTimeouts::USUAL, true, move |harness| {
        refuse_newer(harness)?;
        let applied = apply_pending(harness)?;
        if let Some(grants) = grants {
            harness.batch_execute(&grants)?;
        }
        Ok(applied)
    })
    .await?;
    if url != app_url {
        let found = current_epoch(&app).await.map_err(|error| match error {
            MigrateError::Connect(error) => MigrateError::App(error),
            // The role may lack the privilege to read it.
            _ => MigrateError::OtherDatabase,
        })?;
        if !has_epoch(found, &mut conn).await? {
            return Err(MigrateError::OtherDatabase);
        }
    }
    Ok(versions.iter().map(|version| name_of(version)).collect())
}

/// Makes the schema restrict what `row_security` says, as the role of `url`, which owns it. Every migration must
/// have been applied.
///
/// Stores with [`RowSecurity::All`] work with either; a store with [`RowSecurity::Writes`] is not ready while
/// reads are restricted.
pub async fn set_row_security(url: &str, row_security: RowSecurity) -> Result<(), MigrateError> {
    let open = match row_security {
        RowSecurity::Writes => READS_OPEN,
        RowSecurity::All => READS_RESTRICTED,
    };
    let conn = connect(&target(url)?).await?;
    let set = locked(conn, LockTimeouts::USUAL, true, move |harness| {
        refuse_newer(harness)?;
        Ok(harness.batch_execute(open)?)
    });
    set.await.map(drop)
}

/// `stable`, because PostgreSQL would keep the value of an immutable function in the plans of statements.
const READS_OPEN: &str = "create or replace function todo_reads_open() returns boolean language sql stable \
    parallel safe as $$ select true $$";
const READS_RESTRICTED: &str = "create or replace function todo_reads_open() returns boolean language sql stable \
    parallel safe as $$ select false $$";

/// Returns every migration that this program knows, the oldest first, and then those that only the database
/// knows.
pub async fn migration_status(url: &str) -> Result<Vec<MigrationState>, MigrateError> {
    let (_, states) = blocking(connect(&target(url)?).await?, states).await?;
    Ok(states)
}

fn states(conn: &mut Harness) -> Outcome<Vec<MigrationState>> {
    let table: Sql<'_, Bool> = sql("select to_regclass('__diesel_schema_migrations') is not null");
    let mut applied = Vec::new();
    if diesel::RunQueryDsl::get_result(table, conn)? {
        let versions: Sql<'_, Text> =
            sql("select version::text from __diesel_schema_migrations order by version");
        applied = diesel::RunQueryDsl::load::<String>(versions, conn)?;
    }
    let known = all();
    let is_known = |version: &String| known.iter().any(|(known, _)| known == version);
    let newer = applied.iter().filter(|version| !is_known(version));
    let newer: Vec<_> =
        newer.map(|version| MigrationState { name: version.clone(), applied: true, known: false }).collect();
    let state = |(version, name)| MigrationState { applied: applied.contains(&version), name, known: true };
    Ok(known.into_iter().map(state).chain(newer).collect())
}

/// Refuses a schema that a newer version of this program has changed.
fn refuse_newer(conn: &mut Harness) -> Outcome<()> {
    Ok(check_known(&states(conn)?)?)
}

fn check_known(states: &[MigrationState]) -> Result<(), MigrateError> {
    let unknown = states.iter().filter(|state| !state.known);
    match unknown.map(|state| state.name.clone()).collect::<Vec<_>>() {
        unknown if unknown.is_empty() => Ok(()),
        unknown => Err(MigrateError::Newer { unknown }),
    }
}

/// Applies all pending migrations and returns their versions.
fn apply_pending(conn: &mut Harness) -> Outcome<Vec<String>> {
    let applied: Vec<_> = conn.run_pending_migrations(MIGRATIONS)?.iter().map(ToString::to_string).collect();
    for version in &applied {
        match version.as_str() {
            digests::SINCE => digests::compute(conn)?,
            text_forms::SINCE => text_forms::renew(conn)?,
            title_keys::SINCE => title_keys::compute(conn)?,
            _ => {}
        }
    }
    Ok(applied)
}

/// Returns the current epoch of a database. Fails if it has no schema.
async fn current_epoch(target: &Target) -> Result<String, MigrateError> {
    let newest: Sql<'_, Text> = sql("select e.epoch from epochs e order by e.ordinal desc limit 1");
    newest.get_result(&mut connect(target).await?).await.map_err(|e| failed(&e))
}

async fn has_epoch(epoch: String, conn: &mut AsyncPgConnection) -> Result<bool, MigrateError> {
    let question =
        sql("select exists (select from epochs e where e.epoch = ").bind::<Text, _>(epoch).sql(")");
    holds(question, conn).await
}

async fn holds(question: Sql<'_, Bool>, conn: &mut AsyncPgConnection) -> Result<bool, MigrateError> {
    question.get_result(conn).await.map_err(|e| failed(&e))
}

pub(crate) fn target(url: &str) -> Result<Target, ConnectError> {
    Ok(Target::parse(url, CONNECT_TIMEOUT)?)
}

/// Opens a connection on which statements have no time limit.
pub(crate) async fn connect(target: &Target) -> Result<AsyncPgConnection, MigrateError> {
    let tls = tls::connector(target.verification, &target.roots).map_err(ConnectError::from)?;
    let target = pooler::reach(target.clone(), &tls, Duration::ZERO).await?;
    let conn = connector::open(&target, tls).await.map_err(|e| ConnectError::from(unavailable(&e)))?;
    Ok(conn)
}

type Harness = AsyncConnectionWrapper<AsyncPgConnection>;
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Runs diesel's migrations, which need a blocking connection.
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
    done.map_err(failure)
}

/// The error of [`blocking`] work, which may be one of this module.
fn failure(error: Box<dyn std::error::Error + Send + Sync>) -> MigrateError {
    error
        .downcast::<MigrateError>()
        .map_or_else(|error| MigrateError::Failed(error.to_string()), |error| *error)
}

fn failed(error: &diesel::result::Error) -> MigrateError {
    MigrateError::Failed(error.to_string())
}

/// Returns the version and the name of each embedded migration, in order.
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

/// The privileges that the server's role needs.
fn grants(role: &str) -> String {
    let role = role.replace('"', "\"\"");
    format!(
        "grant select, insert, update, delete on users, todos, sessions, refresh_tokens, revoked_tokens, external_identities, \
             one_time_tokens, mail_outbox to \"{role}\";
         grant execute on function todo_is_anothers(uuid, uuid), todo_disabled_users(), todo_begin_timeline() to \"{role}\";
         grant select on epochs, __diesel_schema_migrations to \"{role}\";
         grant usage on sequence todo_numbers to \"{role}\";"
    )
}
