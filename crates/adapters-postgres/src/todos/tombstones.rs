//! Removes old tombstones, or their texts.
//!
//! One statement finds them across all users. They are changed like any other todos, in transactions that name and
//! lock their users. Each transaction has as few users as a group commit, so that other writes do not wait long.

use std::collections::BTreeMap;

use diesel::sql_types::{BigInt, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{Stamp, StoreError, TodoId, UserId};
use uuid::Uuid;

use crate::committer::load::lock_rows;
use crate::pool::Pool;
use crate::row_security::{RowScope, Worker};
use crate::rows::{has_key, rows_of_keys, stored_bytes, timestamp};
use crate::sql::{Sql, sql};

/// The condition of the index `todos_unshrunk`.
macro_rules! has_texts {
    () => {
        "coalesce(t.title, t.description, t.metadata, t.metadata_versions) is not null"
    };
}

/// Removes up to `limit` tombstones, the oldest first, so that no horizon moves further than necessary.
pub(crate) async fn sweep(pool: &Pool, before: Stamp, limit: u32) -> Result<u64, StoreError> {
    change(pool, find(before, limit), |keys| remove(keys, before)).await
}

/// Removes the texts of up to `limit` tombstones that have some.
pub(crate) async fn shrink(pool: &Pool, before: Stamp, limit: u32) -> Result<u64, StoreError> {
    change(pool, find_unshrunk(before, limit), |keys| remove_texts(keys, before)).await
}

/// Runs `statement` on the tombstones that `found` selects, and returns the number of changed rows.
async fn change(
    pool: &Pool,
    found: Sql<'static, (SqlUuid, SqlUuid)>,
    statement: impl Fn(&[(UserId, TodoId)]) -> Sql<'static, BigInt>,
) -> Result<u64, StoreError> {
    let found = pool.read(RowScope::Worker(Worker::Sweep), async move |mut conn: &AsyncPgConnection| {
        Ok(found.load::<(Uuid, Uuid)>(&mut conn).await?)
    });
    let mut by_user: BTreeMap<UserId, Vec<TodoId>> = BTreeMap::new();
    for (user, id) in found.await? {
        by_user.entry(UserId(user)).or_default().push(TodoId(id));
    }
    let by_user: Vec<_> = by_user.into_iter().collect();
    let mut changed = 0;
    for part in by_user.chunks(pool.max_users_per_transaction()) {
        let users: Vec<_> = part.iter().map(|(user, _)| *user).collect();
        let keys: Vec<_> =
            part.iter().flat_map(|(user, ids)| ids.iter().map(move |id| (*user, *id))).collect();
        let statement = statement(&keys);
        let rows = pool.write(RowScope::Users(users.clone()), async move |mut conn: &AsyncPgConnection| {
            lock_rows(&users).execute(&mut conn).await?;
            // A tombstone that was restored before the lock stays as it is.
            Ok(statement.get_result::<i64>(&mut conn).await?)
        });
        changed += rows.await?.unsigned_abs();
    }
    Ok(changed)
}

pub(crate) fn find<'a>(before: Stamp, limit: u32) -> Sql<'a, (SqlUuid, SqlUuid)> {
    sql("select t.user_id, t.id from todos t where t.deleted_at < ")
        .bind::<Timestamptz, _>(timestamp(before))
        .sql(" order by t.deleted_at limit ")
        .bind::<BigInt, _>(i64::from(limit))
}

pub(crate) fn find_unshrunk<'a>(before: Stamp, limit: u32) -> Sql<'a, (SqlUuid, SqlUuid)> {
    sql("select t.user_id, t.id from todos t where t.deleted_at < ")
        .bind::<Timestamptz, _>(timestamp(before))
        .sql(concat!(" and ", has_texts!(), " order by t.deleted_at limit "))
        .bind::<BigInt, _>(i64::from(limit))
}

/// Deletes tombstones, adjusts their users' rows and returns the number of deleted rows, in one statement.
pub(crate) fn remove<'a>(keys: &[(UserId, TodoId)], before: Stamp) -> Sql<'a, BigInt> {
    sql("with gone as (delete from todos t using ")
        .append(rows_of_keys(keys))
        // `is true` keeps the planner from scanning the index of all tombstones.
        .sql(concat!(" k where ", has_key!("k"), " and (t.deleted_at < "))
        .bind::<Timestamptz, _>(timestamp(before))
        .sql(concat!(
            ") is true returning t.user_id, t.updated_at, ",
            stored_bytes!(),
            " as bytes), totals as (select g.user_id, max(g.updated_at) as newest, count(*) as rows, \
             sum(g.bytes) as bytes from gone g group by g.user_id), \
             adjusted as (update users u set sync_horizon = greatest(u.sync_horizon, n.newest), \
             tombstones = greatest(u.tombstones - n.rows::integer, 0), \
             stored_bytes = greatest(u.stored_bytes - n.bytes::bigint, 0) from totals n where u.id = n.user_id) \
             select count(*) from gone"
        ))
}

/// Removes the texts of tombstones, adjusts their users' rows and returns the number of changed tombstones, in
/// one statement.
pub(crate) fn remove_texts<'a>(keys: &[(UserId, TodoId)], before: Stamp) -> Sql<'a, BigInt> {
    sql(concat!("with old as (select t.user_id, t.id, ", stored_bytes!(), " as bytes from "))
        .append(rows_of_keys(keys))
        // As in `remove`.
        .sql(concat!(
            " k join todos t on ",
            has_key!("k"),
            " where (",
            has_texts!(),
            " and t.deleted_at < "
        ))
        .bind::<Timestamptz, _>(timestamp(before))
        .sql(
            ") is true), shrunk as (update todos t set title = null, title_folded = null, title_key = null, description = null, \
             description_folded = null, metadata = null, metadata_versions = null from old o \
             where t.user_id = o.user_id and t.id = o.id returning t.user_id, o.bytes), \
             totals as (select s.user_id, sum(s.bytes) as bytes from shrunk s group by s.user_id), \
             adjusted as (update users u set stored_bytes = greatest(u.stored_bytes - n.bytes::bigint, 0) \
             from totals n where u.id = n.user_id) \
             select count(*) from shrunk",
        )
}
