//! Deletes expired rows and old emails.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use domain::session::Cutoffs;

use crate::error::Failure;

const REFRESH_TOKENS: &str = "DELETE FROM refresh_tokens WHERE id IN (
    SELECT id FROM refresh_tokens WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
const SESSIONS: &str = "DELETE FROM sessions WHERE id IN (
    SELECT id FROM sessions WHERE expires_at <= ?1 AND access_until <= ?3
        AND NOT EXISTS (SELECT 1 FROM refresh_tokens WHERE session_id = sessions.id)
    ORDER BY expires_at LIMIT ?2)";
const EXPIRED_ONE_TIME_TOKENS: &str = "DELETE FROM one_time_tokens WHERE id IN (
    SELECT id FROM one_time_tokens WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
const USED_ONE_TIME_TOKENS: &str = "DELETE FROM one_time_tokens WHERE id IN (
    SELECT id FROM one_time_tokens WHERE used_at IS NOT NULL AND used_at <= ?1 ORDER BY used_at LIMIT ?2)";
const SENT_MAILS: &str = "DELETE FROM mail_outbox WHERE id IN (
    SELECT id FROM mail_outbox WHERE sent_at < ?1 ORDER BY sent_at LIMIT ?2)";
const ABANDONED_MAILS: &str = "DELETE FROM mail_outbox WHERE id IN (
    SELECT id FROM mail_outbox WHERE given_up_at < ?1 ORDER BY given_up_at LIMIT ?2)";
const REPLACED_TOKENS: &str = "DELETE FROM refresh_tokens WHERE id IN (
    SELECT t.id FROM revoked_tokens r JOIN refresh_tokens t ON t.session_id = r.session_id
    WHERE r.expires_at <= ?1 AND t.replaced_at IS NOT NULL ORDER BY r.expires_at LIMIT ?2)";
const REVOCATIONS: &str = "DELETE FROM revoked_tokens WHERE id IN (
    SELECT id FROM revoked_tokens r WHERE expires_at <= ?1 AND NOT EXISTS (
        SELECT 1 FROM refresh_tokens t WHERE t.session_id = r.session_id AND t.replaced_at IS NOT NULL)
    ORDER BY expires_at LIMIT ?2)";

/// Refresh tokens go before their sessions, so no deletion of a session cascades to rows that the
/// limit does not count. A revocation finds the replaced tokens of its session, and goes after them.
pub(super) fn sweep(conn: &mut SqliteConnection, cutoffs: &Cutoffs, limit: u32) -> Result<u64, Failure> {
    let statements = [
        (REFRESH_TOKENS, cutoffs.logins),
        (SESSIONS, cutoffs.logins),
        (EXPIRED_ONE_TIME_TOKENS, cutoffs.one_time_tokens),
        (USED_ONE_TIME_TOKENS, cutoffs.one_time_tokens),
        (SENT_MAILS, cutoffs.mails),
        (ABANDONED_MAILS, cutoffs.mails),
        (REPLACED_TOKENS, cutoffs.revocations),
        (REVOCATIONS, cutoffs.revocations),
    ];
    let mut deleted = 0;
    for (sql, until) in statements {
        let statement = diesel::sql_query(sql)
            .into_boxed()
            .bind::<BigInt, _>(until.as_micros())
            .bind::<BigInt, _>(i64::from(limit));
        let statement = match sql {
            SESSIONS => statement.bind::<BigInt, _>(cutoffs.access.as_micros()),
            _ => statement,
        };
        deleted += statement.execute(conn)?;
    }
    Ok(deleted as u64)
}
