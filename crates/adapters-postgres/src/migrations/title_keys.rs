//! The sort keys of titles that were there before the keys were.

use diesel::RunQueryDsl;
use diesel::sql_types::{BigInt, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::{Harness, Outcome};
use crate::rows::set_title_keys;
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
        set_title_keys(titles).execute(conn)?;
    }
}
