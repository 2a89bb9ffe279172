//! Statements on `sessions`, `refresh_tokens` and `revoked_tokens`.

use std::net::IpAddr;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};
use domain::session::{
    Ending, LoginFacts, NewSession, OpenRefusal, OpenedSession, Proof, Revocation, Revoked, Session,
    Successor,
};
use domain::text::ClientId;
use domain::{SessionId, Stamp, StoreError, UserId};

use crate::error::Failure;
use crate::rows::{Id, RevocationRow, UserRow, stamp};
use crate::schema::{refresh_tokens, revoked_tokens, sessions, users};

/// Ends every session of the user except `keep`, and records the revocations.
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
    let selected: Vec<_> = all.into_iter().map(|id| SessionId(id.0)).filter(|id| Some(*id) != keep).collect();
    end(conn, user, &selected, ending)
}

/// Ends those of the given sessions that belong to the user and are still open, and records their
/// revocations.
pub(crate) fn end(
    conn: &mut SqliteConnection,
    user: UserId,
    selected: &[SessionId],
    ending: Ending,
) -> Result<Vec<Revocation>, Failure> {
    if selected.is_empty() {
        return Ok(Vec::new());
    }
    let ended: Vec<(Id, i64)> = diesel::update(sessions::table.filter(sessions::user_id.eq(Id::from(user))))
        .filter(sessions::id.eq_any(selected.iter().copied().map(Id::from)))
        .filter(sessions::revoked_at.is_null())
        .set((
            sessions::revoked_at.eq(ending.at.as_micros()),
            sessions::revoke_reason.eq(ending.reason.as_str()),
        ))
        .returning((sessions::id, sessions::access_until))
        .get_results(conn)?;
    let Ending { reason, at, until } = ending;
    let revocation = |(id, access_until): (Id, i64)| {
        let until = until.max(stamp("sessions", "access_until", access_until)?);
        Ok(Revocation { what: Revoked::Session(SessionId(id.0)), user, reason, at, until })
    };
    let revocations = ended.into_iter().map(revocation).collect::<Result<Vec<_>, StoreError>>()?;
    let rows: Vec<_> = revocations.iter().map(RevocationRow::from).collect();
    diesel::insert_into(revoked_tokens::table).values(&rows).execute(conn)?;
    Ok(revocations)
}

/// Records a revocation of the whole user.
pub(crate) fn revoke_user(
    conn: &mut SqliteConnection,
    user: UserId,
    ending: Ending,
) -> Result<Revocation, Failure> {
    let Ending { reason, at, until } = ending;
    let revocation = Revocation { what: Revoked::User(user), user, reason, at, until };
    diesel::insert_into(revoked_tokens::table).values(RevocationRow::from(&revocation)).execute(conn)?;
    Ok(revocation)
}

/// Whether the user could still refresh the session: it is live, and the account is enabled. `None` counts as live.
pub(crate) fn is_live(
    conn: &mut SqliteConnection,
    user: UserId,
    session: Option<SessionId>,
    now: Stamp,
) -> QueryResult<bool> {
    let Some(session) = session else { return Ok(true) };
    let enabled =
        users::table.filter(users::id.eq(Id::from(user))).filter(users::is_active).select(users::id);
    let live = sessions::table
        .filter(sessions::id.eq(Id::from(session)))
        .filter(sessions::user_id.eq_any(enabled))
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::expires_at.gt(now.as_micros()));
    diesel::select(diesel::dsl::exists(live)).get_result(conn)
}

