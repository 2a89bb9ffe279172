//! Deletes old tombstones.

use std::collections::HashMap;

use diesel::prelude::*;
use domain::Stamp;

use crate::error::Failure;
use crate::rows::{Id, MAX_IDS_PER_STATEMENT};
use crate::schema::{todos, users};

/// Deletes the oldest tombstones first, so that no horizon moves further than necessary.
pub(super) fn sweep(conn: &mut SqliteConnection, before: Stamp, limit: u32) -> Result<u64, Failure> {
    let old: Vec<(Id, Id, i64)> = todos::table
        .filter(todos::deleted_at.lt(before.as_micros()))
        .order(todos::deleted_at)
        .limit(i64::from(limit))
        .select((todos::user_id, todos::id, todos::updated_at))
        .load(conn)?;
    let mut by_user: HashMap<_, (Vec<Id>, i64)> = HashMap::new();
    for (user, id, stamp) in old {
        let (ids, newest) = by_user.entry(user.0).or_insert((Vec::new(), stamp));
        ids.push(id);
        *newest = stamp.max(*newest);
    }
    let mut deleted = 0;
    for (user, (ids, newest)) in by_user {
        for ids in ids.chunks(MAX_IDS_PER_STATEMENT) {
            deleted += diesel::delete(todos::table.filter(todos::user_id.eq(Id(user))))
                .filter(todos::id.eq_any(ids))
                .execute(conn)?;
        }
        diesel::update(users::table.filter(users::id.eq(Id(user))))
            .filter(users::sync_horizon.lt(newest))
            .set(users::sync_horizon.eq(newest))
            .execute(conn)?;
    }
    Ok(deleted as u64)
}
