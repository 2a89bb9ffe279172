//! Deletes accounts: at once for every other statement, and in steps on the disk.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};
use domain::UserId;
use domain::mail::Notice;
use domain::session::{Ending, Revocation};

use crate::error::Failure;
use crate::rows::Id;
use crate::schema::{external_identities, mail_outbox, one_time_tokens, sessions, users};
use crate::tables;

/// The maximum number of todos that are deleted together with their account. Other writes wait for them.
const WITH_ACCOUNT: u32 = 100;

/// Marks the user, and deletes everything but the todos. `None` if the user does not exist.
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
    // A foreign key deletes the refresh tokens.
    diesel::delete(sessions::table.filter(sessions::user_id.eq(id))).execute(conn)?;
    diesel::delete(external_identities::table.filter(external_identities::user_id.eq(id))).execute(conn)?;
    diesel::delete(one_time_tokens::table.filter(one_time_tokens::user_id.eq(id))).execute(conn)?;
    diesel::delete(mail_outbox::table.filter(mail_outbox::user_id.eq(id))).execute(conn)?;
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

/// Deletes up to `limit` todos of a marked user, and the user with the last of them.
pub(super) fn delete_remains(conn: &mut SqliteConnection, user: Id, limit: u32) -> Result<u64, Failure> {
    let todos = diesel::sql_query(
        "DELETE FROM todos WHERE user_id = ? AND id IN (SELECT id FROM todos WHERE user_id = ? LIMIT ?)",
    )
    .bind::<Binary, _>(user)
    .bind::<Binary, _>(user)
    .bind::<BigInt, _>(i64::from(limit))
    .execute(conn)? as u64;
    if todos == u64::from(limit) {
        return Ok(todos);
    }
    let marked = users::table.filter(users::id.eq(user)).filter(users::deleted_at.is_not_null());
    Ok(todos + diesel::delete(marked).execute(conn)? as u64)
}
