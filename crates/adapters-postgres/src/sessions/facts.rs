//! The facts that decide about a refresh.

use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel::sql_types::{Binary, Nullable, Uuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::session::refresh::RefreshFacts;
use domain::session::{RefreshToken, TokenHash};
use domain::{SessionId, UserId};

use crate::error::Failure;
use crate::rows::{ColumnsOf, SessionRow, TokenRow, UserRow};
use crate::schema::refresh_tokens;
use crate::sql::{Sql, sql};

/// The token, its successor, its session and its user.
pub(crate) type FactColumns =
    (ColumnsOf<TokenRow>, Nullable<ColumnsOf<TokenRow>>, ColumnsOf<SessionRow>, ColumnsOf<UserRow>);
type FactRow = (TokenRow, Option<TokenRow>, SessionRow, UserRow);

/// Finds the user and the session of the token. They never change, so this needs no lock.
pub(super) async fn owner(
    conn: &AsyncPgConnection,
    hash: &TokenHash,
) -> Result<Option<(UserId, SessionId)>, Failure> {
    let owner = refresh_tokens::table
        .filter(refresh_tokens::token_hash.eq(&hash.0[..]))
        .select((refresh_tokens::user_id, refresh_tokens::session_id))
        .first(&mut &*conn)
        .await
        .optional()?;
    Ok(owner.map(|(user, session)| (UserId(user), SessionId(session))))
}

/// Finds the newest token of a session of the user.
pub(super) async fn newest(
    conn: &AsyncPgConnection,
    user: UserId,
    session: SessionId,
) -> Result<Option<TokenHash>, Failure> {
    let newest: Option<TokenRow> = refresh_tokens::table
        .filter(refresh_tokens::user_id.eq(user.0))
        .filter(refresh_tokens::session_id.eq(session.0))
        .order(refresh_tokens::generation.desc())
        .select(TokenRow::as_select())
        .first(&mut &*conn)
        .await
        .optional()?;
    Ok(newest.map(RefreshToken::try_from).transpose()?.map(|token| token.hash))
}

/// Loads the facts about a token of the user, from one snapshot.
pub(super) async fn load(
    conn: &AsyncPgConnection,
    user: UserId,
    hash: &TokenHash,
) -> Result<Option<RefreshFacts>, Failure> {
    let rows = statement(user, hash).load::<FactRow>(&mut &*conn).await?;
    let Some((token, successor, session, user)) = rows.into_iter().next() else { return Ok(None) };
    Ok(Some(RefreshFacts {
        token: token.try_into()?,
        successor: successor.map(TryInto::try_into).transpose()?,
        session: session.try_into()?,
        user: user.try_into()?,
    }))
}

pub(crate) fn statement(user: UserId, hash: &TokenHash) -> Sql<'_, FactColumns> {
    sql("select t.id, t.session_id, t.user_id, t.generation, t.token_hash, t.expires_at, t.replaced_at, t.replaced_by, \
         n.id, n.session_id, n.user_id, n.generation, n.token_hash, n.expires_at, n.replaced_at, n.replaced_by, \
         s.id, s.user_id, s.client_id, s.user_agent, s.ip, s.created_at, s.last_used_at, s.expires_at, s.revoked_at, \
         s.revoke_reason, s.late_repeat_at, s.trusted_from, \
         u.id, u.email, u.password_hash, u.display_name, u.email_verified, u.is_active, u.created_at, u.last_login_at, \
         u.email_changed_at, u.password_reset_at \
         from refresh_tokens t \
         join sessions s on s.user_id = t.user_id and s.id = t.session_id \
         join users u on u.id = t.user_id and u.deleted_at is null \
         left join refresh_tokens n on n.user_id = t.user_id and n.id = t.replaced_by \
         where t.user_id = ")
    .bind::<Uuid, _>(user.0)
    .sql(" and t.token_hash = ")
    .bind::<Binary, _>(&hash.0[..])
}
