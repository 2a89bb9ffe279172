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
    let replaced = read_replaced(database, now)?;
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
        replaced => Some(end_sessions(&mut conn, replaced.as_ref(), now)?),
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

#[derive(QueryableByName)]
struct IdLine {
    #[diesel(sql_type = Binary)]
    id: Id,
}

/// A row of `revoked_tokens`.
#[derive(QueryableByName)]
struct RevocationLine {
    #[diesel(sql_type = Nullable<Binary>)]
    jti: Option<Id>,
    #[diesel(sql_type = Nullable<Binary>)]
    session_id: Option<Id>,
    #[diesel(sql_type = Binary)]
    user_id: Id,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = BigInt)]
    revoked_at: i64,
    #[diesel(sql_type = BigInt)]
    expires_at: i64,
}

const USERS: &str = "SELECT id, email FROM users WHERE deleted_at IS NULL ORDER BY id";

/// What the database that is replaced tells about the time after the copy.
struct Replaced {
    epochs: Vec<EpochLine>,
    users: HashSet<uuid::Uuid>,
    /// Those whose access tokens may still be accepted.
    sessions: Vec<SessionLine>,
    open: HashSet<uuid::Uuid>,
    /// Those of access tokens that would still be accepted.
    revocations: Vec<RevocationLine>,
}

impl Replaced {
    fn read(conn: &mut SqliteConnection, now: Stamp) -> QueryResult<Self> {
        let users: Vec<UserLine> = diesel::sql_query(USERS).load(conn)?;
        let sessions = "SELECT id, user_id, access_until FROM sessions WHERE access_until > ?";
        let open = "SELECT id FROM sessions WHERE revoked_at IS NULL";
        let open: Vec<IdLine> = diesel::sql_query(open).load(conn)?;
        let revocations =
            "SELECT jti, session_id, user_id, reason, revoked_at, expires_at FROM revoked_tokens
            WHERE expires_at > ? ORDER BY id";
        Ok(Self {
            open: open.into_iter().map(|session| session.id.0).collect(),
            revocations: diesel::sql_query(revocations).bind::<BigInt, _>(now.as_micros()).load(conn)?,
            epochs: diesel::sql_query("SELECT epoch FROM epochs ORDER BY ordinal").load(conn)?,
            users: users.into_iter().map(|user| user.id.0).collect(),
            sessions: diesel::sql_query(sessions).bind::<BigInt, _>(now.as_micros()).load(conn)?,
        })
    }

    /// The users in `restored` who no longer exist in the replaced database.
    fn deleted_since(&self, restored: &mut SqliteConnection) -> QueryResult<Option<Accounts>> {
        let current = current_epoch(restored)?;
        if !self.epochs.iter().any(|known| known.epoch == current.epoch) {
            return Ok(None);
        }
        let users: Vec<UserLine> = diesel::sql_query(USERS).load(restored)?;
        let gone = users.into_iter().filter(|user| !self.users.contains(&user.id.0));
        Ok(Some(gone.map(|user| (UserId(user.id.0), user.email)).collect()))
    }

    /// Whether the replaced database went on from `restored`, and was not itself restored meanwhile, which ends
    /// sessions.
    fn is_later(&self, restored: &mut SqliteConnection) -> QueryResult<bool> {
        let current = current_epoch(restored)?;
        Ok(self.epochs.last().is_some_and(|last| last.epoch == current.epoch))
    }

    /// Ends the sessions in `restored` that are not open in the replaced database, and takes its revocations over.
    /// Returns how many.
    fn end_ended(&self, restored: &mut SqliteConnection, now: Stamp) -> QueryResult<usize> {
        const OPEN: &str = "SELECT id, user_id, access_until FROM sessions WHERE revoked_at IS NULL";
        const END: &str = "UPDATE sessions SET revoke_reason = ?1, revoked_at = ?2 WHERE id = ?3";
        const TAKE_OVER: &str =
            "INSERT INTO revoked_tokens (jti, session_id, user_id, reason, revoked_at, expires_at)
            SELECT ?1, ?2, ?3, ?4, ?5, ?6
            WHERE NOT EXISTS (SELECT 1 FROM revoked_tokens WHERE jti IS ?1 AND session_id IS ?2)";
        restored.immediate_transaction(|conn| {
            for revocation in &self.revocations {
                diesel::sql_query(TAKE_OVER)
                    .bind::<Nullable<Binary>, _>(revocation.jti)
                    .bind::<Nullable<Binary>, _>(revocation.session_id)
                    .bind::<Binary, _>(revocation.user_id)
                    .bind::<Text, _>(&revocation.reason)
                    .bind::<BigInt, _>(revocation.revoked_at)
                    .bind::<BigInt, _>(revocation.expires_at)
                    .execute(conn)?;
            }
            let mut ended: Vec<SessionLine> = diesel::sql_query(OPEN).load(conn)?;
            ended.retain(|session| !self.open.contains(&session.id.0));
            for session in &ended {
                diesel::sql_query(END)
                    .bind::<Text, _>(EndReason::AdminRevoke.as_str())
                    .bind::<BigInt, _>(now.as_micros())
                    .bind::<Binary, _>(session.id)
                    .execute(conn)?;
                if session.access_until > now.as_micros() {
                    revoke(conn, session, now)?;
                }
            }
            Ok(ended.len())
        })
    }
}

fn current_epoch(conn: &mut SqliteConnection) -> QueryResult<EpochLine> {
    diesel::sql_query("SELECT epoch FROM epochs ORDER BY ordinal DESC LIMIT 1").get_result(conn)
}

/// Reads the database that is replaced, and writes its log back into it. `None` if it does not exist or can't be
/// read.
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
    const REVOKE_ALL: &str = "INSERT INTO revoked_tokens (session_id, user_id, reason, revoked_at, expires_at)
        SELECT id, user_id, ?1, ?2, access_until FROM sessions WHERE revoked_at IS NULL AND access_until > ?2";
    const END_ALL: &str = "UPDATE sessions SET revoke_reason = ?1, revoked_at = ?2 WHERE revoked_at IS NULL";
    let (reason, at) = (EndReason::AdminRevoke.as_str(), now.as_micros());
    let ended = conn.immediate_transaction(|conn| {
        diesel::sql_query(REVOKE_ALL).bind::<Text, _>(reason).bind::<BigInt, _>(at).execute(conn)?;
        let ended = diesel::sql_query(END_ALL).bind::<Text, _>(reason).bind::<BigInt, _>(at).execute(conn)?;
        for session in replaced.iter().flat_map(|replaced| &replaced.sessions) {
            revoke(conn, session, now)?;
        }
        QueryResult::Ok(ended)
    });
    Ok(ended?)
}

/// Refuses the access tokens of a session, unless they are refused already.
fn revoke(conn: &mut SqliteConnection, session: &SessionLine, now: Stamp) -> QueryResult<()> {
    const REVOKE: &str = "INSERT INTO revoked_tokens (session_id, user_id, reason, revoked_at, expires_at)
        SELECT ?1, ?2, ?3, ?4, ?5 WHERE NOT EXISTS (SELECT 1 FROM revoked_tokens WHERE session_id = ?1)";
    diesel::sql_query(REVOKE)
        .bind::<Binary, _>(session.id)
        .bind::<Binary, _>(session.user_id)
        .bind::<Text, _>(EndReason::AdminRevoke.as_str())
        .bind::<BigInt, _>(now.as_micros())
        .bind::<BigInt, _>(session.access_until)
        .execute(conn)?;
    Ok(())
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
