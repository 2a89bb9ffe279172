//! Statements on `one_time_tokens`.

use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel::sql_types::{Binary, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::one_time::{EmailToken, NewOneTimeToken, Purpose};
use domain::session::TokenHash;
use domain::{Stamp, UserId};

use super::mail_outbox;
use crate::error::Failure;
use crate::row_security::RowScope;
use crate::rows::{OneTimeColumns, OneTimeRow, timestamp};
use crate::schema::one_time_tokens;
use crate::sql::{Sql, sql};

/// Stores a token with its email, and invalidates the user's older tokens of the same purpose. The user must be
/// locked.
pub(crate) async fn issue(
    conn: &AsyncPgConnection,
    user: UserId,
    sent: &EmailToken,
    now: Stamp,
) -> Result<(), Failure> {
    invalidate(conn, user, sent.token.purpose, now).await?;
    insert(conn, &sent.token).await?;
    if let Some(mail) = &sent.mail {
        mail_outbox::enqueue(conn, mail, now).await?;
    }
    Ok(())
}

/// Invalidates the user's unused tokens of one purpose.
pub(crate) async fn invalidate(
    conn: &AsyncPgConnection,
    user: UserId,
    purpose: Purpose,
    now: Stamp,
) -> Result<(), Failure> {
    let unused = one_time_tokens::table
        .filter(one_time_tokens::user_id.eq(user.0))
        .filter(one_time_tokens::kind.eq(purpose.as_str()))
        .filter(one_time_tokens::used_at.is_null());
    diesel::update(unused).set(one_time_tokens::used_at.eq(timestamp(now))).execute(&mut &*conn).await?;
    Ok(())
}

/// Invalidates the user's unused tokens, except those of the purpose `kept`. The user must be locked.
pub(crate) async fn invalidate_all_except(
    conn: &AsyncPgConnection,
    user: UserId,
    kept: Option<Purpose>,
    now: Stamp,
) -> Result<(), Failure> {
    let unused = one_time_tokens::table
        .filter(one_time_tokens::user_id.eq(user.0))
        .filter(one_time_tokens::kind.ne(kept.map_or("", Purpose::as_str)))
        .filter(one_time_tokens::used_at.is_null());
    diesel::update(unused).set(one_time_tokens::used_at.eq(timestamp(now))).execute(&mut &*conn).await?;
    Ok(())
}

pub(crate) async fn insert(conn: &AsyncPgConnection, token: &NewOneTimeToken) -> Result<(), Failure> {
    let row = diesel::insert_into(one_time_tokens::table).values((
        one_time_tokens::id.eq(token.id.0),
        one_time_tokens::kind.eq(token.purpose.as_str()),
        one_time_tokens::token_hash.eq(&token.hash.0[..]),
        one_time_tokens::user_id.eq(token.user.map(|user| user.0)),
        one_time_tokens::payload.eq(&token.payload),
        one_time_tokens::expires_at.eq(timestamp(token.expires_at)),
    ));
    row.execute(&mut &*conn).await?;
    Ok(())
}

/// Finds a valid token without using it.
pub(crate) async fn find_valid(
    conn: &AsyncPgConnection,
    purpose: Purpose,
    hash: &TokenHash,
    now: Stamp,
) -> Result<Option<OneTimeRow>, Failure> {
    Ok(find_valid_statement(purpose, hash, now).get_result(&mut &*conn).await.optional()?)
}

/// Marks a valid token as used and returns it. A concurrent call waits for this transaction, and then finds the
/// token used.
pub(crate) async fn consume(
    conn: &AsyncPgConnection,
    purpose: Purpose,
    hash: &TokenHash,
    now: Stamp,
) -> Result<Option<OneTimeRow>, Failure> {
    Ok(consume_statement(purpose, hash, now).get_result(&mut &*conn).await.optional()?)
}

pub(crate) fn find_valid_statement(
    purpose: Purpose,
    hash: &TokenHash,
    now: Stamp,
) -> Sql<'_, OneTimeColumns> {
    where_valid(sql("select o.id, o.user_id, o.payload from one_time_tokens o"), purpose, hash, now)
}

pub(crate) fn consume_statement(purpose: Purpose, hash: &TokenHash, now: Stamp) -> Sql<'_, OneTimeColumns> {
    let update = sql("update one_time_tokens o set used_at = ").bind::<Timestamptz, _>(timestamp(now));
    where_valid(update, purpose, hash, now).sql(" returning o.id, o.user_id, o.payload")
}

fn where_valid<'a, Row>(
    statement: Sql<'a, Row>,
    purpose: Purpose,
    hash: &'a TokenHash,
    now: Stamp,
) -> Sql<'a, Row> {
    statement
        .sql(" where o.token_hash = ")
        .bind::<Binary, _>(&hash.0[..])
        .sql(" and o.kind = ")
        .bind::<Text, _>(purpose.as_str())
        .sql(" and o.used_at is null and o.expires_at > ")
        .bind::<Timestamptz, _>(timestamp(now))
}

/// Assigns the token and its email to `user`, who must be in the row scope.
pub(crate) async fn assign_to_user(
    conn: &AsyncPgConnection,
    token: &OneTimeRow,
    hash: &TokenHash,
    user: UserId,
) -> Result<(), Failure> {
    RowScope::token(hash).set(conn).await?;
    let own = one_time_tokens::table.filter(one_time_tokens::token_hash.eq(&hash.0[..]));
    diesel::update(own).set(one_time_tokens::user_id.eq(user.0)).execute(&mut &*conn).await?;
    mail_outbox::assign_to_user(conn, token.id(), user).await
}
