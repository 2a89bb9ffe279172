//! The exchange of a refresh token: lock the session, load, let the domain judge, write what it says.

use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::session::refresh::{RefreshFacts, RefreshVerdict, judge};
use domain::session::{Device, Ending, RefreshToken, Refreshed, Successor, TokenHash};
use domain::{SessionId, Stamp, UserId};
use futures_util::future::{try_join, try_join4};

use super::write::{self, Which};
use crate::error::Failure;
use crate::fence::Scope;
use crate::rows::{SessionRow, TokenRow, UserRow, timestamp};
use crate::schema::{refresh_tokens, sessions, users};

/// Runs inside a transaction that may read the token presented and, at first, nothing else.
pub(super) async fn rotate(
    conn: &AsyncPgConnection,
    presented: &TokenHash,
    successor: &Successor,
    device: &Device,
    ending: &Ending,
) -> Result<Refreshed, Failure> {
    let Some(facts) = load(conn, presented).await? else { return Ok(Refreshed::Unknown) };
    let id = facts.session.id;
    let hash = match judge(&facts, ending.at) {
        RefreshVerdict::Rotate => {
            let replaced = replace(conn, &facts.token, successor, ending.at);
            let touched = touch(conn, &facts, device, successor.expires_at, ending.at);
            try_join(replaced, touched).await?;
            successor.hash
        }
        RefreshVerdict::Repeat(hash) => {
            touch(conn, &facts, device, facts.session.expires_at, ending.at).await?;
            hash
        }
        RefreshVerdict::Reused => {
            let ended = write::end(conn, facts.session.user, Which::One(id), ending).await?;
            // The session was live under this lock, so it ended now.
            return Ok(ended.into_iter().next().map_or(Refreshed::Ended, Refreshed::Reused));
        }
        RefreshVerdict::Expired => return Ok(Refreshed::Expired),
        RefreshVerdict::Ended => return Ok(Refreshed::Ended),
        RefreshVerdict::Disabled => return Ok(Refreshed::Disabled),
    };
    Ok(Refreshed::Done { user: Box::new(facts.user), session: id, hash })
}

async fn load(conn: &AsyncPgConnection, presented: &TokenHash) -> Result<Option<RefreshFacts>, Failure> {
    // Whose it is, and of which session, never changes: it needs no lock.
    let owner = refresh_tokens::table
        .filter(refresh_tokens::token_hash.eq(&presented.0[..]))
        .select((refresh_tokens::user_id, refresh_tokens::session_id))
        .first(&mut &*conn)
        .await
        .optional()?;
    let Some((user, session)) = owner else { return Ok(None) };
    let (user, session) = (UserId(user), SessionId(session));
    let scope = Scope::User(user);
    // Sent together, done one after the other: the tokens are read under the session's lock.
    let ((), session, tokens, user) = try_join4(
        scope.set(conn),
        locked_session(conn, user, session),
        tokens(conn, user, session),
        user_row(conn, user),
    )
    .await?;
    let (Some(session), Some(user)) = (session, user) else { return Ok(None) };
    let tokens: Vec<_> = tokens.into_iter().map(RefreshToken::try_from).collect::<Result<_, _>>()?;
    let Some(token) = tokens.iter().find(|token| token.hash == *presented).cloned() else {
        return Ok(None);
    };
    let successor =
        token.replaced.and_then(|(_, id)| tokens.into_iter().find(|candidate| candidate.id == id));
    Ok(Some(RefreshFacts { token, successor, session: session.try_into()?, user: user.try_into()? }))
}

async fn locked_session(
    conn: &AsyncPgConnection,
    user: UserId,
    session: SessionId,
) -> Result<Option<SessionRow>, Failure> {
    let row = sessions::table
        .filter(sessions::user_id.eq(user.0))
        .filter(sessions::id.eq(session.0))
        .select(SessionRow::as_select())
        .for_no_key_update();
    Ok(row.first(&mut &*conn).await.optional()?)
}

/// All of the session, of which expired ones are removed in time.
async fn tokens(
    conn: &AsyncPgConnection,
    user: UserId,
    session: SessionId,
) -> Result<Vec<TokenRow>, Failure> {
    let rows = refresh_tokens::table
        .filter(refresh_tokens::user_id.eq(user.0))
        .filter(refresh_tokens::session_id.eq(session.0))
        .select(TokenRow::as_select());
    Ok(rows.load(&mut &*conn).await?)
}

async fn user_row(conn: &AsyncPgConnection, user: UserId) -> Result<Option<UserRow>, Failure> {
    let row = users::table.filter(users::id.eq(user.0)).select(UserRow::as_select());
    Ok(row.first(&mut &*conn).await.optional()?)
}

async fn replace(
    conn: &AsyncPgConnection,
    token: &RefreshToken,
    successor: &Successor,
    now: Stamp,
) -> Result<(), Failure> {
    let insert = diesel::insert_into(refresh_tokens::table).values((
        refresh_tokens::id.eq(successor.id.0),
        refresh_tokens::session_id.eq(token.session.0),
        refresh_tokens::user_id.eq(token.user.0),
        refresh_tokens::generation.eq(i64::from(token.generation) + 1),
        refresh_tokens::token_hash.eq(&successor.hash.0[..]),
        refresh_tokens::issued_at.eq(timestamp(now)),
        refresh_tokens::expires_at.eq(timestamp(successor.expires_at)),
    ));
    let own = refresh_tokens::table
        .filter(refresh_tokens::user_id.eq(token.user.0))
        .filter(refresh_tokens::id.eq(token.id.0));
    let mark = diesel::update(own).set((
        refresh_tokens::replaced_at.eq(timestamp(now)),
        refresh_tokens::replaced_by.eq(successor.id.0),
    ));
    try_join(async { insert.execute(&mut &*conn).await }, async { mark.execute(&mut &*conn).await }).await?;
    Ok(())
}

async fn touch(
    conn: &AsyncPgConnection,
    facts: &RefreshFacts,
    device: &Device,
    expires_at: Stamp,
    now: Stamp,
) -> Result<(), Failure> {
    let own = sessions::table
        .filter(sessions::user_id.eq(facts.session.user.0))
        .filter(sessions::id.eq(facts.session.id.0));
    let update = diesel::update(own).set((
        sessions::last_used_at.eq(timestamp(now)),
        sessions::expires_at.eq(timestamp(expires_at)),
        sessions::user_agent.eq(device.user_agent.as_deref()),
        sessions::ip.eq(device.ip.map(|ip| ip.to_string())),
    ));
    update.execute(&mut &*conn).await?;
    Ok(())
}
