//! The sort keys of titles that were there before the keys were.

use diesel::RunQueryDsl;
use diesel::sql_types::{Array, BigInt, Binary, Text};
use domain::text::sort_key;

use super::{Harness, Outcome};
use crate::sql::{Sql, sql};

/// The migration that adds the column.
pub(super) const SINCE: &str = "20260203000001";

/// How many todos are loaded at once.
const TODOS: i64 = 1_000;

/// Computes the sort key of every title.
pub(super) fn compute(conn: &mut Harness) -> Outcome<()> {
    let mut last = 0;
    loop {
        let titles: Sql<'_, (BigInt, Text)> =
            sql("select t.number, t.title from todos t where t.title is not null and t.number > ")
                .bind::<BigInt, _>(last)
                .sql(" order by t.number limit ")
                .bind::<BigInt, _>(TODOS);
        let titles = titles.load::<(i64, String)>(conn)?;
        let Some((number, _)) = titles.last() else { return Ok(()) };
        last = *number;
        let (numbers, keys): (Vec<_>, Vec<_>) =
            titles.into_iter().map(|(number, title)| (number, sort_key(&title))).unzip();
        let update: Sql<'_, ()> = sql("update todos t set title_key = n.title_key from unnest(")
            .bind::<Array<BigInt>, _>(numbers)
            .sql("::bigint[], ")
            .bind::<Array<Binary>, _>(keys)
            .sql("::bytea[]) as n(number, title_key) where t.number = n.number");
        update.execute(conn)?;
    }
}
