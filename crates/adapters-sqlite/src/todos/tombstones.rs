//! Removes old tombstones, or their texts.

use std::collections::HashMap;

use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use domain::todo::OldTombstone;
use domain::{Stamp, StoreError, TodoId, UserId};
use uuid::Uuid;

use crate::error::Failure;
use crate::functions::greater;
use crate::rows::{Id, MAX_IDS_PER_STATEMENT, stamp};
use crate::schema::{todos, users};

/// The condition of the index `todos_unshrunk`.
const HAS_TEXTS: &str = "coalesce(title, description, metadata, metadata_versions) IS NOT NULL";

/// Tombstones of one user, to change together.
#[derive(Default)]
struct Group {
    ids: Vec<Id>,
    newest: i64,
    bytes: i64,
}

/// Removes the oldest tombstones first, so that no horizon moves further than necessary.
pub(super) fn sweep(conn: &mut SqliteConnection, before: Stamp, limit: u32) -> Result<u64, Failure> {
    let old = todos::table
        .filter(todos::deleted_at.lt(before.as_micros()))
        .order(todos::deleted_at)
        .limit(i64::from(limit))
        .select((todos::user_id, todos::id, todos::updated_at, stored_bytes()))
        .load(conn)?;
    let mut removed = 0;
    for (user, group) in by_user(old) {
        let count = i64::try_from(remove(conn, user, &group.ids)?).unwrap_or(i64::MAX);
        removed += count.unsigned_abs();
        diesel::update(users::table.filter(users::id.eq(user)))
            .set((
                users::sync_horizon.eq(greater(users::sync_horizon, group.newest)),
                users::tombstones.eq(greater(users::tombstones - count, 0)),
                users::stored_bytes.eq(greater(users::stored_bytes - group.bytes, 0)),
            ))
            .execute(conn)?;
    }
    Ok(removed)
}

/// Removes the texts of the oldest tombstones that have some.
pub(super) fn shrink(conn: &mut SqliteConnection, before: Stamp, limit: u32) -> Result<u64, Failure> {
    let old = todos::table
        .filter(todos::deleted_at.lt(before.as_micros()))
        .filter(sql::<Bool>(HAS_TEXTS))
        .order(todos::deleted_at)
        .limit(i64::from(limit))
        .select((todos::user_id, todos::id, todos::updated_at, stored_bytes()))
        .load(conn)?;
    let nothing = None::<&str>;
    let mut changed = 0;
    for (user, group) in by_user(old) {
        for ids in group.ids.chunks(MAX_IDS_PER_STATEMENT) {
            changed += diesel::update(todos::table.filter(todos::user_id.eq(user)))
                .filter(todos::id.eq_any(ids))
                .set((
                    todos::title.eq(nothing),
                    todos::description.eq(nothing),
                    todos::metadata.eq(nothing),
                    todos::metadata_versions.eq(nothing),
                ))
                .execute(conn)?;
        }
        diesel::update(users::table.filter(users::id.eq(user)))
            .set(users::stored_bytes.eq(greater(users::stored_bytes - group.bytes, 0)))
            .execute(conn)?;
    }
    Ok(changed as u64)
}

/// The user's tombstones with the earliest stamps.
pub(super) fn oldest(
    conn: &mut SqliteConnection,
    user: UserId,
    limit: u64,
) -> Result<Vec<OldTombstone>, Failure> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let rows: Vec<(Id, i64, i64)> = todos::table
        .filter(todos::user_id.eq(Id::from(user)))
        .filter(todos::deleted_at.is_not_null())
        .order(todos::updated_at)
        .limit(i64::try_from(limit).unwrap_or(i64::MAX))
        .select((todos::id, todos::updated_at, stored_bytes()))
        .load(conn)?;
    let tombstone = |(id, updated_at, bytes): (Id, i64, i64)| {
        let stamp = stamp("todos", "updated_at", updated_at)?;
        Ok(OldTombstone { id: TodoId(id.0), stamp, bytes: bytes.unsigned_abs() })
    };
    Ok(rows.into_iter().map(tombstone).collect::<Result<_, StoreError>>()?)
}

/// Deletes the user's rows with these ids, and returns their number.
pub(super) fn remove(conn: &mut SqliteConnection, user: Id, ids: &[Id]) -> QueryResult<usize> {
    let mut removed = 0;
    for ids in ids.chunks(MAX_IDS_PER_STATEMENT) {
        removed += diesel::delete(todos::table.filter(todos::user_id.eq(user)))
            .filter(todos::id.eq_any(ids))
            .execute(conn)?;
    }
    Ok(removed)
}

/// [`domain::todo::Todo::stored_bytes`] of a row.
fn stored_bytes() -> SqlLiteral<BigInt> {
    sql("coalesce(octet_length(title), 0) + coalesce(octet_length(description), 0) \
         + coalesce(octet_length(metadata), 0) + coalesce(octet_length(metadata_versions), 0)")
}

fn by_user(rows: Vec<(Id, Id, i64, i64)>) -> impl Iterator<Item = (Id, Group)> {
    let mut groups: HashMap<Uuid, Group> = HashMap::new();
    for (user, id, updated_at, bytes) in rows {
        let group = groups.entry(user.0).or_insert_with(|| Group { newest: updated_at, ..Group::default() });
        group.ids.push(id);
        group.newest = updated_at.max(group.newest);
        group.bytes += bytes;
    }
    groups.into_iter().map(|(user, group)| (Id(user), group))
}
