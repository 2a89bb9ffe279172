//! The sessions that a user could still refresh.

use diesel::sql_types::{Timestamptz, Uuid};
use domain::{Stamp, UserId};

use crate::rows::{ColumnsOf, SessionRow, timestamp};
use crate::sql::{Sql, sql};

/// Selects the live sessions, the last used first.
pub(crate) fn statement<'a>(user: UserId, now: Stamp) -> Sql<'a, ColumnsOf<SessionRow>> {
    sql("select s.id, s.user_id, s.client_id, s.user_agent, s.ip, s.created_at, s.last_used_at, s.expires_at, s.revoked_at, \
         s.revoke_reason, s.late_repeat_at, s.trusted_from from sessions s where s.user_id = ")
    .bind::<Uuid, _>(user.0)
    .sql(" and s.revoked_at is null and s.expires_at > ")
    .bind::<Timestamptz, _>(timestamp(now))
    .sql(" order by s.last_used_at desc, s.id desc")
}
