//! Ends sessions in a file.

use std::path::Path;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Text};
use domain::Stamp;
use domain::session::EndReason;

use super::{FileError, connect};
use crate::connection::Access;
use crate::rows::Id;

#[derive(QueryableByName)]
pub(super) struct SessionLine {
    #[diesel(sql_type = Binary)]
    pub id: Id,
    #[diesel(sql_type = Binary)]
    pub user_id: Id,
    #[diesel(sql_type = BigInt)]
    pub access_until: i64,
}

/// Ends every session of every user at `now`, as an administrator does after a restore. Returns how many.
pub fn end_all_sessions(database: &Path, now: Stamp) -> Result<usize, FileError> {
    end_sessions(&mut connect(database, Access::Write)?, &[], now)
}

/// Ends all sessions, and `others`, which the database may not have.
pub(super) fn end_sessions(
    conn: &mut SqliteConnection,
    others: &[SessionLine],
    now: Stamp,
) -> Result<usize, FileError> {
    const REVOKE_ALL: &str = "INSERT INTO revoked_tokens (session_id, user_id, reason, revoked_at, expires_at)
        SELECT id, user_id, ?1, ?2, access_until FROM sessions WHERE revoked_at IS NULL AND access_until > ?2";
    const END_ALL: &str = "UPDATE sessions SET revoke_reason = ?1, revoked_at = ?2 WHERE revoked_at IS NULL";
    let (reason, at) = (EndReason::AdminRevoke.as_str(), now.as_micros());
    let ended = conn.immediate_transaction(|conn| {
        diesel::sql_query(REVOKE_ALL).bind::<Text, _>(reason).bind::<BigInt, _>(at).execute(conn)?;
        let ended = diesel::sql_query(END_ALL).bind::<Text, _>(reason).bind::<BigInt, _>(at).execute(conn)?;
        for session in others {
            revoke(conn, session, now)?;
        }
        QueryResult::Ok(ended)
    });
    Ok(ended?)
}

/// Refuses the access tokens of a session, unless they are refused already.
pub(super) fn revoke(conn: &mut SqliteConnection, session: &SessionLine, now: Stamp) -> QueryResult<()> {
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
