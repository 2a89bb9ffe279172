//! The sort keys of titles, as bytes.

use diesel::sql_types::{Array, BigInt, Binary, Uuid as SqlUuid};
use domain::text::sort_key;
use uuid::Uuid;

use crate::sql::{Sql, sql};

/// Sets the keys of titles, given with their users and numbers.
pub(crate) fn set_title_keys<'a>(titles: Vec<(Uuid, i64, String)>) -> Sql<'a, ()> {
    let (users, numbers, keys): (Vec<_>, Vec<_>, Vec<_>) =
        titles.into_iter().map(|(user, number, title)| (user, number, sort_key(&title))).collect();
    sql("update todos t set title_key = n.title_key from unnest(")
        .bind::<Array<SqlUuid>, _>(users)
        .sql("::uuid[], ")
        .bind::<Array<BigInt>, _>(numbers)
        .sql("::bigint[], ")
        .bind::<Array<Binary>, _>(keys)
        .sql(
            "::bytea[]) as n(user_id, number, title_key) where t.user_id = n.user_id and t.number = n.number",
        )
}
