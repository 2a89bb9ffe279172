//! Deletes accounts: at once for every other statement, and in steps on the disk.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};
use domain::UserId;
use domain::mail::Notice;
use domain::one_time::Purpose;
use domain::session::{Ending, Revocation};

use crate::error::Failure;
use crate::rows::Id;
use crate::schema::{external_identities, mail_outbox, one_time_tokens, sessions, users};
use crate::tables;

/// The maximum number of rows that are deleted together with their account, so that nothing remains of
/// a small one. Other writes wait for them.
const WITH_ACCOUNT: u32 = 100;

/// Deletes up to `?2` rows of the user `?1`, kind by kind. Tokens come before their sessions, so no
/// statement cascades to rows that the limit does not count.
const REMAINS: [&str; 6] = [
    "DELETE FROM refresh_tokens WHERE id IN (SELECT id FROM refresh_tokens WHERE user_id = ?1 LIMIT ?2)",
    "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE user_id = ?1 LIMIT ?2)",
    "DELETE FROM one_time_tokens WHERE id IN (SELECT id FROM one_time_tokens WHERE user_id = ?1 LIMIT ?2)",
    "DELETE FROM mail_outbox WHERE id IN (SELECT id FROM mail_outbox WHERE user_id = ?1 LIMIT ?2)",
    // One revocation of the whole user replaces those of the sessions.
    "DELETE FROM revoked_tokens WHERE id IN (
        SELECT id FROM revoked_tokens WHERE user_id = ?1 AND session_id IS NOT NULL LIMIT ?2)",
    "DELETE FROM todos WHERE user_id = ?1 AND id IN (SELECT id FROM todos WHERE user_id = ?1 LIMIT ?2)",
];

/// Marks the user, deletes what could still log in or be sent, and ends the sessions. `None` if the
/// user does not exist.
pub(super) fn delete(
    conn: &mut SqliteConnection,
    user: UserId,
    notice: &Notice,
    ending: Ending,
) -> Result<Option<Vec<Revocation>>, Failure> {
    let Some(owner) = tables::users::by_id(conn, user)? else {
        return Ok(None);
    };
    let id = Id::from(user);
    let marked = diesel::update(users::table.filter(users::id.eq(id)).filter(users::deleted_at.is_null()))
        .set((
            users::deleted_at.eq(ending.at.as_micros()),
            users::email.eq(None::<String>),
            users::email_key.eq(None::<String>),
            users::password_hash.eq(None::<String>),
            users::display_name.eq(None::<String>),
        ))
        .execute(conn)?;
    if marked == 0 {
        return Ok(None);
    }
    diesel::update(sessions::table.filter(sessions::user_id.eq(id)))
        .filter(sessions::revoked_at.is_null())
        .set((
            sessions::revoked_at.eq(ending.at.as_micros()),
            sessions::revoke_reason.eq(ending.reason.as_str()),
        ))
        .execute(conn)?;
    diesel::delete(external_identities::table.filter(external_identities::user_id.eq(id))).execute(conn)?;
    // A flow that links a provider finds that the account is gone.
    diesel::delete(one_time_tokens::table.filter(one_time_tokens::user_id.eq(id)))
        .filter(one_time_tokens::used_at.is_null())
        .filter(one_time_tokens::kind.ne(Purpose::OAuthState.as_str()))
        .execute(conn)?;
    diesel::delete(mail_outbox::table.filter(mail_outbox::user_id.eq(id)))
        .filter(mail_outbox::next_attempt_at.is_not_null())
        .execute(conn)?;
    if let Some(mail) = notice.to(&owner) {
        tables::mail_outbox::enqueue(conn, &mail, ending.at)?;
    }
    delete_remains(conn, id, WITH_ACCOUNT)?;
    Ok(Some(vec![tables::sessions::revoke_user(conn, user, ending)?]))
}

/// The user who has been marked for the longest time.
pub(super) fn next(conn: &mut SqliteConnection) -> Result<Option<Id>, Failure> {
    let marked = users::table.filter(users::deleted_at.is_not_null()).order(users::deleted_at);
    Ok(marked.select(users::id).first(conn).optional()?)
}

/// Deletes up to `limit` rows of a marked user, and the user with the last of them.
pub(super) fn delete_remains(conn: &mut SqliteConnection, user: Id, limit: u32) -> Result<u64, Failure> {
    let limit = u64::from(limit);
    let mut deleted = 0;
    for statement in REMAINS {
        let left = i64::try_from(limit - deleted).unwrap_or(i64::MAX);
        let statement = diesel::sql_query(statement).bind::<Binary, _>(user).bind::<BigInt, _>(left);
        deleted += statement.execute(conn)? as u64;
        if deleted == limit {
            return Ok(deleted);
        }
    }
    let marked = users::table.filter(users::id.eq(user)).filter(users::deleted_at.is_not_null());
    Ok(deleted + diesel::delete(marked).execute(conn)? as u64)
}
