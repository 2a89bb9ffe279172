//! Sessions, refresh tokens and revocations.

mod end;
mod rotate;
mod rows;
mod sweep;

use std::net::IpAddr;

use async_trait::async_trait;
use diesel::dsl::not;
use diesel::prelude::*;
use domain::session::refresh::RefreshFacts;
use domain::session::{
    Device, Ending, NewSession, Opened, Refreshed, Revocation, RevocationNews, Session, SessionStore,
    Successor, TokenHash,
};
use domain::text::ClientId;
use domain::{SessionId, Stamp, StoreError, UserId};

use crate::SqliteStore;
use crate::accounts;
use crate::error::Failure;
use crate::readers::in_snapshot;
use crate::rows::{Id, all};
use crate::schema::{refresh_tokens, revoked_tokens, sessions, users};
use crate::writer::Done;

pub(crate) use end::{end_all, revoke_user};
pub(crate) use rows::SessionRow;

use end::end;
use rotate::{find, rotate, touch};
use rows::RevocationRow;

#[async_trait]
impl SessionStore for SqliteStore {
    async fn open(
        &self,
        user: UserId,
        session: NewSession,
        cap: u32,
        ending: Ending,
    ) -> Result<Opened, StoreError> {
        self.write(move |conn| open(conn, user, &session, cap, ending).map(Done::quiet)).await
    }

    async fn find(&self, hash: &TokenHash) -> Result<Option<RefreshFacts>, StoreError> {
        let hash = *hash;
        self.read(move |conn| in_snapshot(conn, |conn| find(conn, hash))).await
    }

    async fn live(&self, user: UserId, now: Stamp) -> Result<Vec<Session>, StoreError> {
        self.read(move |conn| {
            let rows = sessions::table
                .filter(sessions::user_id.eq(Id::from(user)))
                .filter(sessions::revoked_at.is_null())
                .filter(sessions::expires_at.gt(now.as_micros()))
                .order((sessions::last_used_at.desc(), sessions::id.desc()))
                .select(SessionRow::as_select())
                .load(conn)?;
            Ok(all(rows)?)
        })
        .await
    }

    async fn rotate(
        &self,
        presented: &TokenHash,
        successor: Successor,
        device: &Device,
        ending: Ending,
    ) -> Result<Refreshed, StoreError> {
        let (presented, device) = (*presented, device.clone());
        self.write(move |conn| rotate(conn, presented, successor, &device, ending).map(Done::quiet)).await
    }

    async fn touch(
        &self,
        user: UserId,
        session: SessionId,
        device: &Device,
        now: Stamp,
    ) -> Result<(), StoreError> {
        let device = device.clone();
        self.write(move |conn| Ok(Done::quiet(touch(conn, user, session, &device, None, now)?))).await
    }

    async fn end(
        &self,
        user: UserId,
        session: SessionId,
        ending: Ending,
    ) -> Result<Option<Revocation>, StoreError> {
        self.write(move |conn| Ok(Done::quiet(end(conn, user, &[session], ending)?.pop()))).await
    }

    async fn end_all(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        ending: Ending,
    ) -> Result<Vec<Revocation>, StoreError> {
        self.write(move |conn| end_all(conn, user, keep, ending).map(Done::quiet)).await
    }

    async fn revocations(&self, since: Option<Stamp>, now: Stamp) -> Result<RevocationNews, StoreError> {
        self.read(move |conn| in_snapshot(conn, |conn| revocations(conn, since, now))).await
    }

    async fn sweep(&self, now: Stamp, limit: u32) -> Result<u64, StoreError> {
        self.write(move |conn| sweep::sweep(conn, now, limit).map(Done::quiet)).await
    }
}

fn revocations(
    conn: &mut SqliteConnection,
    since: Option<Stamp>,
    now: Stamp,
) -> Result<RevocationNews, Failure> {
    let rows = revoked_tokens::table
        .filter(revoked_tokens::revoked_at.ge(since.map_or(i64::MIN, Stamp::as_micros)))
        .select(RevocationRow::as_select())
        .load(conn)?;
    let mut revocations: Vec<Revocation> = all(rows)?;
    // Not in the statement: by the index on `expires_at` it would read every row that is kept.
    revocations.retain(|revocation| revocation.until > now);
    // Negated and not compared with a bound value, as only then the index of disabled users serves.
    let disabled: Vec<Id> = users::table.filter(not(users::is_active)).select(users::id).load(conn)?;
    let disabled = disabled.into_iter().map(|id| UserId(id.0)).collect();
    Ok(RevocationNews { revocations, disabled })
}

/// Whether the session, where one is given, is one that the user could still refresh.
pub(crate) fn lasts(
    conn: &mut SqliteConnection,
    user: UserId,
    session: Option<SessionId>,
    now: Stamp,
) -> QueryResult<bool> {
    let Some(session) = session else { return Ok(true) };
    let live = sessions::table
        .filter(sessions::id.eq(Id::from(session)))
        .filter(sessions::user_id.eq(Id::from(user)))
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::expires_at.gt(now.as_micros()));
    diesel::select(diesel::dsl::exists(live)).get_result(conn)
}

pub(crate) fn open(
    conn: &mut SqliteConnection,
    user: UserId,
    session: &NewSession,
    cap: u32,
    ending: Ending,
) -> Result<Opened, Failure> {
    if let Some(refusal) = session.refusal(accounts::by_id(conn, user)?.as_ref()) {
        return Ok(refusal);
    }
    diesel::update(users::table.filter(users::id.eq(Id::from(user))))
        .set(users::last_login_at.eq(ending.at.as_micros()))
        .execute(conn)?;
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
    insert(conn, user, session, ending.at)?;
    Ok(Opened::Done(ended))
}

/// Stores a session that begins at `now`, with its first refresh token.
pub(crate) fn insert(
    conn: &mut SqliteConnection,
    user: UserId,
    session: &NewSession,
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
        ))
        .execute(conn)?;
    let first = Successor { id: session.token, hash: session.hash, expires_at: session.expires_at };
    insert_token(conn, user, session.id, 0, first, now)
}

fn insert_token(
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
        ))
        .execute(conn)?;
    Ok(())
}
