//! Removing old tombstones.

use std::collections::HashMap;

use diesel::prelude::*;
use domain::Stamp;

use crate::error::Failure;
use crate::rows::{IDS_A_QUERY, Id};
use crate::schema::{todos, users};

/// The oldest go first, so that a horizon moves no further than it must.
pub(super) fn sweep(conn: &mut SqliteConnection, before: Stamp, limit: u32) -> Result<u64, Failure> {
    let old: Vec<(Id, Id, i64)> = todos::table
        .filter(todos::deleted_at.lt(before.as_micros()))
        .order(todos::deleted_at)
        .limit(i64::from(limit))
        .select((todos::user_id, todos::id, todos::updated_at))
        .load(conn)?;
    let mut of_users: HashMap<_, (Vec<Id>, i64)> = HashMap::new();
    for (user, id, stamp) in old {
        let (ids, newest) = of_users.entry(user.0).or_insert((Vec::new(), stamp));
        ids.push(id);
        *newest = stamp.max(*newest);
    }
    let mut gone = 0;
    for (user, (ids, newest)) in of_users {
        for ids in ids.chunks(IDS_A_QUERY) {
            gone += diesel::delete(todos::table.filter(todos::user_id.eq(Id(user))))
                .filter(todos::id.eq_any(ids))
                .execute(conn)?;
        }
        diesel::update(users::table.filter(users::id.eq(Id(user))))
            .filter(users::sync_horizon.lt(newest))
            .set(users::sync_horizon.eq(newest))
            .execute(conn)?;
    }
    Ok(gone as u64)
}
