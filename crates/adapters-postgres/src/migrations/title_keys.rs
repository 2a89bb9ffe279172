//! The sort keys of titles that were there before the keys were.

use diesel::RunQueryDsl;
use diesel::sql_types::{Array, BigInt, Binary, Text, Uuid as SqlUuid};
use domain::text::sort_key;
use uuid::Uuid;

use super::{Harness, Outcome};
use crate::sql::{Sql, sql};

/// The migration that adds the column.
pub(super) const SINCE: &str = "20260203000001";

/// How many todos are loaded at once.
const TODOS: i64 = 1_000;

/// Computes the sort key of every title.
pub(super) fn compute(conn: &mut Harness) -> Outcome<()> {
    // The pages follow the index on users and numbers.
    let mut last = (Uuid::nil(), 0);
    loop {
        let titles: Sql<'_, (SqlUuid, BigInt, Text)> = sql(
            "select t.user_id, t.number, t.title from todos t where t.title is not null and (t.user_id, t.number) > (",
        )
        .bind::<SqlUuid, _>(last.0)
        .sql(", ")
        .bind::<BigInt, _>(last.1)
        .sql(") order by t.user_id, t.number limit ")
        .bind::<BigInt, _>(TODOS);
        let titles = titles.load::<(Uuid, i64, String)>(conn)?;
        let Some((user, number, _)) = titles.last() else { return Ok(()) };
        last = (*user, *number);
        let (users, numbers, keys): (Vec<_>, Vec<_>, Vec<_>) =
            titles.into_iter().map(|(user, number, title)| (user, number, sort_key(&title))).collect();
        let update: Sql<'_, ()> = sql("update todos t set title_key = n.title_key from unnest(")
            .bind::<Array<SqlUuid>, _>(users)
            .sql("::uuid[], ")
            .bind::<Array<BigInt>, _>(numbers)
            .sql("::bigint[], ")
            .bind::<Array<Binary>, _>(keys)
            .sql(
                "::bytea[]) as n(user_id, number, title_key) where t.user_id = n.user_id and t.number = n.number",
            );
        update.execute(conn)?;
    }
}
