//! Whole databases: copied, restored, checked, and moved to another store.

use std::path::Path;

use adapters_auth::SystemClock;
use adapters_postgres::ContentError;
use adapters_sqlite::{FileError, Restoration};
use domain::Clock as _;
use domain::snapshot::{Check, Part, Report};
use thiserror::Error;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::{JoinError, spawn_blocking};

use super::error::{DATABASE_URL, DatabaseError};
use super::schema::{MigrationStatus, Schema, lock, migrate, migrations};
use crate::settings::{Database, DatabaseUrl};

/// Why a database can't be copied, restored, checked or moved.
#[derive(Debug, Error)]
pub enum FilesError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Content(#[from] ContentError),
    #[error("the schema of the database is not up to date; run: todo-server migrate up")]
    MigrationsPending,
    #[error("PostgreSQL makes the copy itself; run: pg_dump --format=custom --file={0} \"${1}\"")]
    PgDump(String, &'static str),
    #[error(
        "PostgreSQL restores the copy itself; create an empty database, and run: pg_restore --no-owner \
         --dbname=\"${0}\" {1} && todo-server new-epoch --end-sessions"
    )]
    PgRestore(&'static str, String),
    #[error("a thread ended: {0}")]
    Thread(#[from] JoinError),
}

impl FilesError {
    const fn is_broken_off(&self) -> bool {
        matches!(self, Self::File(FileError::BrokenOff) | Self::Content(ContentError::BrokenOff))
    }
}

/// Copies an SQLite database to the new file `to`, or to `output` if `to` is `-`.
pub async fn back_up(database: &Database, to: &Path) -> Result<Report, FilesError> {
    let DatabaseUrl::Sqlite(file) = &database.url else {
        let to = if to == Path::new("-") { "/dev/stdout".to_owned() } else { quoted(to) };
        return Err(FilesError::PgDump(to, owner_setting(database)));
    };
    let (file, to) = (file.clone(), to.to_owned());
    let done = spawn_blocking(move || {
        if to == Path::new("-") {
            adapters_sqlite::back_up_to(&file, &mut std::io::stdout().lock())
        } else {
            adapters_sqlite::back_up(&file, &to)
        }
    });
    Ok(done.await??)
}

/// Puts a copy in place of an SQLite database that no process uses.
pub async fn restore(
    database: &Database,
    backup: &Path,
    keep_sessions: bool,
) -> Result<Restoration, FilesError> {
    let DatabaseUrl::Sqlite(file) = &database.url else {
        return Err(FilesError::PgRestore(owner_setting(database), quoted(backup)));
    };
    let _lock = lock(database, "restore")?;
    let (file, backup) = (file.clone(), backup.to_owned());
    let now = SystemClock.now();
    Ok(spawn_blocking(move || adapters_sqlite::restore(&backup, &file, keep_sessions, now)).await??)
}

/// Ends every session of every user. Returns how many.
pub async fn end_all_sessions(database: &Database) -> Result<usize, FilesError> {
    let now = SystemClock.now();
    Ok(match Schema::of(database) {
        Schema::Sqlite(file) => {
            let file = file.to_owned();
            spawn_blocking(move || adapters_sqlite::end_all_sessions(&file, now)).await??
        }
        Schema::Postgres { owner, .. } => adapters_postgres::end_all_sessions(owner, now).await?,
    })
}

/// Checks a database beside the servers that use it. With `repair`, first mends what can be recomputed; the
/// number is that of the users whose totals were mended.
pub async fn check(database: &Database, repair: bool) -> Result<(Report, usize), FilesError> {
    refuse_pending(database).await?;
    let report = examine(database).await?;
    if !repair || report.recounts.is_empty() {
        return Ok((report, 0));
    }
    let recounts = report.recounts;
    let repaired = match Schema::of(database) {
        Schema::Sqlite(file) => {
            let file = file.to_owned();
            spawn_blocking(move || adapters_sqlite::repair(&file, &recounts)).await??
        }
        Schema::Postgres { owner, .. } => adapters_postgres::repair(owner, &recounts).await?,
    };
    Ok((examine(database).await?, repaired))
}

async fn examine(database: &Database) -> Result<Report, FilesError> {
    Ok(match Schema::of(database) {
        Schema::Sqlite(file) => {
            let file = file.to_owned();
            spawn_blocking(move || adapters_sqlite::check(&file)).await??
        }
        Schema::Postgres { owner, .. } => adapters_postgres::check(owner).await?,
    })
}

/// A database that was moved, and what was found at each end. The reports' tables are equal unless something is
/// wrong.
pub struct Moved {
    pub source: Report,
    pub target: Report,
}

/// Copies everything from one database, as of one snapshot, into another one, which must be empty. Calls
/// `progress` with the name of the table and the number of its rows so far. If the call fails or is dropped, the
/// target stays empty.
pub async fn transfer(
    from: &Database,
    to: &Database,
    progress: impl FnMut(&'static str, usize),
) -> Result<Moved, FilesError> {
    refuse_pending(from).await?;
    let _locks = (lock(from, "move")?, lock(to, "move")?);
    if let Schema::Postgres { .. } = Schema::of(to) {
        migrate(to).await?;
    }
    let (source, relayed) = channel(4);
    let (relay, target) = channel(4);
    let (read, source, written) =
        tokio::join!(read(from, source), pass_on(relayed, relay, progress), write(to, target));
    match (read, written) {
        (Ok(()), Ok(())) => {}
        (Err(error), Ok(())) => return Err(error),
        // Where the reader failed, the writer only says that nothing more came.
        (read, Err(error)) => return Err(read.err().filter(|_| error.is_broken_off()).unwrap_or(error)),
    }
    Ok(Moved { source, target: examine(to).await? })
}

async fn read(from: &Database, to: Sender<Part>) -> Result<(), FilesError> {
    match Schema::of(from) {
        Schema::Sqlite(file) => {
            let file = file.to_owned();
            Ok(spawn_blocking(move || adapters_sqlite::read_content(&file, &to)).await??)
        }
        Schema::Postgres { owner, .. } => Ok(adapters_postgres::read_content(owner, to).await?),
    }
}

async fn write(to: &Database, mut from: Receiver<Part>) -> Result<(), FilesError> {
    match Schema::of(to) {
        Schema::Sqlite(file) => {
            let file = file.to_owned();
            Ok(spawn_blocking(move || adapters_sqlite::write_content(&file, &mut from)).await??)
        }
        Schema::Postgres { owner, .. } => Ok(adapters_postgres::write_content(owner, from).await?),
    }
}

/// Passes all parts on, and checks them on the way. Ends with either side.
async fn pass_on(
    mut from: Receiver<Part>,
    to: Sender<Part>,
    mut progress: impl FnMut(&'static str, usize),
) -> Report {
    let mut check = Check::new();
    let (mut table_name, mut rows_so_far) = ("", 0);
    while let Some(part) = from.recv().await {
        if let Part::Rows(table, rows) = &part {
            for row in rows {
                check.row(table, row);
            }
            rows_so_far = if table.name == table_name { rows_so_far } else { 0 } + rows.len();
            table_name = table.name;
            progress(table_name, rows_so_far);
        }
        if to.send(part).await.is_err() {
            break;
        }
    }
    check.finish()
}

async fn refuse_pending(database: &Database) -> Result<(), FilesError> {
    if let DatabaseUrl::Sqlite(file) = &database.url
        && !file.exists()
    {
        return Err(FileError::Missing(file.clone()).into());
    }
    let migrations = migrations(database).await?;
    if migrations.iter().any(|(_, status)| *status == MigrationStatus::Pending) {
        return Err(FilesError::MigrationsPending);
    }
    Ok(())
}

fn owner_setting(database: &Database) -> &'static str {
    match Schema::of(database) {
        Schema::Postgres { setting, .. } => setting,
        Schema::Sqlite(_) => DATABASE_URL,
    }
}

/// A path as a shell takes it for one word.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
