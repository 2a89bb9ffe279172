//! How sessions end.

use diesel::prelude::*;
use domain::session::{Ending, Revocation, Revoked};
use domain::{SessionId, UserId};

use super::rows::RevocationRow;
use crate::error::Failure;
use crate::rows::Id;
use crate::schema::{revoked_tokens, sessions};

/// Ends every session of the user but `keep`.
pub(crate) fn end_all(
    conn: &mut SqliteConnection,
    user: UserId,
    keep: Option<SessionId>,
    ending: Ending,
) -> Result<Vec<Revocation>, Failure> {
    let all: Vec<Id> = sessions::table
        .filter(sessions::user_id.eq(Id::from(user)))
        .filter(sessions::revoked_at.is_null())
        .select(sessions::id)
        .load(conn)?;
    let chosen: Vec<_> = all.into_iter().map(|id| SessionId(id.0)).filter(|id| Some(*id) != keep).collect();
    end(conn, user, &chosen, ending)
}

/// Ends those of the sessions that are the user's and have not ended, and stores their revocations.
pub(super) fn end(
    conn: &mut SqliteConnection,
    user: UserId,
    chosen: &[SessionId],
    ending: Ending,
) -> Result<Vec<Revocation>, Failure> {
    if chosen.is_empty() {
        return Ok(Vec::new());
    }
    let ended: Vec<Id> = diesel::update(sessions::table.filter(sessions::user_id.eq(Id::from(user))))
        .filter(sessions::id.eq_any(chosen.iter().copied().map(Id::from)))
        .filter(sessions::revoked_at.is_null())
        .set((
            sessions::revoked_at.eq(ending.at.as_micros()),
            sessions::revoke_reason.eq(ending.reason.as_str()),
        ))
        .returning(sessions::id)
        .get_results(conn)?;
    let Ending { reason, at, until } = ending;
    let revocations: Vec<_> = ended
        .into_iter()
        .map(|id| Revocation { what: Revoked::Session(SessionId(id.0)), user, reason, at, until })
        .collect();
    let rows: Vec<_> = revocations.iter().map(RevocationRow::from).collect();
    diesel::insert_into(revoked_tokens::table).values(&rows).execute(conn)?;
    Ok(revocations)
}

/// Stores that everything of the user ended, in place of whatever ended before.
pub(crate) fn revoke_user(
    conn: &mut SqliteConnection,
    user: UserId,
    ending: Ending,
) -> Result<Revocation, Failure> {
    let Ending { reason, at, until } = ending;
    let revocation = Revocation { what: Revoked::User(user), user, reason, at, until };
    diesel::delete(revoked_tokens::table.filter(revoked_tokens::user_id.eq(Id::from(user)))).execute(conn)?;
    diesel::insert_into(revoked_tokens::table).values(RevocationRow::from(&revocation)).execute(conn)?;
    Ok(revocation)
}
