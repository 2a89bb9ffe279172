//! The feed that every instance polls: the revocations and the disabled users.

use diesel::pg::data_types::PgTimestamp;
use diesel::sql_types::{BigInt, Nullable, Timestamptz, Uuid as SqlUuid};
use domain::session::{FeedPosition, Revocation, RevocationFeed};
use domain::{Stamp, StoreError, UserId};
use uuid::Uuid;

use crate::rows::{ColumnsOf, RevocationRow, optional_stamp, timestamp};
use crate::sql::{Sql, sql};

/// A revocation, a disabled user, or the state of the feed: its last position and the time.
pub(crate) type FeedColumns =
    (Nullable<ColumnsOf<RevocationRow>>, Nullable<SqlUuid>, Nullable<BigInt>, Nullable<Timestamptz>);
pub(super) type FeedRow = (Option<RevocationRow>, Option<Uuid>, Option<i64>, Option<PgTimestamp>);

/// One statement, and so one snapshot.
pub(crate) fn statement<'a>(after: Option<FeedPosition>, now: Stamp) -> Sql<'a, FeedColumns> {
    sql("select r.session_id, r.user_id, r.reason, r.revoked_at, r.expires_at, null::uuid, null::bigint, \
         null::timestamptz from revoked_tokens r where r.jti is null and r.ordinal > ")
    .bind::<BigInt, _>(after.unwrap_or_default().0)
    .sql(" and r.expires_at > ")
    .bind::<Timestamptz, _>(timestamp(now))
    .sql(
        " union all select null, null, null, null, null, d.user_id, null, null from todo_disabled_users() d(user_id) \
         union all select null, null, null, null, null, null, \
         (select l.ordinal from revoked_tokens l where l.ordinal is not null order by l.ordinal desc limit 1), \
         clock_timestamp()",
    )
}

pub(super) fn read(rows: Vec<FeedRow>, after: Option<FeedPosition>) -> Result<RevocationFeed, StoreError> {
    let mut feed = RevocationFeed { position: after.unwrap_or_default(), ..RevocationFeed::default() };
    for (revocation, disabled, last, time) in rows {
        feed.revocations.extend(revocation.map(Revocation::try_from).transpose()?);
        feed.disabled.extend(disabled.map(UserId));
        feed.position = feed.position.max(last.map(FeedPosition).unwrap_or_default());
        feed.database_time = feed.database_time.or(optional_stamp("the database", "its clock", time)?);
    }
    Ok(feed)
}
