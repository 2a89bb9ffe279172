//! The feed that every instance polls: the revocations and the disabled users.

use diesel::sql_types::{Nullable, Timestamptz, Uuid as SqlUuid};
use domain::session::{Revocation, RevocationFeed};
use domain::{Stamp, StoreError, UserId};
use uuid::Uuid;

use crate::rows::{ColumnsOf, RevocationRow, timestamp};
use crate::sql::{Sql, sql};

/// A revocation or a disabled user.
pub(crate) type FeedColumns = (Nullable<ColumnsOf<RevocationRow>>, Nullable<SqlUuid>);
pub(super) type FeedRow = (Option<RevocationRow>, Option<Uuid>);

/// One statement, and so one snapshot.
pub(crate) fn statement<'a>(since: Option<Stamp>, now: Stamp) -> Sql<'a, FeedColumns> {
    sql("select r.session_id, r.user_id, r.reason, r.revoked_at, r.expires_at, null::uuid \
         from revoked_tokens r where r.jti is null and r.revoked_at >= ")
    .bind::<Timestamptz, _>(timestamp(since.unwrap_or(Stamp::MIN)))
    .sql(" and r.expires_at > ")
    .bind::<Timestamptz, _>(timestamp(now))
    .sql(" union all select null, null, null, null, null, d.user_id from todo_disabled_users() d(user_id)")
}

pub(super) fn read(rows: Vec<FeedRow>) -> Result<RevocationFeed, StoreError> {
    let mut feed = RevocationFeed::default();
    for (revocation, disabled) in rows {
        feed.revocations.extend(revocation.map(Revocation::try_from).transpose()?);
        feed.disabled.extend(disabled.map(UserId));
    }
    Ok(feed)
}
