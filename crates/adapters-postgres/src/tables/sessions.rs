//! Statements on `sessions`, `refresh_tokens` and `revoked_tokens`.

use diesel::define_sql_function;
use diesel::dsl::exists;
use diesel::pg::data_types::PgTimestamp;
use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel::sql_types::{BigInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::session::{
    Device, Ending, LoginFacts, NewSession, OpenRefusal, OpenedSession, Proof, Revocation, Revoked, Session,
};
use domain::text::ClientId;
use domain::user::User;
use domain::{SessionId, Stamp, StoreError, UserId};
use futures_util::future::try_join;
use uuid::Uuid;

use crate::error::Failure;
use crate::rows::{UserRow, stamp, timestamp};
use crate::schema::{refresh_tokens, revoked_tokens, sessions, users};
use crate::sql::{Sql, sql};

/// Inserts a session with its first refresh token.
pub(crate) async fn insert(
    conn: &AsyncPgConnection,
    user: UserId,
    new: &NewSession,
    trusted_from: Stamp,
    now: Stamp,
) -> Result<(), Failure> {
    let (now, expires) = (timestamp(now), timestamp(new.expires_at));
    let session = async {
        let row = diesel::insert_into(sessions::table).values((
            sessions::id.eq(new.id.0),
            sessions::user_id.eq(user.0),
            sessions::client_id.eq(new.device.client_id.as_ref().map(ClientId::as_str)),
            sessions::user_agent.eq(new.device.user_agent.as_deref()),
            sessions::ip.eq(new.device.ip.map(|ip| ip.to_string())),
            sessions::created_at.eq(now),
            sessions::last_used_at.eq(now),
            sessions::expires_at.eq(expires),
            sessions::access_until.eq(timestamp(new.access_until)),
            sessions::trusted_from.eq(timestamp(trusted_from)),
        ));
        row.execute(&mut &*conn).await
    };
    let token = async {
        let row = diesel::insert_into(refresh_tokens::table).values((
            refresh_tokens::id.eq(new.token.0),
            refresh_tokens::session_id.eq(new.id.0),
            refresh_tokens::user_id.eq(user.0),
            refresh_tokens::generation.eq(0_i64),
            refresh_tokens::token_hash.eq(&new.hash.0[..]),
            refresh_tokens::issued_at.eq(now),
            refresh_tokens::expires_at.eq(expires),
            refresh_tokens::located.eq(true),
        ));
        row.execute(&mut &*conn).await
    };
    try_join(session, token).await?;
    Ok(())
}

/// Decides whether the session may be opened for the user, whose row is locked. Returns when the login
/// begins to count as a proof of identity.
pub(crate) async fn check(
    conn: &AsyncPgConnection,
    user: Option<User>,
    session: &NewSession,
    now: Stamp,
) -> Result<Result<Stamp, OpenRefusal>, Failure> {
    let linked_at = match (&user, &session.proof) {
        (Some(user), Proof::Identity { provider, subject }) => {
            super::external_identities::linked_at(conn, user.id, provider, subject).await?
        }
        _ => None,
    };
    Ok(session.check(&LoginFacts { user, linked_at }, now))
}

/// Opens a session for a user whose row is locked, marks the login, and ends the earliest opened ones beyond `cap`.
pub(crate) async fn open(
    mut conn: &AsyncPgConnection,
    user: UserId,
    session: &NewSession,
    trusted_from: Stamp,
    cap: u32,
    ending: &Ending,
) -> Result<OpenedSession, Failure> {
    // The new session counts towards the cap.
    let room = SessionSelection::LiveBeyond(cap.saturating_sub(1));
    let ended = end(conn, user, room, ending).await?;
    remove_ended_statement(user).execute(&mut conn).await?;
    insert(conn, user, session, trusted_from, ending.at).await?;
    let login = users::last_login_at.eq(timestamp(ending.at));
    let update = diesel::update(users::table.filter(users::id.eq(user.0))).set(login);
    let row: UserRow = update.returning(UserRow::as_returning()).get_result(&mut conn).await?;
    Ok(OpenedSession { user: Box::new(row.try_into()?), ended })
}

/// Deletes ended sessions beyond those that are kept.
pub(crate) fn remove_ended_statement<'a>(user: UserId) -> Sql<'a, ()> {
    sql("delete from sessions s where s.user_id = ")
        .bind::<SqlUuid, _>(user.0)
        .sql(" and s.id in (select e.id from sessions e where e.revoked_at is not null and e.user_id = ")
        .bind::<SqlUuid, _>(user.0)
        .sql(" order by e.created_at desc, e.id desc limit ")
        .bind::<BigInt, _>(i64::from(Session::ENDED_REMOVED))
        .sql(" offset ")
        .bind::<BigInt, _>(i64::from(Session::ENDED_KEPT))
        .sql(")")
}

/// One use of a session.
pub(crate) struct Use {
    pub at: Stamp,
    pub access_until: Stamp,
    /// The new expiry of the session, if it has one.
    pub expires_at: Option<Stamp>,
    /// Given for a late repeat.
    pub late_repeat_at: Option<Stamp>,
}

impl Use {
    pub(crate) const fn new(at: Stamp, access_until: Stamp) -> Self {
        Self { at, access_until, expires_at: None, late_repeat_at: None }
    }
}

define_sql_function! {
    /// The later of two times.
    #[sql_name = "greatest"]
    fn later(a: Timestamptz, b: Timestamptz) -> Timestamptz;
}

/// Records a use of an open session.
pub(crate) async fn touch(
    conn: &AsyncPgConnection,
    user: UserId,
    session: SessionId,
    device: &Device,
    usage: &Use,
) -> Result<(), Failure> {
    let own = sessions::table
        .filter(sessions::user_id.eq(user.0))
        .filter(sessions::id.eq(session.0))
        .filter(sessions::revoked_at.is_null());
    let update = diesel::update(own).set((
        sessions::last_used_at.eq(timestamp(usage.at)),
        sessions::access_until.eq(later(sessions::access_until, timestamp(usage.access_until))),
        usage.expires_at.map(|expires_at| sessions::expires_at.eq(timestamp(expires_at))),
        usage.late_repeat_at.map(|at| sessions::late_repeat_at.eq(timestamp(at))),
        sessions::user_agent.eq(device.user_agent.as_deref()),
        sessions::ip.eq(device.ip.map(|ip| ip.to_string())),
    ));
    update.execute(&mut &*conn).await?;
    Ok(())
}

/// A selection among the user's open sessions.
#[derive(Clone, Copy)]
pub(crate) enum SessionSelection {
    One(SessionId),
    AllBut(Option<SessionId>),
    /// The live ones, except the newest `n`.
    LiveBeyond(u32),
}

/// Ends every session of the user except `keep`. The user's row must be locked.
pub(crate) async fn end_all(
    conn: &AsyncPgConnection,
    user: UserId,
    keep: Option<SessionId>,
    ending: &Ending,
) -> Result<Vec<Revocation>, Failure> {
    end(conn, user, SessionSelection::AllBut(keep), ending).await
}

/// Records a revocation of the whole user.
pub(crate) async fn revoke_user(
    conn: &AsyncPgConnection,
    user: UserId,
    ending: &Ending,
) -> Result<Revocation, Failure> {
    let Ending { reason, at, until } = *ending;
    let row = diesel::insert_into(revoked_tokens::table).values((
        revoked_tokens::user_id.eq(user.0),
        revoked_tokens::reason.eq(reason.as_str()),
        revoked_tokens::revoked_at.eq(timestamp(at)),
        revoked_tokens::expires_at.eq(timestamp(until)),
    ));
    row.execute(&mut &*conn).await?;
    Ok(Revocation { what: Revoked::User(user), user, reason, at, until })
}

/// Ends sessions and records their revocations, in one statement. If the selection may match several sessions,
/// the user's row must be locked.
pub(crate) async fn end(
    conn: &AsyncPgConnection,
    user: UserId,
    selection: SessionSelection,
    ending: &Ending,
) -> Result<Vec<Revocation>, Failure> {
    let Ending { reason, at, .. } = *ending;
    let ended = end_statement(user, selection, ending).load::<(Uuid, PgTimestamp)>(&mut &*conn).await?;
    let revocation = |(id, until)| {
        let until = stamp("revoked_tokens", "expires_at", until)?;
        Ok(Revocation { what: Revoked::Session(SessionId(id)), user, reason, at, until })
    };
    Ok(ended.into_iter().map(revocation).collect::<Result<_, StoreError>>()?)
}

fn end_statement<'a>(
    user: UserId,
    selection: SessionSelection,
    ending: &Ending,
) -> Sql<'a, (SqlUuid, Timestamptz)> {
    let update = sql("with ended as (update sessions s set revoked_at = ")
        .bind::<Timestamptz, _>(timestamp(ending.at))
        .sql(", revoke_reason = ")
        .bind::<Text, _>(ending.reason.as_str())
        .sql(" where s.revoked_at is null and s.user_id = ")
        .bind::<SqlUuid, _>(user.0);
    let chosen = match selection {
        SessionSelection::One(id) => update.sql(" and s.id = ").bind::<SqlUuid, _>(id.0),
        SessionSelection::AllBut(None) => update,
        SessionSelection::AllBut(Some(id)) => update.sql(" and s.id <> ").bind::<SqlUuid, _>(id.0),
        SessionSelection::LiveBeyond(room) => update
            .sql(" and s.id in (select l.id from sessions l where l.revoked_at is null and l.user_id = ")
            .bind::<SqlUuid, _>(user.0)
            .sql(" and l.expires_at > ")
            .bind::<Timestamptz, _>(timestamp(ending.at))
            .sql(" order by l.created_at desc, l.id desc offset ")
            .bind::<BigInt, _>(i64::from(room))
            .sql(")"),
    };
    chosen
        .sql(" returning s.id, s.access_until) insert into revoked_tokens (session_id, user_id, reason, revoked_at, expires_at) select e.id, ")
        .bind::<SqlUuid, _>(user.0)
        .sql(", ")
        .bind::<Text, _>(ending.reason.as_str())
        .sql(", ")
        .bind::<Timestamptz, _>(timestamp(ending.at))
        .sql(", greatest(e.access_until, ")
        .bind::<Timestamptz, _>(timestamp(ending.until))
        .sql(") from ended e returning session_id, expires_at")
}

/// Locks the session, and returns whether the user could still refresh it: it is live, and the account is enabled.
/// `None` counts as live.
///
/// The user's row must be locked. The answer then stays true until the end of the transaction, because whoever ends
/// the session or disables the account waits for one of the locks.
pub(crate) async fn lock_live(
    conn: &AsyncPgConnection,
    user: UserId,
    session: Option<SessionId>,
    now: Stamp,
) -> Result<bool, Failure> {
    let Some(session) = session else { return Ok(true) };
    let enabled = users::table.filter(users::id.eq(user.0)).filter(users::is_active).select(users::id);
    let live = sessions::table
        .filter(sessions::user_id.eq(user.0))
        .filter(sessions::id.eq(session.0))
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::expires_at.gt(timestamp(now)))
        .filter(exists(enabled))
        .select(sessions::id)
        .for_no_key_update();
    Ok(live.first::<Uuid>(&mut &*conn).await.optional()?.is_some())
}
