//! [`Outbox`] on SQLite.

use async_trait::async_trait;
use diesel::prelude::*;
use domain::mail::{Outbox, QueuedMail};
use domain::{Stamp, StoreError};
use uuid::Uuid;

use crate::error::Failure;
use crate::rows::{Id, MAX_IDS_PER_STATEMENT, MailRow, convert_all};
use crate::schema::mail_outbox;
use crate::store::SqliteStore;

#[async_trait]
impl Outbox for SqliteStore {
    async fn claim(&self, now: Stamp, lease_until: Stamp, limit: u32) -> Result<Vec<QueuedMail>, StoreError> {
        self.write(move |conn| claim(conn, now, lease_until, limit)).await
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
            Ok(())
        })
        .await
    }

    async fn failed(&self, mail: Uuid, error: &str, next: Stamp) -> Result<(), StoreError> {
        self.record_failure(mail, error, Some(next), None).await
    }

    async fn abandoned(&self, mail: Uuid, error: &str, now: Stamp) -> Result<(), StoreError> {
        self.record_failure(mail, error, None, Some(now)).await
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
    /// Counts a failed attempt, and either schedules the next one or abandons the email.
    async fn record_failure(
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
            Ok(())
        })
        .await
    }
}

/// Leases the emails that are due, the longest due first.
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
    for ids in ids.chunks(MAX_IDS_PER_STATEMENT) {
        diesel::update(mail_outbox::table.filter(mail_outbox::id.eq_any(ids)))
            .set(mail_outbox::next_attempt_at.eq(lease_until.as_micros()))
            .execute(conn)?;
    }
    Ok(convert_all(due)?)
}
