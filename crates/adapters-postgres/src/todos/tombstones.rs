//! Deletes old tombstones.
//!
//! One statement finds them across all users. They are deleted like any other change of todos, in transactions
//! that name and lock their users. Each transaction has as few users as a group commit, so that other writes do
//! not wait long.

use std::collections::BTreeMap;

use diesel::sql_types::{Array, BigInt, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{Stamp, StoreError, TodoId, UserId};
use uuid::Uuid;

use crate::committer::statements::lock_users;
use crate::pool::Pool;
use crate::row_security::{RowScope, Worker};
use crate::rows::timestamp;
use crate::sql::{Sql, sql};

pub(crate) async fn sweep(pool: &Pool, before: Stamp, limit: u32) -> Result<u64, StoreError> {
    let found = pool.read(RowScope::Worker(Worker::Sweep), async move |mut conn: &AsyncPgConnection| {
        Ok(find(before, limit).load::<(Uuid, Uuid)>(&mut conn).await?)
    });
    let mut by_user: BTreeMap<UserId, Vec<TodoId>> = BTreeMap::new();
    for (user, id) in found.await? {
        by_user.entry(UserId(user)).or_default().push(TodoId(id));
    }
    let by_user: Vec<_> = by_user.into_iter().collect();
    let mut deleted = 0;
    for part in by_user.chunks(pool.max_users_per_transaction()) {
        let users: Vec<_> = part.iter().map(|(user, _)| *user).collect();
        let keys: Vec<_> =
            part.iter().flat_map(|(user, ids)| ids.iter().map(move |id| (*user, *id))).collect();
        let removed =
            pool.write(RowScope::Users(users.clone()), async move |mut conn: &AsyncPgConnection| {
                lock_users(&users).execute(&mut conn).await?;
                // A tombstone that was restored before the lock stays.
                Ok(remove(&keys, before).get_result::<i64>(&mut conn).await?)
            });
        deleted += removed.await?.unsigned_abs();
    }
    Ok(deleted)
}

/// Finds the oldest tombstones.
pub(crate) fn find<'a>(before: Stamp, limit: u32) -> Sql<'a, (SqlUuid, SqlUuid)> {
    sql("select t.user_id, t.id from todos t where t.deleted_at < ")
        .bind::<Timestamptz, _>(timestamp(before))
        .sql(" order by t.deleted_at limit ")
        .bind::<BigInt, _>(i64::from(limit))
}

/// Deletes tombstones, moves the horizons and returns the number of deleted rows, in one statement.
pub(crate) fn remove<'a>(keys: &[(UserId, TodoId)], before: Stamp) -> Sql<'a, BigInt> {
    let (users, ids): (Vec<_>, Vec<_>) = keys.iter().map(|(user, id)| (user.0, id.0)).unzip();
    sql("with gone as (delete from todos t using unnest(")
        .bind::<Array<SqlUuid>, _>(users)
        .sql("::uuid[], ")
        .bind::<Array<SqlUuid>, _>(ids)
        // `is true` keeps the planner from scanning the index of all tombstones.
        .sql("::uuid[]) as k(user_id, id) where t.user_id = k.user_id and t.id = k.id and (t.deleted_at < ")
        .bind::<Timestamptz, _>(timestamp(before))
        .sql(
            ") is true returning t.user_id, t.updated_at), \
             newest as (select g.user_id, max(g.updated_at) as stamp from gone g group by g.user_id), \
             moved as (update users u set sync_horizon = greatest(u.sync_horizon, n.stamp) from newest n \
             where u.id = n.user_id) \
             select count(*) from gone",
        )
}
