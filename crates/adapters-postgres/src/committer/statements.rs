//! The statements that write a decision. Their number does not depend on the number of batches,
//! users or todos.

use diesel::sql_types::{Array, BigInt, Binary, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::text::{ClientId, fold, sort_key};
use domain::todo::plan::Written;
use domain::todo::{Description, Todo, UserRow};
use domain::{StoreError, TodoId, UserId};
use futures_util::future::try_join4;

use super::group::Decision;
use crate::error::Failure;
use crate::rows::{has_key, rows_of_keys, timestamp};
use crate::sql::{Sql, few, sql};

/// Writes the decision in pipelined statements: swept tombstones, new todos, changed todos and
/// the users' rows.
pub(super) async fn store(conn: &AsyncPgConnection, decision: &Decision) -> Result<(), Failure> {
    if decision.users.is_empty() {
        return Ok(());
    }
    let (new, old): (Vec<_>, Vec<_>) = decision.rows.iter().partition(|(_, written)| written.is_new);
    let sweep = (!decision.swept.is_empty()).then(|| delete(&decision.swept));
    let sweep = execute_exactly(conn, decision.swept.len(), sweep);
    let insert = execute_exactly(conn, new.len(), (!new.is_empty()).then(|| insert(&new)));
    let update = execute_exactly(conn, old.len(), (!old.is_empty()).then(|| update(&old)));
    let users = execute_exactly(conn, decision.users.len(), Some(update_users(&decision.users)));
    try_join4(sweep, insert, update, users).await?;
    Ok(())
}

/// Runs a statement that must write exactly `expected` rows.
///
/// Fewer rows mean that a row vanished despite the user's lock, or that a policy hides it.
async fn execute_exactly(
    conn: &AsyncPgConnection,
    expected: usize,
    statement: Option<Sql<'_, ()>>,
) -> Result<(), Failure> {
    let Some(statement) = statement else { return Ok(()) };
    let count = statement.execute(&mut &*conn).await?;
    if count == expected {
        Ok(())
    } else {
        Err(StoreError::Unavailable(format!("{count} rows were written instead of {expected}")).into())
    }
}

pub(crate) fn delete<'a>(keys: &[(UserId, TodoId)]) -> Sql<'a, ()> {
    sql("delete from todos t using ").append(rows_of_keys(keys)).sql(concat!(" k where ", has_key!("k")))
}

fn insert<'a>(rows: &[&'a (UserId, Written)]) -> Sql<'a, ()> {
    columns(
        sql(
            "insert into todos (user_id, id, number, title, title_folded, title_key, description, description_folded, \
             metadata, metadata_versions, completed_at, created_at, updated_at, deleted_at, client_id, version, title_version, \
             description_version, completed_version, deleted_version) select ",
        ),
        rows,
    )
}

pub(crate) fn update<'a>(rows: &[&'a (UserId, Written)]) -> Sql<'a, ()> {
    columns(
        sql("update todos t set title = n.title, title_folded = n.title_folded, \
             title_key = n.title_key, description = n.description, description_folded = n.description_folded, metadata = n.metadata, \
             metadata_versions = n.metadata_versions, completed_at = n.completed_at, created_at = n.created_at, \
             updated_at = n.updated_at, deleted_at = n.deleted_at, client_id = n.client_id, version = n.version, \
             title_version = n.title_version, description_version = n.description_version, \
             completed_version = n.completed_version, deleted_version = n.deleted_version from (select "),
        rows,
    )
    .append(few(rows.len()))
    .sql(concat!(") n where ", has_key!("n")))
}

