//! The outbox.

use async_trait::async_trait;
use diesel::prelude::*;
use domain::account::{DisplayName, Email, MailRecord, OneTimeId};
use domain::mail::{NewMail, Outbox, QueuedMail, Template};
use domain::{Stamp, StoreError, UserId};
use uuid::Uuid;

use crate::SqliteStore;
use crate::error::Failure;
use crate::rows::{IDS_A_QUERY, Id, all, stamp_or_none};
use crate::schema::mail_outbox;
use crate::writer::Done;

#[async_trait]
impl Outbox for SqliteStore {
    async fn claim(&self, now: Stamp, lease_until: Stamp, limit: u32) -> Result<Vec<QueuedMail>, StoreError> {
        self.write(move |conn| claim(conn, now, lease_until, limit).map(Done::quiet)).await
    }

    async fn sent(&self, mail: Uuid, now: Stamp) -> Result<(), StoreError> {
        self.write(move |conn| {
            diesel::update(mail_outbox::table.filter(mail_outbox::id.eq(Id(mail))))
                .filter(mail_outbox::sent_at.is_null())
                .set((
                    mail_outbox::sent_at.eq(now.as_micros()),
                    mail_outbox::next_attempt_at.eq(None::<i64>),
                    mail_outbox::given_up_at.eq(None::<i64>),
                    mail_outbox::last_error.eq(None::<&str>),
                ))
                .execute(conn)?;
            Ok(Done::quiet(()))
        })
        .await
    }

    async fn failed(&self, mail: Uuid, error: &str, next: Stamp) -> Result<(), StoreError> {
        self.refused(mail, error, Some(next), None).await
    }

    async fn given_up(&self, mail: Uuid, error: &str, now: Stamp) -> Result<(), StoreError> {
        self.refused(mail, error, None, Some(now)).await
    }

    async fn queued(&self) -> Result<u64, StoreError> {
        self.read(|conn| {
            let waiting = mail_outbox::table.filter(mail_outbox::next_attempt_at.is_not_null());
            let count: i64 = waiting.count().get_result(conn)?;
            Ok(u64::try_from(count).unwrap_or(0))
        })
        .await
    }
}

impl SqliteStore {
    async fn refused(
        &self,
        mail: Uuid,
        error: &str,
        next: Option<Stamp>,
        given_up: Option<Stamp>,
    ) -> Result<(), StoreError> {
        let error = error.to_owned();
        self.write(move |conn| {
            diesel::update(mail_outbox::table.filter(mail_outbox::id.eq(Id(mail))))
                .filter(mail_outbox::next_attempt_at.is_not_null())
                .set((
                    mail_outbox::attempts.eq(mail_outbox::attempts + 1),
                    mail_outbox::next_attempt_at.eq(next.map(Stamp::as_micros)),
                    mail_outbox::given_up_at.eq(given_up.map(Stamp::as_micros)),
                    mail_outbox::last_error.eq(error),
                ))
                .execute(conn)?;
            Ok(Done::quiet(()))
        })
        .await
    }
}

fn claim(
    conn: &mut SqliteConnection,
    now: Stamp,
    lease_until: Stamp,
    limit: u32,
) -> Result<Vec<QueuedMail>, Failure> {
    let due: Vec<MailRow> = mail_outbox::table
        .filter(mail_outbox::next_attempt_at.le(now.as_micros()))
        .order((mail_outbox::next_attempt_at, mail_outbox::id))
        .limit(i64::from(limit))
        .select(MailRow::as_select())
        .load(conn)?;
    let ids: Vec<_> = due.iter().map(|row| row.id).collect();
    for ids in ids.chunks(IDS_A_QUERY) {
        diesel::update(mail_outbox::table.filter(mail_outbox::id.eq_any(ids)))
            .set(mail_outbox::next_attempt_at.eq(lease_until.as_micros()))
            .execute(conn)?;
    }
    Ok(all(due)?)
}

/// Writes a mail that is due at `now`.
pub(crate) fn queue(conn: &mut SqliteConnection, mail: &NewMail, now: Stamp) -> QueryResult<()> {
    diesel::insert_into(mail_outbox::table)
        .values((
            mail_outbox::id.eq(Id(mail.id)),
            mail_outbox::user_id.eq(mail.user.map(Id::from)),
            mail_outbox::recipient.eq(mail.to.as_str()),
            mail_outbox::name.eq(mail.name.as_ref().map(DisplayName::as_str)),
            mail_outbox::template.eq(mail.template.as_str()),
            mail_outbox::token_id.eq(mail.token.map(Id::from)),
            mail_outbox::attempts.eq(0),
            mail_outbox::next_attempt_at.eq(now.as_micros()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Makes the mails that carry a token and are nobody's the user's.
pub(crate) fn adopt(conn: &mut SqliteConnection, token: Id, user: UserId) -> QueryResult<()> {
    diesel::update(mail_outbox::table.filter(mail_outbox::token_id.eq(token)))
        .filter(mail_outbox::user_id.is_null())
        .set(mail_outbox::user_id.eq(Id::from(user)))
        .execute(conn)?;
    Ok(())
}

/// The user's mails, in the order of their ids.
pub(crate) fn records(conn: &mut SqliteConnection, user: UserId) -> Result<Vec<MailRecord>, Failure> {
    let rows: Vec<(String, String, Option<i64>)> = mail_outbox::table
        .filter(mail_outbox::user_id.eq(Id::from(user)))
        .order(mail_outbox::id)
        .select((mail_outbox::template, mail_outbox::recipient, mail_outbox::sent_at))
        .load(conn)?;
    let record = |(word, to, sent_at): (String, String, Option<i64>)| {
        let sent_at = stamp_or_none("mail_outbox", "sent_at", sent_at)?;
        Ok(MailRecord { template: template(&word)?, to, sent_at })
    };
    rows.into_iter().map(record).collect()
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = mail_outbox)]
struct MailRow {
    id: Id,
    user_id: Option<Id>,
    recipient: String,
    name: Option<String>,
    template: String,
    token_id: Option<Id>,
    attempts: i64,
}

impl TryFrom<MailRow> for QueuedMail {
    type Error = StoreError;

    fn try_from(row: MailRow) -> Result<Self, StoreError> {
        let corrupt =
            |column, problem: &dyn ToString| StoreError::corrupt("mail_outbox", column, problem.to_string());
        let name = row.name.as_deref().map(DisplayName::parse).transpose();
        let attempts = row.attempts.try_into();
        Ok(Self {
            mail: NewMail {
                id: row.id.0,
                user: row.user_id.map(|id| UserId(id.0)),
                to: Email::parse(&row.recipient).map_err(|e| corrupt("to", &e))?,
                name: name.map_err(|e| corrupt("name", &e))?,
                template: template(&row.template)?,
                token: row.token_id.map(|id| OneTimeId(id.0)),
            },
            attempts: attempts.map_err(|_| corrupt("attempts", &"negative or far too large"))?,
        })
    }
}

fn template(word: &str) -> Result<Template, StoreError> {
    Template::parse(word)
        .ok_or_else(|| StoreError::corrupt("mail_outbox", "template", "not a known template"))
}
