//! The digests of users who were there before digests were.

use std::collections::HashMap;

use diesel::prelude::*;
use domain::TodoId;
use domain::sync::Digest;
use uuid::Uuid;

use super::MigrateError;
use crate::rows::{Id, stamp};
use crate::schema::{todos, users};

/// The migration that adds the column.
pub(super) const SINCE: &str = "20260101000004";

/// Computes the digest of every user who has todos.
pub(super) fn compute(conn: &mut SqliteConnection) -> Result<(), MigrateError> {
    let mut digests: HashMap<Uuid, Digest> = HashMap::new();
    let live = todos::table.filter(todos::deleted_at.is_null());
    let columns = (todos::user_id, todos::id, todos::version, todos::updated_at);
    for row in live.select(columns).load_iter::<(Id, Id, i64, i64), _>(conn)? {
        let (user, id, version, updated_at) = row?;
        let updated_at =
            stamp("todos", "updated_at", updated_at).map_err(|error| MigrateError::Run(error.to_string()))?;
        let digest = digests.entry(user.0).or_default();
        *digest = *digest + Digest::of(TodoId(id.0), version, updated_at);
    }
    for (user, digest) in digests {
        diesel::update(users::table.filter(users::id.eq(Id(user))))
            .set(users::digest.eq(digest.to_i64()))
            .execute(conn)?;
    }
    Ok(())
}
