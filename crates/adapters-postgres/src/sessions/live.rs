//! The sessions that a user could still refresh.

use diesel::dsl::exists;
use diesel::prelude::{ExpressionMethods, QueryDsl};
use diesel::sql_types::{Timestamptz, Uuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{SessionId, Stamp, UserId};

use crate::error::Failure;
use crate::rows::{ColumnsOf, SessionRow, timestamp};
use crate::schema::sessions;
use crate::sql::{Sql, sql};

/// The last used first.
pub(crate) fn statement<'a>(user: UserId, now: Stamp) -> Sql<'a, ColumnsOf<SessionRow>> {
    sql("select s.id, s.user_id, s.client_id, s.user_agent, s.ip, s.created_at, s.last_used_at, s.expires_at, s.revoked_at, \
         s.revoke_reason from sessions s where s.user_id = ")
    .bind::<Uuid, _>(user.0)
    .sql(" and s.revoked_at is null and s.expires_at > ")
    .bind::<Timestamptz, _>(timestamp(now))
    .sql(" order by s.last_used_at desc, s.id desc")
}

/// Whether the session is one of them, where one is given. Under the user's lock it stays so: who ends all of them has that too.
pub(crate) async fn is_live(
    conn: &AsyncPgConnection,
    user: UserId,
    session: Option<SessionId>,
    now: Stamp,
) -> Result<bool, Failure> {
    let Some(session) = session else { return Ok(true) };
    let live = sessions::table
        .filter(sessions::user_id.eq(user.0))
        .filter(sessions::id.eq(session.0))
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::expires_at.gt(timestamp(now)));
    Ok(diesel::select(exists(live)).get_result(&mut &*conn).await?)
}
