//! Rotation of a refresh token: lock the session, load the facts, let the domain judge, apply the verdict.

use diesel::prelude::{ExpressionMethods, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::session::refresh::{KEPT, RefreshFacts, RefreshVerdict, judge};
use domain::session::{Device, Ending, RefreshToken, Rotated, Successor, TokenHash};
use domain::{SessionId, Stamp, UserId};
use futures_util::future::{try_join, try_join3};

use super::facts;
use crate::error::Failure;
use crate::row_security::RowScope;
use crate::rows::timestamp;
use crate::schema::{refresh_tokens, sessions, users};
use crate::tables::sessions::{SessionSelection, Use, end, touch};

/// Rotates the token. At first, the row scope need only include the presented token.
pub(super) async fn rotate(
    conn: &AsyncPgConnection,
    presented: &TokenHash,
    successor: &Successor,
    device: &Device,
    ending: &Ending,
) -> Result<Rotated, Failure> {
    let Some(facts) = load(conn, presented).await? else { return Ok(Rotated::Unknown) };
    let id = facts.session.id;
    let mut used = Use::new(ending.at, successor.access_until);
    let hash = match judge(&facts, ending.at) {
        RefreshVerdict::Rotate => {
            let replaced = replace(conn, &facts.token, successor, ending.at);
            used.expires_at = Some(successor.expires_at);
            let touched = touch(conn, facts.session.user, id, device, &used);
            try_join(replaced, touched).await?;
            successor.hash
        }
        RefreshVerdict::Repeat { hash, late } => {
            used.late_repeat_at = late.then_some(ending.at);
            touch(conn, facts.session.user, id, device, &used).await?;
            hash
        }
        RefreshVerdict::Reused => {
            let ended = end(conn, facts.session.user, SessionSelection::One(id), ending).await?;
            // The session was live under the lock, so this call has ended it.
            return Ok(ended.into_iter().next().map_or(Rotated::Ended, Rotated::Reused));
        }
        RefreshVerdict::Expired => return Ok(Rotated::Expired),
        RefreshVerdict::Ended => return Ok(Rotated::Ended),
        RefreshVerdict::Disabled => return Ok(Rotated::Disabled),
    };
    Ok(Rotated::Done { user: Box::new(facts.user), session: id, hash })
}

async fn load(conn: &AsyncPgConnection, presented: &TokenHash) -> Result<Option<RefreshFacts>, Failure> {
    let Some((user, session)) = facts::owner(conn, presented).await? else { return Ok(None) };
    try_join3(RowScope::User(user).set(conn), lock_user_key(conn, user), lock_session(conn, user, session))
        .await?;
    // Read under the locks, so that a concurrent rotation is visible.
    facts::load(conn, user, presented).await
}

/// Keeps the user from being deleted before the successor, which refers to the user, is inserted.
///
/// Same order of locks as a deletion: the user before the sessions.
async fn lock_user_key(conn: &AsyncPgConnection, user: UserId) -> Result<(), Failure> {
    let row = users::table.filter(users::id.eq(user.0)).select(users::id).for_key_share();
    row.execute(&mut &*conn).await?;
    Ok(())
}

async fn lock_session(conn: &AsyncPgConnection, user: UserId, session: SessionId) -> Result<(), Failure> {
    let row = sessions::table
        .filter(sessions::user_id.eq(user.0))
        .filter(sessions::id.eq(session.0))
        .select(sessions::id)
        .for_no_key_update();
    row.execute(&mut &*conn).await?;
    Ok(())
}

async fn replace(
    conn: &AsyncPgConnection,
    token: &RefreshToken,
    successor: &Successor,
    now: Stamp,
) -> Result<(), Failure> {
    let generation = token.generation.saturating_add(1);
    let insert = diesel::insert_into(refresh_tokens::table).values((
        refresh_tokens::id.eq(successor.id.0),
        refresh_tokens::session_id.eq(token.session.0),
        refresh_tokens::user_id.eq(token.user.0),
        refresh_tokens::generation.eq(i64::from(generation)),
        refresh_tokens::token_hash.eq(&successor.hash.0[..]),
        refresh_tokens::issued_at.eq(timestamp(now)),
        refresh_tokens::expires_at.eq(timestamp(successor.expires_at)),
        refresh_tokens::located.eq(true),
    ));
    let own = refresh_tokens::table
        .filter(refresh_tokens::user_id.eq(token.user.0))
        .filter(refresh_tokens::id.eq(token.id.0));
    let mark = diesel::update(own).set((
        refresh_tokens::replaced_at.eq(timestamp(now)),
        refresh_tokens::replaced_by.eq(successor.id.0),
    ));
    try_join(async { insert.execute(&mut &*conn).await }, async { mark.execute(&mut &*conn).await }).await?;
    forget(conn, token, now).await
}

/// Deletes older tokens of the session that were replaced long ago.
async fn forget(conn: &AsyncPgConnection, presented: &RefreshToken, now: Stamp) -> Result<(), Failure> {
    let older = refresh_tokens::table
        .filter(refresh_tokens::user_id.eq(presented.user.0))
        .filter(refresh_tokens::session_id.eq(presented.session.0))
        .filter(refresh_tokens::generation.lt(i64::from(presented.generation)))
        .filter(refresh_tokens::replaced_at.lt(timestamp(now.minus(KEPT))))
        .filter(refresh_tokens::located);
    diesel::delete(older).execute(&mut &*conn).await?;
    Ok(())
}
