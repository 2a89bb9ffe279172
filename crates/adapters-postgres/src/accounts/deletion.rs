//! Deletes accounts: at once for every other statement, and in steps on the disk.

use diesel::prelude::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::mail::Notice;
use domain::one_time::Purpose;
use domain::session::{Ending, Revocation};
use domain::user::User;
use domain::{SessionId, StoreError, UserId};
use uuid::Uuid;

use crate::error::Failure;
use crate::pool::Pool;
use crate::row_security::{RowScope, Worker};
use crate::rows::{UserRow, timestamp};
use crate::schema::{external_identities, mail_outbox, one_time_tokens, sessions, users};
use crate::sql::{Sql, sql};
use crate::tables;

/// The maximum number of rows that are deleted together with their account, so that nothing remains of a small one.
const WITH_ACCOUNT: u32 = 100;

/// Marks the user, deletes what could still log in or be sent, and ends the sessions. `None` if the user does not
/// exist, or if the session is not live.
pub(super) async fn delete(
    mut conn: &AsyncPgConnection,
    user: UserId,
    session: Option<SessionId>,
    notice: &Notice,
    ending: &Ending,
) -> Result<Option<Vec<Revocation>>, Failure> {
    if !tables::users::lock_exclusively(conn, user).await?
        || !tables::sessions::lock_live(conn, user, session, ending.at).await?
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
    let open = sessions::table.filter(sessions::user_id.eq(user.0)).filter(sessions::revoked_at.is_null());
    let ended =
        (sessions::revoked_at.eq(timestamp(ending.at)), sessions::revoke_reason.eq(ending.reason.as_str()));
    diesel::update(open).set(ended).execute(&mut conn).await?;
    let identities = external_identities::table.filter(external_identities::user_id.eq(user.0));
    diesel::delete(identities).execute(&mut conn).await?;
    // A flow that links a provider finds that the account is gone.
    let unused = one_time_tokens::table
        .filter(one_time_tokens::user_id.eq(user.0))
        .filter(one_time_tokens::used_at.is_null())
        .filter(one_time_tokens::kind.ne(Purpose::OAuthState.as_str()));
    diesel::delete(unused).execute(&mut conn).await?;
    let queued = mail_outbox::table
        .filter(mail_outbox::user_id.eq(user.0))
        .filter(mail_outbox::next_attempt_at.is_not_null());
    diesel::delete(queued).execute(&mut conn).await?;
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

/// Deletes up to `limit` rows of a marked user, and the user with the last of them.
async fn delete_remains(mut conn: &AsyncPgConnection, user: UserId, limit: u32) -> Result<u64, Failure> {
    let limit = u64::from(limit);
    let mut deleted = 0;
    for kind in REMAINS {
        deleted += remains(kind, user, limit - deleted).execute(&mut conn).await? as u64;
        if deleted == limit {
            return Ok(deleted);
        }
    }
    let marked = users::table.filter(users::id.eq(user.0)).filter(users::deleted_at.is_not_null());
    Ok(deleted + diesel::delete(marked).execute(&mut conn).await? as u64)
}

pub(crate) fn next<'a>() -> Sql<'a, SqlUuid> {
    sql("select u.id from users u where u.deleted_at is not null order by u.deleted_at limit 1")
}

/// Tokens come before their sessions, so no statement cascades to rows that the limit does not count. Each is the
/// beginning of a deletion and of the selection of its rows.
const REMAINS: [(&str, &str); 6] = [
    (
        "delete from refresh_tokens t where t.user_id = ",
        "select o.id from refresh_tokens o where o.user_id = ",
    ),
    ("delete from sessions t where t.user_id = ", "select o.id from sessions o where o.user_id = "),
    (
        "delete from one_time_tokens t where t.user_id = ",
        "select o.id from one_time_tokens o where o.user_id = ",
    ),
    ("delete from mail_outbox t where t.user_id = ", "select o.id from mail_outbox o where o.user_id = "),
    // One revocation of the whole user replaces those of the sessions.
    (
        "delete from revoked_tokens t where t.user_id = ",
        "select o.id from revoked_tokens o where o.session_id is not null and o.user_id = ",
    ),
    ("delete from todos t where t.user_id = ", "select o.id from todos o where o.user_id = "),
];

fn remains<'a>((delete, select): (&'static str, &'static str), user: UserId, limit: u64) -> Sql<'a, ()> {
    sql(delete)
        .bind::<SqlUuid, _>(user.0)
        .sql(" and t.id = any(array(")
        .sql(select)
        .bind::<SqlUuid, _>(user.0)
        .sql(" limit ")
        .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
        .sql("))")
}
