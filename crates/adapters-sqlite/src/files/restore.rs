//! Puts a copy in place of a database.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection as _;
use domain::Stamp;
use domain::snapshot::Report;
use domain::sync::Epoch;

use super::replaced::{Accounts, Replaced};
use super::sessions::end_sessions;
use super::{FileError, backup, beside, check, connect, connect_to_copy, flush, flush_folder, unfinished};
use crate::connection::Access;
use crate::epochs::begin_epoch;
use crate::migrations;

/// A database that was restored.
#[derive(Debug)]
pub struct Restoration {
    /// The file that was replaced, under its new name.
    pub kept: Option<PathBuf>,
    pub epoch: Epoch,
    /// The number of sessions that were ended. `None` if they stay open, and the replaced database does not tell
    /// which of them were ended after the copy was made.
    pub sessions: Option<usize>,
    /// The accounts that were deleted after the copy was made, and exist again. `None` if the replaced database
    /// does not tell: it is missing, unreadable, or not a later state of the copy.
    pub deleted: Option<Accounts>,
    /// What a check of the restored database found.
    pub report: Report,
}

/// Puts the copy `backup` in place of `database`, migrated and in a new epoch. Ends every session; with
/// `keep_sessions`, only those that were ended after the copy was made. The replaced file stays beside it.
///
/// The caller has the file's [lock](crate::FileLock). If the call fails or the process dies, the database is the
/// old one or the restored one, whole.
pub fn restore(
    backup: &Path,
    database: &Path,
    keep_sessions: bool,
    now: Stamp,
) -> Result<Restoration, FileError> {
    let mut source = connect_to_copy(backup)?;
    migrations::refuse_newer(&mut source)?;
    if let Some(problem) = migrations::difference(&mut source)? {
        return Err(FileError::Foreign { path: backup.to_owned(), problem });
    }
    check::examine(&mut source, backup)?;
    let restored = unfinished(database)?;
    backup::vacuum_into(&mut source, &restored)?;
    drop(source);
    migrations::migrate(&restored)?;
    let replaced = Replaced::of(database, now)?;
    let mut conn = connect(&restored, Access::Write)?;
    let deleted = match &replaced {
        Some(replaced) => replaced.deleted_since(&mut conn)?,
        None => None,
    };
    let is_later = match &replaced {
        Some(replaced) => replaced.is_later(&mut conn)?,
        None => false,
    };
    let epoch = begin_epoch(&restored)?;
    let sessions = match replaced {
        Some(replaced) if keep_sessions && is_later => Some(replaced.end_ended(&mut conn, now)?),
        _ if keep_sessions => None,
        Some(replaced) => Some(end_sessions(&mut conn, &replaced.sessions, now)?),
        None => Some(end_sessions(&mut conn, &[], now)?),
    };
    let report = check::examine(&mut conn, &restored)?;
    // Without a log, the file is complete in itself, and nothing of it stays behind under its present name.
    conn.batch_execute("PRAGMA journal_mode = DELETE")?;
    drop(conn);
    flush(&restored, database)?;
    let kept = keep(database, now)?;
    restored
        .persist(database)
        .map_err(|error| FileError::Write { path: database.to_owned(), source: error.error })?;
    flush_folder(database)?;
    Ok(Restoration { kept, epoch, sessions, deleted, report })
}

/// Gives the replaced file a second name, and takes its log away. Returns the name.
///
/// A database that could be read has no log any more. A damaged one may have: SQLite would apply it to the
/// restored file.
fn keep(database: &Path, now: Stamp) -> Result<Option<PathBuf>, FileError> {
    if !database.exists() {
        return Ok(None);
    }
    let time: String = now.to_rfc3339().chars().filter(char::is_ascii_alphanumeric).collect();
    let kept = beside(database, &format!(".replaced-{time}"));
    let failed = |source| FileError::Write { path: kept.clone(), source };
    fs::hard_link(database, &kept).map_err(failed)?;
    for suffix in ["-wal", "-shm"] {
        match fs::rename(beside(database, suffix), beside(&kept, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    flush_folder(database)?;
    Ok(Some(kept))
}
