//! Statements on `mail_outbox`.

use diesel::prelude::{ExpressionMethods, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::mail::NewMail;
use domain::{OneTimeTokenId, Stamp, UserId};

use crate::error::Failure;
use crate::row_security::RowScope;
use crate::rows::timestamp;
use crate::schema::mail_outbox;

/// Queues an email at `now`.
pub(crate) async fn enqueue(conn: &AsyncPgConnection, mail: &NewMail, now: Stamp) -> Result<(), Failure> {
    let row = diesel::insert_into(mail_outbox::table).values((
        mail_outbox::id.eq(mail.id),
        mail_outbox::user_id.eq(mail.user.map(|user| user.0)),
        mail_outbox::recipient.eq(mail.to.as_str()),
        mail_outbox::template.eq(mail.template.as_str()),
        mail_outbox::token_id.eq(mail.token.map(|token| token.0)),
        mail_outbox::providers.eq(Some(mail.providers.join("\n")).filter(|names| !names.is_empty())),
        mail_outbox::attempts.eq(0),
        mail_outbox::next_attempt_at.eq(timestamp(mail.due(now))),
    ));
    row.execute(&mut &*conn).await?;
    Ok(())
}

/// Assigns the email that carries the token to `user`, who must be in the row scope.
pub(crate) async fn assign_to_user(
    conn: &AsyncPgConnection,
    token: OneTimeTokenId,
    user: UserId,
) -> Result<(), Failure> {
    RowScope::mail_of(token).set(conn).await?;
    let mail = mail_outbox::table.filter(mail_outbox::token_id.eq(token.0));
    diesel::update(mail).set(mail_outbox::user_id.eq(user.0)).execute(&mut &*conn).await?;
    Ok(())
}
