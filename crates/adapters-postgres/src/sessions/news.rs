//! What every instance asks for again and again: who ended, and who is disabled.

use diesel::sql_types::{Nullable, Timestamptz, Uuid as SqlUuid};
use domain::session::{Revocation, RevocationNews};
use domain::{Stamp, StoreError, UserId};
use uuid::Uuid;

use crate::rows::{ColumnsOf, RevocationRow, timestamp};
use crate::sql::{Sql, sql};

/// A revocation or a disabled user.
pub(crate) type NewsColumns = (Nullable<ColumnsOf<RevocationRow>>, Nullable<SqlUuid>);
pub(super) type NewsRow = (Option<RevocationRow>, Option<Uuid>);

/// One statement, and so one snapshot.
pub(crate) fn statement<'a>(since: Option<Stamp>, now: Stamp) -> Sql<'a, NewsColumns> {
    sql("select r.session_id, r.jti, r.user_id, r.reason, r.revoked_at, r.expires_at, null::uuid \
         from revoked_tokens r where r.revoked_at >= ")
    .bind::<Timestamptz, _>(timestamp(since.unwrap_or(Stamp::MIN)))
    .sql(" and r.expires_at > ")
    .bind::<Timestamptz, _>(timestamp(now))
    .sql(" union all select null, null, null, null, null, null, d.user_id from todo_disabled_users() d(user_id)")
}

pub(super) fn read(rows: Vec<NewsRow>) -> Result<RevocationNews, StoreError> {
    let mut news = RevocationNews::default();
    for (revocation, disabled) in rows {
        news.revocations.extend(revocation.map(Revocation::try_from).transpose()?);
        news.disabled.extend(disabled.map(UserId));
    }
    Ok(news)
}
