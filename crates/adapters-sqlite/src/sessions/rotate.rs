//! Rotation of refresh tokens.

use std::net::IpAddr;

use diesel::define_sql_function;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use domain::session::refresh::{KEPT, RefreshFacts, RefreshVerdict, judge};
use domain::session::{Device, Ending, RefreshToken, Rotated, Session, Successor, TokenHash};
use domain::{SessionId, Stamp, StoreError, TokenId, UserId};

use crate::error::Failure;
use crate::rows::{Id, RefreshTokenRow, SessionRow};
use crate::schema::{refresh_tokens, sessions};
use crate::tables;

define_sql_function! {
    /// The greater of two numbers.
    #[sql_name = "max"]
    fn later(a: BigInt, b: BigInt) -> BigInt;
}

/// Loads a token with its successor, session and user. The caller has shown only the secret, so the
/// statement can't name the user.
pub(super) fn find(conn: &mut SqliteConnection, hash: TokenHash) -> Result<Option<RefreshFacts>, Failure> {
    let row = refresh_tokens::table
        .filter(refresh_tokens::token_hash.eq(hash.0.as_slice()))
        .select(RefreshTokenRow::as_select())
        .first(conn)
        .optional()?;
    row.map(|row| facts(conn, RefreshToken::try_from(row)?)).transpose().map(Option::flatten)
}

/// Loads the newest token of a session, with its session and user.
pub(super) fn newest(
    conn: &mut SqliteConnection,
    user: UserId,
    session: SessionId,
) -> Result<Option<RefreshFacts>, Failure> {
    let row = refresh_tokens::table
        .filter(refresh_tokens::session_id.eq(Id::from(session)))
        .filter(refresh_tokens::user_id.eq(Id::from(user)))
        .order(refresh_tokens::generation.desc())
        .select(RefreshTokenRow::as_select())
        .first(conn)
        .optional()?;
    row.map(|row| facts(conn, RefreshToken::try_from(row)?)).transpose().map(Option::flatten)
}

/// Judges the presented token and applies the verdict.
pub(super) fn rotate(
    conn: &mut SqliteConnection,
    presented: TokenHash,
    successor: Successor,
    device: &Device,
    ending: Ending,
) -> Result<Rotated, Failure> {
    let Some(facts) = find(conn, presented)? else {
        return Ok(Rotated::Unknown);
    };
    let (user, session) = (facts.user.id, facts.session.id);
    let mut usage = Use::new(ending.at, successor.access_until);
    let hash = match judge(&facts, ending.at) {
        RefreshVerdict::Rotate => {
            replace(conn, &facts.token, successor, ending.at)?;
            usage.expires_at = Some(successor.expires_at);
            successor.hash
        }
        RefreshVerdict::Repeat { hash, late } => {
            usage.late_repeat_at = late.then_some(ending.at);
            hash
        }
        RefreshVerdict::Reused => {
            let ended = tables::sessions::end(conn, user, &[session], ending)?.pop();
            return Ok(ended.map_or(Rotated::Ended, Rotated::Reused));
        }
        RefreshVerdict::Expired => return Ok(Rotated::Expired),
        RefreshVerdict::Ended => return Ok(Rotated::Ended),
        RefreshVerdict::Disabled => return Ok(Rotated::Disabled),
    };
    touch(conn, user, session, device, usage)?;
    Ok(Rotated::Done { user: Box::new(facts.user), session, hash })
}

/// One use of a session.
#[derive(Clone, Copy)]
pub(super) struct Use {
    at: Stamp,
    access_until: Stamp,
    /// The new expiry of the session, if it has one.
    expires_at: Option<Stamp>,
    /// Given for a late repeat.
    late_repeat_at: Option<Stamp>,
}

impl Use {
    pub(super) const fn new(at: Stamp, access_until: Stamp) -> Self {
        Self { at, access_until, expires_at: None, late_repeat_at: None }
    }
}

/// Records a use of an open session.
pub(super) fn touch(
    conn: &mut SqliteConnection,
    user: UserId,
    session: SessionId,
    device: &Device,
    usage: Use,
) -> QueryResult<()> {
    diesel::update(sessions::table.filter(sessions::id.eq(Id::from(session))))
        .filter(sessions::user_id.eq(Id::from(user)))
        .filter(sessions::revoked_at.is_null())
        .set((
            usage.expires_at.map(|expires_at| sessions::expires_at.eq(expires_at.as_micros())),
            usage.late_repeat_at.map(|at| sessions::late_repeat_at.eq(at.as_micros())),
            sessions::access_until.eq(later(sessions::access_until, usage.access_until.as_micros())),
            sessions::last_used_at.eq(usage.at.as_micros()),
            sessions::user_agent.eq(device.user_agent.as_deref()),
            sessions::ip.eq(device.ip.as_ref().map(IpAddr::to_string)),
        ))
        .execute(conn)?;
    Ok(())
}

/// `None` if the user was deleted, whose tokens go in steps.
fn facts(conn: &mut SqliteConnection, token: RefreshToken) -> Result<Option<RefreshFacts>, Failure> {
    let dangling = |column| StoreError::corrupt("refresh_tokens", column, "names a row that does not exist");
    let Some(user) = tables::users::by_id(conn, token.user)? else { return Ok(None) };
    let session = sessions::table
        .filter(sessions::id.eq(Id::from(token.session)))
        .filter(sessions::user_id.eq(Id::from(token.user)))
        .select(SessionRow::as_select())
        .first(conn)
        .optional()?
        .ok_or_else(|| dangling("session_id"))?;
    let successor = match token.replaced {
        Some((_, id)) => successor(conn, token.user, id)?,
        None => None,
    };
    Ok(Some(RefreshFacts { token, successor, session: Session::try_from(session)?, user }))
}

fn successor(
    conn: &mut SqliteConnection,
    user: UserId,
    id: TokenId,
) -> Result<Option<RefreshToken>, Failure> {
    let row = refresh_tokens::table
        .filter(refresh_tokens::id.eq(Id::from(id)))
        .filter(refresh_tokens::user_id.eq(Id::from(user)))
        .select(RefreshTokenRow::as_select())
        .first(conn)
        .optional()?;
    Ok(row.map(RefreshToken::try_from).transpose()?)
}

fn replace(
    conn: &mut SqliteConnection,
    token: &RefreshToken,
    successor: Successor,
    now: Stamp,
) -> QueryResult<()> {
    let generation = token.generation.saturating_add(1);
    tables::sessions::insert_token(conn, token.user, token.session, generation, successor, now)?;
    diesel::update(refresh_tokens::table.filter(refresh_tokens::id.eq(Id::from(token.id))))
        .filter(refresh_tokens::user_id.eq(Id::from(token.user)))
        .filter(refresh_tokens::replaced_at.is_null())
        .set((
            refresh_tokens::replaced_at.eq(now.as_micros()),
            refresh_tokens::replaced_by.eq(Id::from(successor.id)),
        ))
        .execute(conn)?;
    forget(conn, token, now)
}

/// Deletes older tokens of the session that were replaced long ago.
fn forget(conn: &mut SqliteConnection, presented: &RefreshToken, now: Stamp) -> QueryResult<()> {
    let older = refresh_tokens::table
        .filter(refresh_tokens::session_id.eq(Id::from(presented.session)))
        .filter(refresh_tokens::user_id.eq(Id::from(presented.user)))
        .filter(refresh_tokens::generation.lt(i64::from(presented.generation)))
        .filter(refresh_tokens::replaced_at.lt(now.minus(KEPT).as_micros()))
        .filter(refresh_tokens::located);
    diesel::delete(older).execute(conn)?;
    Ok(())
}
