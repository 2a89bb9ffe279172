//! Puts a copy in place of a database.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use domain::session::EndReason;
use domain::snapshot::Report;
use domain::sync::Epoch;
use domain::{Stamp, UserId};

use super::{FileError, backup, beside, check, connect, connect_to_copy, flush, flush_folder, unfinished};
use crate::connection::Access;
use crate::epochs::begin_epoch;
use crate::migrations;
use crate::rows::Id;

/// The ids of accounts, with their addresses.
type Accounts = Vec<(UserId, Option<String>)>;

/// A database that was restored.
#[derive(Debug)]
pub struct Restoration {
    /// The file that was replaced, under its new name.
    pub kept: Option<PathBuf>,
    pub epoch: Epoch,
    /// The number of sessions that were ended.
    pub sessions: usize,
    /// The accounts that were deleted after the copy was made, and exist again. `None` if the replaced database
    /// does not tell: it is missing, unreadable, or not a later state of the copy.
    pub deleted: Option<Accounts>,
    /// What a check of the restored database found.
    pub report: Report,
}

/// Puts the copy `backup` in place of `database`, migrated and in a new epoch. Ends every session unless
/// `keep_sessions` is set. The replaced file stays beside it.
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
    let replaced = read_replaced(database, now)?;
    let mut conn = connect(&restored, Access::Write)?;
    let deleted = match &replaced {
        Some(replaced) => replaced.deleted_since(&mut conn)?,
        None => None,
    };
    let epoch = begin_epoch(&restored)?;
    let sessions = if keep_sessions { 0 } else { end_sessions(&mut conn, replaced.as_ref(), now)? };
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

#[derive(QueryableByName)]
struct UserLine {
    #[diesel(sql_type = Binary)]
    id: Id,
    #[diesel(sql_type = Nullable<Text>)]
    email: Option<String>,
}

#[derive(QueryableByName)]
struct SessionLine {
    #[diesel(sql_type = Binary)]
    id: Id,
    #[diesel(sql_type = Binary)]
    user_id: Id,
    #[diesel(sql_type = BigInt)]
    access_until: i64,
}

#[derive(QueryableByName)]
struct EpochLine {
    #[diesel(sql_type = Text)]
    epoch: String,
}

const USERS: &str = "SELECT id, email FROM users WHERE deleted_at IS NULL ORDER BY id";

/// What the database that is replaced tells about the time after the copy.
struct Replaced {
    epochs: Vec<EpochLine>,
    users: HashSet<uuid::Uuid>,
    /// Those whose access tokens may still be accepted.
    sessions: Vec<SessionLine>,
}

impl Replaced {
    fn read(conn: &mut SqliteConnection, now: Stamp) -> QueryResult<Self> {
        let users: Vec<UserLine> = diesel::sql_query(USERS).load(conn)?;
        let sessions = "SELECT id, user_id, access_until FROM sessions WHERE access_until > ?";
        Ok(Self {
            epochs: diesel::sql_query("SELECT epoch FROM epochs").load(conn)?,
            users: users.into_iter().map(|user| user.id.0).collect(),
            sessions: diesel::sql_query(sessions).bind::<BigInt, _>(now.as_micros()).load(conn)?,
        })
    }

    /// The users in `restored` who no longer exist in the replaced database.
    fn deleted_since(&self, restored: &mut SqliteConnection) -> QueryResult<Option<Accounts>> {
        let current: EpochLine = diesel::sql_query("SELECT epoch FROM epochs ORDER BY ordinal DESC LIMIT 1")
            .get_result(restored)?;
        if !self.epochs.iter().any(|known| known.epoch == current.epoch) {
            return Ok(None);
        }
        let users: Vec<UserLine> = diesel::sql_query(USERS).load(restored)?;
        let gone = users.into_iter().filter(|user| !self.users.contains(&user.id.0));
        Ok(Some(gone.map(|user| (UserId(user.id.0), user.email)).collect()))
    }
}

/// Reads the database that is replaced, and writes its log back into it. `None` if there is none, or if it can't
/// be read.
fn read_replaced(database: &Path, now: Stamp) -> Result<Option<Replaced>, FileError> {
    if !database.exists() {
        return Ok(None);
    }
    let Ok(mut conn) = connect(database, Access::Write) else { return Ok(None) };
    let read = Replaced::read(&mut conn, now).ok();
    // Fails while another connection is open, whose log would be taken for that of the restored database.
    match conn.batch_execute("PRAGMA journal_mode = DELETE") {
        Err(error) if error.to_string().contains("locked") => Err(FileError::InUse(database.to_owned())),
        // A damaged database is replaced all the same.
        Ok(()) | Err(_) => Ok(read),
    }
}

/// Ends every session of every user at `now`, as an administrator does after a restore. Returns how many.
pub fn end_all_sessions(database: &Path, now: Stamp) -> Result<usize, FileError> {
    end_sessions(&mut connect(database, Access::Write)?, None, now)
}

/// Ends all sessions, and those that only the replaced database has.
fn end_sessions(
    conn: &mut SqliteConnection,
    replaced: Option<&Replaced>,
    now: Stamp,
) -> Result<usize, FileError> {
    const REVOKE: &str = "INSERT INTO revoked_tokens (session_id, user_id, reason, revoked_at, expires_at)
        SELECT ?1, ?2, ?3, ?4, ?5 WHERE NOT EXISTS (SELECT 1 FROM revoked_tokens WHERE session_id = ?1)";
    const REVOKE_ALL: &str = "INSERT INTO revoked_tokens (session_id, user_id, reason, revoked_at, expires_at)
        SELECT id, user_id, ?1, ?2, access_until FROM sessions WHERE revoked_at IS NULL AND access_until > ?2";
    const END_ALL: &str = "UPDATE sessions SET revoke_reason = ?1, revoked_at = ?2 WHERE revoked_at IS NULL";
    let (reason, at) = (EndReason::AdminRevoke.as_str(), now.as_micros());
    let ended = conn.immediate_transaction(|conn| {
        diesel::sql_query(REVOKE_ALL).bind::<Text, _>(reason).bind::<BigInt, _>(at).execute(conn)?;
        let ended = diesel::sql_query(END_ALL).bind::<Text, _>(reason).bind::<BigInt, _>(at).execute(conn)?;
        for session in replaced.iter().flat_map(|replaced| &replaced.sessions) {
            diesel::sql_query(REVOKE)
                .bind::<Binary, _>(session.id)
                .bind::<Binary, _>(session.user_id)
                .bind::<Text, _>(reason)
                .bind::<BigInt, _>(at)
                .bind::<BigInt, _>(session.access_until)
                .execute(conn)?;
        }
        QueryResult::Ok(ended)
    });
    Ok(ended?)
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
