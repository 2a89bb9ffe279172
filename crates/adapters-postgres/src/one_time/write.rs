//! What several methods do with one-time tokens and mails, each inside their transaction.

use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel::sql_types::{Binary, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::mail::NewMail;
use domain::one_time::{EmailToken, NewOneTimeToken, Purpose};
use domain::session::TokenHash;
use domain::user::DisplayName;
use domain::{Stamp, UserId};

use crate::error::Failure;
use crate::row_security::RowScope;
use crate::rows::{OneTimeColumns, OneTimeRow, timestamp};
use crate::schema::{mail_outbox, one_time_tokens};
use crate::sql::{Sql, sql};

/// Stores a token with its mail, and makes the older ones of its purpose and user, who is locked, void.
pub(crate) async fn store(
    conn: &AsyncPgConnection,
    user: UserId,
    sent: &EmailToken,
    now: Stamp,
) -> Result<(), Failure> {
    make_void(conn, user, sent.token.purpose, now).await?;
    put(conn, &sent.token).await?;
    if let Some(mail) = &sent.mail {
        queue(conn, mail, now).await?;
    }
    Ok(())
}

async fn make_void(
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

/// Makes the unused tokens of the user, who is locked, void, except those of one purpose.
pub(crate) async fn make_void_all_but(
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

pub(super) async fn put(conn: &AsyncPgConnection, token: &NewOneTimeToken) -> Result<(), Failure> {
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

/// Writes a mail into the outbox, due at once.
pub(crate) async fn queue(conn: &AsyncPgConnection, mail: &NewMail, now: Stamp) -> Result<(), Failure> {
    let row = diesel::insert_into(mail_outbox::table).values((
        mail_outbox::id.eq(mail.id),
        mail_outbox::user_id.eq(mail.user.map(|user| user.0)),
        mail_outbox::recipient.eq(mail.to.as_str()),
        mail_outbox::name.eq(mail.name.as_ref().map(DisplayName::as_str)),
        mail_outbox::template.eq(mail.template.as_str()),
        mail_outbox::token_id.eq(mail.token.map(|token| token.0)),
        mail_outbox::attempts.eq(0),
        mail_outbox::next_attempt_at.eq(timestamp(now)),
    ));
    row.execute(&mut &*conn).await?;
    Ok(())
}

/// What the token carries, where it is good.
pub(super) async fn good(
    conn: &AsyncPgConnection,
    purpose: Purpose,
    hash: &TokenHash,
    now: Stamp,
) -> Result<Option<OneTimeRow>, Failure> {
    Ok(good_statement(purpose, hash, now).get_result(&mut &*conn).await.optional()?)
}

/// Consumes the token, where it is good. Of two at once the second waits for the first, and then finds it used.
pub(super) async fn consume(
    conn: &AsyncPgConnection,
    purpose: Purpose,
    hash: &TokenHash,
    now: Stamp,
) -> Result<Option<OneTimeRow>, Failure> {
    Ok(consume_statement(purpose, hash, now).get_result(&mut &*conn).await.optional()?)
}

pub(crate) fn good_statement(purpose: Purpose, hash: &TokenHash, now: Stamp) -> Sql<'_, OneTimeColumns> {
    where_good(sql("select o.id, o.user_id, o.payload from one_time_tokens o"), purpose, hash, now)
}

pub(crate) fn consume_statement(purpose: Purpose, hash: &TokenHash, now: Stamp) -> Sql<'_, OneTimeColumns> {
    let update = sql("update one_time_tokens o set used_at = ").bind::<Timestamptz, _>(timestamp(now));
    where_good(update, purpose, hash, now).sql(" returning o.id, o.user_id, o.payload")
}

fn where_good<'a, Row>(
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

/// Makes a token, and the mail that brought it, the user's, whom the transaction admits.
pub(super) async fn adopt(
    conn: &AsyncPgConnection,
    token: &OneTimeRow,
    hash: &TokenHash,
    user: UserId,
) -> Result<(), Failure> {
    RowScope::token(hash).set(conn).await?;
    let own = one_time_tokens::table.filter(one_time_tokens::token_hash.eq(&hash.0[..]));
    diesel::update(own).set(one_time_tokens::user_id.eq(user.0)).execute(&mut &*conn).await?;
    RowScope::mail_of(token.id()).set(conn).await?;
    let own = mail_outbox::table.filter(mail_outbox::token_id.eq(token.id().0));
    diesel::update(own).set(mail_outbox::user_id.eq(user.0)).execute(&mut &*conn).await?;
    Ok(())
}
