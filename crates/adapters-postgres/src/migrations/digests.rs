//! The digests of users who were there before digests were.

use std::collections::BTreeMap;

use diesel::pg::data_types::PgTimestamp;
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Timestamptz, Uuid as SqlUuid};
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl};
use domain::TodoId;
use domain::sync::Digest;
use uuid::Uuid;

use super::{Harness, Outcome};
use crate::rows::stamp;
use crate::schema::users;
use crate::sql::{Sql, sql};

/// The migration that adds the column.
pub(super) const SINCE: &str = "20260101000005";

/// How many users' todos are loaded at once.
const USERS: i64 = 100;

type Row = (Uuid, Uuid, i64, PgTimestamp);

/// Computes the digest of every user who has todos.
pub(super) fn compute(conn: &mut Harness) -> Outcome<()> {
    let mut after = Uuid::nil();
    loop {
        let next = users::table.filter(users::id.gt(after)).order(users::id).select(users::id).limit(USERS);
        let ids = next.load::<Uuid>(conn)?;
        let Some(last) = ids.last() else { return Ok(()) };
        after = *last;
        let mut digests: BTreeMap<Uuid, Digest> = BTreeMap::new();
        for (user, id, version, updated_at) in live(ids).load::<Row>(conn)? {
            let hash = Digest::of(TodoId(id), version, stamp("todos", "updated_at", updated_at)?);
            let digest = digests.entry(user).or_default();
            *digest = *digest + hash;
        }
        write(conn, &digests)?;
    }
}

fn live<'a>(users: Vec<Uuid>) -> Sql<'a, (SqlUuid, SqlUuid, BigInt, Timestamptz)> {
    sql("select t.user_id, t.id, t.version, t.updated_at from todos t where t.user_id = any(")
        .bind::<Array<SqlUuid>, _>(users)
        .sql(") and t.deleted_at is null")
}

fn write(conn: &mut Harness, digests: &BTreeMap<Uuid, Digest>) -> QueryResult<usize> {
    let update: Sql<'_, ()> = sql("update users u set digest = n.digest from unnest(")
        .bind::<Array<SqlUuid>, _>(digests.keys().copied().collect::<Vec<_>>())
        .sql("::uuid[], ")
        .bind::<Array<BigInt>, _>(digests.values().map(|digest| digest.to_i64()).collect::<Vec<_>>())
        .sql("::bigint[]) as n(id, digest) where u.id = n.id");
    update.execute(conn)
}
