//! Deletes expired rows and old emails.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use domain::Stamp;

use crate::error::Failure;

/// How long an email is kept after it was sent or abandoned.
const MAILS_KEPT: Duration = Duration::from_hours(7 * 24);

/// Deletes rows by `expires_at`. Refresh tokens go before their sessions, so no deletion of a session
/// cascades to rows that the limit does not count.
const DELETE_EXPIRED: [&str; 4] = [
    "DELETE FROM refresh_tokens WHERE id IN (
         SELECT id FROM refresh_tokens WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)",
    "DELETE FROM sessions WHERE id IN (
         SELECT id FROM sessions WHERE expires_at <= ?
             AND NOT EXISTS (SELECT 1 FROM refresh_tokens WHERE session_id = sessions.id)
         ORDER BY expires_at LIMIT ?)",
    "DELETE FROM one_time_tokens WHERE id IN (
         SELECT id FROM one_time_tokens WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)",
    "DELETE FROM revoked_tokens WHERE id IN (
         SELECT id FROM revoked_tokens WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)",
];

/// Deletes emails that were sent or abandoned.
const DELETE_FINISHED_MAILS: [&str; 2] = [
    "DELETE FROM mail_outbox WHERE id IN (
         SELECT id FROM mail_outbox WHERE sent_at < ? ORDER BY sent_at LIMIT ?)",
    "DELETE FROM mail_outbox WHERE id IN (
         SELECT id FROM mail_outbox WHERE given_up_at < ? ORDER BY given_up_at LIMIT ?)",
];

pub(super) fn sweep(conn: &mut SqliteConnection, now: Stamp, limit: u32) -> Result<u64, Failure> {
    let old = now.minus(MAILS_KEPT);
    let sweeps =
        DELETE_EXPIRED.map(|sql| (sql, now)).into_iter().chain(DELETE_FINISHED_MAILS.map(|sql| (sql, old)));
    let mut deleted = 0;
    for (sql, until) in sweeps {
        deleted += diesel::sql_query(sql)
            .bind::<BigInt, _>(until.as_micros())
            .bind::<BigInt, _>(i64::from(limit))
            .execute(conn)?;
    }
    Ok(deleted as u64)
}
