//! Deletes accounts: at once for every other statement, and in steps on the disk.

use diesel::prelude::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::mail::Notice;
use domain::session::{Ending, Revocation};
use domain::user::User;
use domain::{SessionId, StoreError, UserId};
use uuid::Uuid;

use crate::error::Failure;
use crate::pool::Pool;
use crate::row_security::{RowScope, Worker};
use crate::rows::{UserRow, timestamp};
use crate::schema::{external_identities, mail_outbox, one_time_tokens, revoked_tokens, sessions, users};
use crate::sql::{Sql, sql};
use crate::tables;

/// The maximum number of todos that are deleted together with their account.
const WITH_ACCOUNT: u32 = 100;

/// Marks the user, and deletes everything but the todos. `None` if the user does not exist, or if the session is not
/// live.
pub(super) async fn delete(
    mut conn: &AsyncPgConnection,
    user: UserId,
    session: Option<SessionId>,
    notice: &Notice,
    ending: &Ending,
) -> Result<Option<Vec<Revocation>>, Failure> {
    if !tables::users::lock_exclusively(conn, user).await?
        || !tables::sessions::is_live(conn, user, session, ending.at).await?
    {
        return Ok(None);
    }
    let own = users::table.filter(users::id.eq(user.0)).select(UserRow::as_select());
    let owner = User::try_from(own.first(&mut conn).await?)?;
    let mark = (
        users::deleted_at.eq(timestamp(ending.at)),
        users::email.eq(None::<String>),
        users::email_key.eq(None::<String>),
        users::password_hash.eq(None::<String>),
        users::display_name.eq(None::<String>),
    );
    diesel::update(users::table.filter(users::id.eq(user.0))).set(mark).execute(&mut conn).await?;
    let earlier = revoked_tokens::table.filter(revoked_tokens::user_id.eq(user.0));
    diesel::delete(earlier).execute(&mut conn).await?;
    // A foreign key deletes the refresh tokens.
    diesel::delete(sessions::table.filter(sessions::user_id.eq(user.0))).execute(&mut conn).await?;
    let identities = external_identities::table.filter(external_identities::user_id.eq(user.0));
    diesel::delete(identities).execute(&mut conn).await?;
    let tokens = one_time_tokens::table.filter(one_time_tokens::user_id.eq(user.0));
    diesel::delete(tokens).execute(&mut conn).await?;
    diesel::delete(mail_outbox::table.filter(mail_outbox::user_id.eq(user.0))).execute(&mut conn).await?;
    if let Some(mail) = notice.to(&owner) {
        tables::mail_outbox::enqueue(conn, &mail, ending.at).await?;
    }
    delete_remains(conn, user, WITH_ACCOUNT).await?;
    Ok(Some(vec![tables::sessions::revoke_user(conn, user, ending).await?]))
}

/// Deletes up to `limit` rows of the user who has been marked for the longest time.
pub(super) async fn delete_remains_of_next(pool: &Pool, limit: u32) -> Result<u64, StoreError> {
    let found = pool.read(RowScope::Worker(Worker::Sweep), async move |mut conn: &AsyncPgConnection| {
        Ok(next().load::<Uuid>(&mut conn).await?)
    });
    let Some(user) = found.await?.pop().map(UserId) else { return Ok(0) };
    let deleted = pool.write(RowScope::User(user), async move |conn: &AsyncPgConnection| {
        delete_remains(conn, user, limit).await
    });
    deleted.await
}

/// Deletes up to `limit` todos of a marked user, and the user with the last of them.
async fn delete_remains(mut conn: &AsyncPgConnection, user: UserId, limit: u32) -> Result<u64, Failure> {
    let todos = remains(user, limit).execute(&mut conn).await? as u64;
    if todos == u64::from(limit) {
        return Ok(todos);
    }
    let marked = users::table.filter(users::id.eq(user.0)).filter(users::deleted_at.is_not_null());
    Ok(todos + diesel::delete(marked).execute(&mut conn).await? as u64)
}

pub(crate) fn next<'a>() -> Sql<'a, SqlUuid> {
    sql("select u.id from users u where u.deleted_at is not null order by u.deleted_at limit 1")
}

pub(crate) fn remains<'a>(user: UserId, limit: u32) -> Sql<'a, ()> {
    sql("delete from todos t where t.user_id = ")
        .bind::<SqlUuid, _>(user.0)
        .sql(" and t.id = any(array(select o.id from todos o where o.user_id = ")
        .bind::<SqlUuid, _>(user.0)
        .sql(" limit ")
        .bind::<BigInt, _>(i64::from(limit))
        .sql("))")
}
