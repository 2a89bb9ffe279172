//! [`Outbox`] on PostgreSQL.

use async_trait::async_trait;
use diesel::pg::data_types::PgTimestamp;
use diesel::prelude::{ExpressionMethods, QueryDsl};
use diesel::sql_types::{BigInt, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::mail::{Outbox, QueuedMail};
use domain::{Stamp, StoreError};
use uuid::Uuid;

use crate::row_security::{RowScope, Worker};
use crate::rows::{ColumnsOf, MailRow, timestamp};
use crate::schema::mail_outbox;
use crate::sql::{Sql, sql};
use crate::store::PostgresStore;

const WORK: RowScope = RowScope::Worker(Worker::Outbox);

#[async_trait]
impl Outbox for PostgresStore {
    async fn claim(&self, now: Stamp, lease_until: Stamp, limit: u32) -> Result<Vec<QueuedMail>, StoreError> {
        let rows = self.pool.write(WORK, async move |mut conn: &AsyncPgConnection| {
            Ok(claim(now, lease_until, limit).load::<MailRow>(&mut conn).await?)
        });
        rows.await?.into_iter().map(QueuedMail::try_from).collect()
    }

    async fn sent(&self, mail: Uuid, now: Stamp) -> Result<(), StoreError> {
        let done = self.pool.write(WORK, async move |mut conn: &AsyncPgConnection| {
            let unsent =
                mail_outbox::table.filter(mail_outbox::id.eq(mail)).filter(mail_outbox::sent_at.is_null());
            let sent = (
                mail_outbox::sent_at.eq(timestamp(now)),
                mail_outbox::next_attempt_at.eq(None::<PgTimestamp>),
                mail_outbox::given_up_at.eq(None::<PgTimestamp>),
            );
            Ok(diesel::update(unsent).set(sent).execute(&mut conn).await?)
        });
        done.await.map(drop)
    }

    async fn failed(&self, mail: Uuid, error: &str, next: Stamp) -> Result<(), StoreError> {
        self.record_failure(mail, error, Some(next), None).await
    }

    async fn abandoned(&self, mail: Uuid, error: &str, now: Stamp) -> Result<(), StoreError> {
        self.record_failure(mail, error, None, Some(now)).await
    }

    async fn queued(&self) -> Result<u64, StoreError> {
        let count = self.pool.read(WORK, async move |mut conn: &AsyncPgConnection| {
            Ok(queued().get_result::<i64>(&mut conn).await?)
        });
        Ok(count.await?.unsigned_abs())
    }
}

impl PostgresStore {
    /// Counts a failed attempt, and either schedules the next one or abandons the email.
    async fn record_failure(
        &self,
        mail: Uuid,
        error: &str,
        next: Option<Stamp>,
        given_up: Option<Stamp>,
    ) -> Result<(), StoreError> {
        // PostgreSQL can't store NUL, which the answer of a mail server may contain.
        let error = error.replace('\0', "");
        let done = self.pool.write(WORK, async move |mut conn: &AsyncPgConnection| {
            let waiting = mail_outbox::table
                .filter(mail_outbox::id.eq(mail))
                .filter(mail_outbox::next_attempt_at.is_not_null());
            let failure = (
                mail_outbox::attempts.eq(mail_outbox::attempts + 1),
                mail_outbox::last_error.eq(error),
                mail_outbox::next_attempt_at.eq(next.map(timestamp)),
                mail_outbox::given_up_at.eq(given_up.map(timestamp)),
            );
            Ok(diesel::update(waiting).set(failure).execute(&mut conn).await?)
        });
        done.await.map(drop)
    }
}

/// Leases the emails that are due, the longest due first. Skips rows that another worker has locked.
pub(crate) fn claim<'a>(now: Stamp, lease_until: Stamp, limit: u32) -> Sql<'a, ColumnsOf<MailRow>> {
    sql("with due as (select m.id, m.next_attempt_at from mail_outbox m where m.next_attempt_at <= ")
        .bind::<Timestamptz, _>(timestamp(now))
        .sql(" order by m.next_attempt_at, m.id limit ")
        .bind::<BigInt, _>(i64::from(limit))
        .sql(" for update skip locked), claimed as (update mail_outbox m set next_attempt_at = ")
        .bind::<Timestamptz, _>(timestamp(lease_until))
        .sql(
            " from due d where m.id = d.id returning m.id, m.user_id, m.\"to\", m.template, \
             m.token_id, m.attempts, m.sent_at, m.providers, d.next_attempt_at as was_due) \
             select c.id, c.user_id, c.\"to\", c.template, c.token_id, c.attempts, c.sent_at, c.providers \
             from claimed c order by c.was_due, c.id",
        )
}

pub(crate) fn queued<'a>() -> Sql<'a, BigInt> {
    sql("select count(*) from mail_outbox m where m.next_attempt_at is not null")
}
