//! The sort keys of titles that an older version of this program wrote, during a rolling upgrade.

use diesel::sql_types::{BigInt, Bool, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{StoreError, UserId};

use crate::committer::load::lock_rows;
use crate::pool::Pool;
use crate::row_security::RowScope;
use crate::rows::set_title_keys;
use crate::sql::{Sql, sql};

/// How many keys are computed in one transaction.
const TODOS: i64 = 1_000;

/// The condition of the index `todos_without_title_key`.
macro_rules! of_titles_without_key {
    () => {
        " from todos t where t.title_key is null and t.title is not null and t.user_id = "
    };
}

/// Whether a title of the user has no key.
pub(crate) fn are_missing<'a>(user: UserId) -> Sql<'a, Bool> {
    sql(concat!("select exists (select", of_titles_without_key!())).bind::<SqlUuid, _>(user.0).sql(")")
}

/// Computes the missing keys of the user's titles. Other instances write none meanwhile, because each writer locks the
/// user's row.
pub(crate) async fn renew(pool: &Pool, user: UserId) -> Result<(), StoreError> {
    let renewed = async || {
        let renewed = pool.write(RowScope::User(user), async move |mut conn: &AsyncPgConnection| {
            lock_rows(&[user]).execute(&mut conn).await?;
            let titles = without_key(user).load::<(_, i64, String)>(&mut conn).await?;
            let count = titles.len();
            set_title_keys(titles).execute(&mut conn).await?;
            Ok(count)
        });
        renewed.await
    };
    while renewed().await? > 0 {}
    Ok(())
}

pub(crate) fn without_key<'a>(user: UserId) -> Sql<'a, (SqlUuid, BigInt, Text)> {
    sql(concat!("select t.user_id, t.number, t.title", of_titles_without_key!()))
        .bind::<SqlUuid, _>(user.0)
        .sql(" order by t.number limit ")
        .bind::<BigInt, _>(TODOS)
}
