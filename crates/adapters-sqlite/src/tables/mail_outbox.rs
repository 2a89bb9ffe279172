//! Statements on `mail_outbox`.

use diesel::prelude::*;
use domain::mail::NewMail;
use domain::{Stamp, UserId};

use crate::rows::Id;
use crate::schema::mail_outbox;

/// Queues an email at `now`.
pub(crate) fn enqueue(conn: &mut SqliteConnection, mail: &NewMail, now: Stamp) -> QueryResult<()> {
    diesel::insert_into(mail_outbox::table)
        .values((
            mail_outbox::id.eq(Id(mail.id)),
            mail_outbox::user_id.eq(mail.user.map(Id::from)),
            mail_outbox::recipient.eq(mail.to.as_str()),
            mail_outbox::template.eq(mail.template.as_str()),
            mail_outbox::token_id.eq(mail.token.map(Id::from)),
            mail_outbox::providers.eq(Some(mail.providers.join("\n")).filter(|names| !names.is_empty())),
            mail_outbox::attempts.eq(0),
            mail_outbox::next_attempt_at.eq(mail.due(now).as_micros()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Assigns the emails that carry the token, and belong to no user yet, to `user`.
pub(crate) fn assign_to_user(conn: &mut SqliteConnection, token: Id, user: UserId) -> QueryResult<()> {
    diesel::update(mail_outbox::table.filter(mail_outbox::token_id.eq(token)))
        .filter(mail_outbox::user_id.is_null())
        .set(mail_outbox::user_id.eq(Id::from(user)))
        .execute(conn)?;
    Ok(())
}