fn columns<'a>(statement: Sql<'a, ()>, rows: &[&'a (UserId, Written)]) -> Sql<'a, ()> {
    fn of<'a, V>(rows: &[&'a (UserId, Written)], value: impl Fn(&'a Todo) -> V) -> Vec<V> {
        rows.iter().map(|(_, written)| value(&written.todo)).collect()
    }
    fn title(todo: &Todo) -> Option<&str> {
        (!todo.is_shrunk()).then(|| todo.title().as_str())
    }
    let user_ids: Vec<_> = rows.iter().map(|(user, _)| user.0).collect();
    let metadata = of(rows, |todo| todo.metadata().to_columns()).into_iter();
    let (metadata, metadata_versions): (Vec<_>, Vec<_>) =
        metadata.map(|[values, versions]| (values, versions)).unzip();
    statement
        .sql("unnest(")
        .bind::<Array<SqlUuid>, _>(user_ids)
        .sql("::uuid[]) as user_id, unnest(")
        .bind::<Array<SqlUuid>, _>(of(rows, |todo| todo.id().0))
        .sql("::uuid[]) as id, unnest(")
        .bind::<Array<BigInt>, _>(of(rows, |todo| todo.number().0))
        .sql("::bigint[]) as number, unnest(")
        .bind::<Array<Nullable<Text>>, _>(of(rows, title))
        .sql("::text[]) as title, unnest(")
        .bind::<Array<Nullable<Text>>, _>(of(rows, |todo| title(todo).map(fold)))
        .sql("::text[]) as title_folded, unnest(")
        .bind::<Array<Nullable<Binary>>, _>(of(rows, |todo| title(todo).map(sort_key)))
        .sql("::bytea[]) as title_key, unnest(")
        .bind::<Array<Nullable<Text>>, _>(of(rows, |todo| todo.description().map(Description::as_str)))
        .sql("::text[]) as description, unnest(")
        .bind::<Array<Nullable<Text>>, _>(of(rows, |todo| todo.description().map(|text| fold(text.as_str()))))
        .sql("::text[]) as description_folded, unnest(")
        .bind::<Array<Nullable<Text>>, _>(metadata)
        .sql("::text[]) as metadata, unnest(")
        .bind::<Array<Nullable<Text>>, _>(metadata_versions)
        .sql("::text[]) as metadata_versions, unnest(")
        .bind::<Array<Nullable<Timestamptz>>, _>(of(rows, |todo| todo.completed_at().map(timestamp)))
        .sql("::timestamptz[]) as completed_at, unnest(")
        .bind::<Array<Timestamptz>, _>(of(rows, |todo| timestamp(todo.created_at())))
        .sql("::timestamptz[]) as created_at, unnest(")
        .bind::<Array<Timestamptz>, _>(of(rows, |todo| timestamp(todo.updated_at())))
        .sql("::timestamptz[]) as updated_at, unnest(")
        .bind::<Array<Nullable<Timestamptz>>, _>(of(rows, |todo| todo.deleted_at().map(timestamp)))
        .sql("::timestamptz[]) as deleted_at, unnest(")
        .bind::<Array<Nullable<Text>>, _>(of(rows, |todo| todo.client_id().map(ClientId::as_str)))
        .sql("::text[]) as client_id, unnest(")
        .bind::<Array<BigInt>, _>(of(rows, |todo| todo.versions().version))
        .sql("::bigint[]) as version, unnest(")
        .bind::<Array<BigInt>, _>(of(rows, |todo| todo.versions().title))
        .sql("::bigint[]) as title_version, unnest(")
        .bind::<Array<BigInt>, _>(of(rows, |todo| todo.versions().description))
        .sql("::bigint[]) as description_version, unnest(")
        .bind::<Array<BigInt>, _>(of(rows, |todo| todo.versions().completed))
        .sql("::bigint[]) as completed_version, unnest(")
        .bind::<Array<BigInt>, _>(of(rows, |todo| todo.versions().deleted))
        .sql("::bigint[]) as deleted_version")
}

pub(crate) fn update_users(users: &[(UserId, UserRow)]) -> Sql<'_, ()> {
    fn of<'a, V>(users: &'a [(UserId, UserRow)], value: impl Fn(&'a UserRow) -> V) -> Vec<V> {
        users.iter().map(|(_, row)| value(row)).collect()
    }
    let ids: Vec<_> = users.iter().map(|(user, _)| user.0).collect();
    let number = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
    sql("update users u set sync_clock = n.sync_clock, sync_horizon = n.sync_horizon, live_todos = n.live_todos, \
         tombstones = n.tombstones, stored_bytes = n.stored_bytes, digest = n.digest, epoch_ordinal = n.epoch_ordinal, \
         epoch_counter = n.epoch_counter, partings = n.partings from (select ")
    .sql("unnest(")
    .bind::<Array<SqlUuid>, _>(ids)
    .sql("::uuid[]) as id, unnest(")
    .bind::<Array<Timestamptz>, _>(of(users, |row| timestamp(row.clock)))
    .sql("::timestamptz[]) as sync_clock, unnest(")
    .bind::<Array<Timestamptz>, _>(of(users, |row| timestamp(row.horizon)))
    .sql("::timestamptz[]) as sync_horizon, unnest(")
    .bind::<Array<Integer>, _>(of(users, |row| number(row.live)))
    .sql("::integer[]) as live_todos, unnest(")
    .bind::<Array<Integer>, _>(of(users, |row| number(row.tombstones)))
    .sql("::integer[]) as tombstones, unnest(")
    .bind::<Array<BigInt>, _>(of(users, |row| i64::try_from(row.stored_bytes).unwrap_or(i64::MAX)))
    .sql("::bigint[]) as stored_bytes, unnest(")
    .bind::<Array<BigInt>, _>(of(users, |row| row.digest.to_i64()))
    .sql("::bigint[]) as digest, unnest(")
    .bind::<Array<BigInt>, _>(of(users, |row| row.history.last().ordinal))
    .sql("::bigint[]) as epoch_ordinal, unnest(")
    .bind::<Array<BigInt>, _>(of(users, |row| i64::from(row.history.last().counter)))
    .sql("::bigint[]) as epoch_counter, unnest(")
    .bind::<Array<Nullable<Text>>, _>(of(users, |row| row.history.stored_partings()))
    .sql("::text[]) as partings")
    .append(few(users.len()))
    .sql(") n where u.id = n.id")
}
