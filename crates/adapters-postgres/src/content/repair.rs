//! Changes after a check or a restore.

use diesel::sql_types::{BigInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::Stamp;
use domain::session::EndReason;
use domain::snapshot::Recount;

use super::{ContentError, begin, connect};
use crate::rows::timestamp;
use crate::sql::{Sql, sql};

/// Writes the totals that `recounts` counted, each for a user whose row has not changed since. Returns how many.
pub async fn repair(url: &str, recounts: &[Recount]) -> Result<usize, ContentError> {
    let mut conn = connect(url).await?;
    let mut transaction = conn.build_transaction().read_committed().read_write();
    transaction
        .run(async move |conn| {
            begin(conn).await?;
            let mut repaired = 0;
            for recount in recounts {
                repaired += update(recount).execute(conn).await?;
            }
            Ok(repaired)
        })
        .await
}

/// Ends every session of every user at `now`, as an administrator does after a restore. Returns how many.
pub async fn end_all_sessions(url: &str, now: Stamp) -> Result<usize, ContentError> {
    let mut conn = connect(url).await?;
    let mut transaction = conn.build_transaction().read_committed().read_write();
    let (at, reason) = (timestamp(now), EndReason::AdminRevoke.as_str());
    transaction
        .run(async move |conn| {
            begin(conn).await?;
            let end: Sql<'_, ()> = sql("with ended as (update sessions set revoked_at = ")
                .bind::<Timestamptz, _>(at)
                .sql(", revoke_reason = ")
                .bind::<Text, _>(reason)
                .sql(
                    " where revoked_at is null returning id, user_id, access_until) \
                     insert into revoked_tokens (session_id, user_id, reason, revoked_at, expires_at) \
                     select id, user_id, ",
                )
                .bind::<Text, _>(reason)
                .sql(", ")
                .bind::<Timestamptz, _>(at)
                .sql(", greatest(access_until, ")
                .bind::<Timestamptz, _>(at)
                .sql(") from ended");
            Ok(end.execute(conn).await?)
        })
        .await
}

/// Writes what was counted, unless the row has changed since it was read.
fn update(recount: &Recount) -> Sql<'_, ()> {
    let Recount { user, stored, counted } = recount;
    let count = |count: u32| i64::from(count);
    sql("update users set sync_clock = ")
        .bind::<Timestamptz, _>(timestamp(counted.clock))
        .sql(", live_todos = ")
        .bind::<BigInt, _>(count(counted.live))
        .sql(", tombstones = ")
        .bind::<BigInt, _>(count(counted.tombstones))
        .sql(", stored_bytes = ")
        .bind::<BigInt, _>(counted.stored_bytes.cast_signed())
        .sql(", digest = ")
        .bind::<BigInt, _>(counted.digest.to_i64())
        .sql(" where id = ")
        .bind::<SqlUuid, _>(user.0)
        .sql(" and sync_clock = ")
        .bind::<Timestamptz, _>(timestamp(stored.clock))
        .sql(" and live_todos = ")
        .bind::<BigInt, _>(count(stored.live))
        .sql(" and tombstones = ")
        .bind::<BigInt, _>(count(stored.tombstones))
        .sql(" and stored_bytes = ")
        .bind::<BigInt, _>(stored.stored_bytes.cast_signed())
        .sql(" and digest = ")
        .bind::<BigInt, _>(stored.digest.to_i64())
}