/// Opens a session and records the login. Ends the oldest live sessions so that at most `cap` remain.
pub(crate) fn open(
    conn: &mut SqliteConnection,
    user: UserId,
    session: &NewSession,
    cap: u32,
    ending: Ending,
) -> Result<Result<OpenedSession, OpenRefusal>, Failure> {
    let linked_at = match &session.proof {
        Proof::Identity { provider, subject } => {
            super::external_identities::linked_at(conn, user, provider, subject)?
        }
        _ => None,
    };
    let facts = LoginFacts { user: super::users::by_id(conn, user)?, linked_at };
    let trusted_from = match session.check(&facts, ending.at) {
        Ok(trusted_from) => trusted_from,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let row = diesel::update(users::table.filter(users::id.eq(Id::from(user))))
        .set(users::last_login_at.eq(ending.at.as_micros()))
        .returning(UserRow::as_returning())
        .get_result(conn)?;
    let mut live: Vec<Id> = sessions::table
        .filter(sessions::user_id.eq(Id::from(user)))
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::expires_at.gt(ending.at.as_micros()))
        .order((sessions::created_at, sessions::id))
        .select(sessions::id)
        .load(conn)?;
    let room = usize::try_from(cap).unwrap_or(usize::MAX).saturating_sub(1);
    live.truncate(live.len().saturating_sub(room));
    let oldest: Vec<_> = live.into_iter().map(|id| SessionId(id.0)).collect();
    let ended = end(conn, user, &oldest, ending)?;
    remove_ended(conn, user)?;
    insert(conn, user, session, trusted_from, ending.at)?;
    Ok(Ok(OpenedSession { user: Box::new(row.try_into()?), ended }))
}

/// Deletes ended sessions beyond those that are kept.
fn remove_ended(conn: &mut SqliteConnection, user: UserId) -> QueryResult<()> {
    // The plus sign keeps the outer condition from being an index's: it would walk all of the user's rows.
    diesel::sql_query(
        "DELETE FROM sessions WHERE +user_id = ?1 AND id IN (
            SELECT id FROM sessions WHERE user_id = ?1 AND revoked_at IS NOT NULL
            ORDER BY created_at DESC, id DESC LIMIT ?2 OFFSET ?3)",
    )
    .bind::<Binary, _>(Id::from(user))
    .bind::<BigInt, _>(i64::from(Session::ENDED_REMOVED))
    .bind::<BigInt, _>(i64::from(Session::ENDED_KEPT))
    .execute(conn)?;
    Ok(())
}

/// Inserts a session that begins at `now`, with its first refresh token.
pub(crate) fn insert(
    conn: &mut SqliteConnection,
    user: UserId,
    session: &NewSession,
    trusted_from: Stamp,
    now: Stamp,
) -> QueryResult<()> {
    diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(Id::from(session.id)),
            sessions::user_id.eq(Id::from(user)),
            sessions::client_id.eq(session.device.client_id.as_ref().map(ClientId::as_str)),
            sessions::user_agent.eq(session.device.user_agent.as_deref()),
            sessions::ip.eq(session.device.ip.as_ref().map(IpAddr::to_string)),
            sessions::created_at.eq(now.as_micros()),
            sessions::last_used_at.eq(now.as_micros()),
            sessions::expires_at.eq(session.expires_at.as_micros()),
            sessions::access_until.eq(session.access_until.as_micros()),
            sessions::trusted_from.eq(trusted_from.as_micros()),
        ))
        .execute(conn)?;
    let first = Successor {
        id: session.token,
        hash: session.hash,
        expires_at: session.expires_at,
        access_until: session.access_until,
    };
    insert_token(conn, user, session.id, 0, first, now)
}

pub(crate) fn insert_token(
    conn: &mut SqliteConnection,
    user: UserId,
    session: SessionId,
    generation: u32,
    token: Successor,
    now: Stamp,
) -> QueryResult<()> {
    diesel::insert_into(refresh_tokens::table)
        .values((
            refresh_tokens::id.eq(Id::from(token.id)),
            refresh_tokens::session_id.eq(Id::from(session)),
            refresh_tokens::user_id.eq(Id::from(user)),
            refresh_tokens::token_hash.eq(token.hash.0.as_slice()),
            refresh_tokens::generation.eq(i64::from(generation)),
            refresh_tokens::issued_at.eq(now.as_micros()),
            refresh_tokens::expires_at.eq(token.expires_at.as_micros()),
            refresh_tokens::located.eq(true),
        ))
        .execute(conn)?;
    Ok(())
}
