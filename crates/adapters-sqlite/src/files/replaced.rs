//! What a database that is replaced tells about the time after the copy that takes its place.

use std::collections::HashSet;
use std::path::Path;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use domain::session::EndReason;
use domain::{Stamp, UserId};

use super::sessions::{SessionLine, revoke};
use super::{FileError, connect};
use crate::connection::Access;
use crate::rows::Id;

/// The ids of accounts, with their addresses.
pub type Accounts = Vec<(UserId, Option<String>)>;

#[derive(QueryableByName)]
struct UserLine {
    #[diesel(sql_type = Binary)]
    id: Id,
    #[diesel(sql_type = Nullable<Text>)]
    email: Option<String>,
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
pub(super) struct Replaced {
    epochs: Vec<EpochLine>,
    users: HashSet<uuid::Uuid>,
    /// Those whose access tokens may still be accepted.
    pub sessions: Vec<SessionLine>,
    open: HashSet<uuid::Uuid>,
    /// Those of access tokens that would still be accepted.
    revocations: Vec<RevocationLine>,
}

impl Replaced {
    /// Reads the database that is replaced, and writes its log back into it. `None` if it does not exist or can't be
    /// read.
    pub fn of(database: &Path, now: Stamp) -> Result<Option<Self>, FileError> {
        if !database.exists() {
            return Ok(None);
        }
        let Ok(mut conn) = connect(database, Access::Write) else { return Ok(None) };
        let read = Self::read(&mut conn, now).ok();
        // Fails while another connection is open, whose log would be taken for that of the restored database.
        match conn.batch_execute("PRAGMA journal_mode = DELETE") {
            Err(error) if error.to_string().contains("locked") => Err(FileError::InUse(database.to_owned())),
            // A damaged database is replaced all the same.
            Ok(()) | Err(_) => Ok(read),
        }
    }

    fn read(conn: &mut SqliteConnection, now: Stamp) -> QueryResult<Self> {
        let users: Vec<UserLine> = diesel::sql_query(USERS).load(conn)?;
        // A session that ended may be gone, but not its revocation.
        let sessions = "SELECT id, user_id, access_until FROM sessions WHERE access_until > ?1
            UNION ALL SELECT session_id, user_id, expires_at FROM revoked_tokens
            WHERE session_id IS NOT NULL AND expires_at > ?1";
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
    pub fn deleted_since(&self, restored: &mut SqliteConnection) -> QueryResult<Option<Accounts>> {
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
    pub fn is_later(&self, restored: &mut SqliteConnection) -> QueryResult<bool> {
        let current = current_epoch(restored)?;
        Ok(self.epochs.last().is_some_and(|last| last.epoch == current.epoch))
    }

    /// Ends the sessions in `restored` that are not open in the replaced database, and takes its revocations over.
    /// Returns how many.
    pub fn end_ended(&self, restored: &mut SqliteConnection, now: Stamp) -> QueryResult<usize> {
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
