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
use crate::rows::timestamp;
use crate::sql::{Sql, sql};

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
    let (users, ids): (Vec<_>, Vec<_>) = keys.iter().map(|(user, id)| (user.0, id.0)).unzip();
    sql("delete from todos t using unnest(")
        .bind::<Array<SqlUuid>, _>(users)
        .sql("::uuid[], ")
        .bind::<Array<SqlUuid>, _>(ids)
        .sql("::uuid[]) as k(user_id, id) where t.user_id = k.user_id and t.id = k.id")
}

fn insert<'a>(rows: &[&'a (UserId, Written)]) -> Sql<'a, ()> {
    columns(
        sql("insert into todos (user_id, id, number, title, title_folded, title_key, description, description_folded, \
             metadata, metadata_versions, completed_at, created_at, updated_at, deleted_at, client_id, version, title_version, \
             description_version, completed_version, deleted_version) select * from unnest("),
        rows,
    )
    .sql(")")
}

pub(crate) fn update<'a>(rows: &[&'a (UserId, Written)]) -> Sql<'a, ()> {
    columns(
        sql("update todos t set title = n.title, title_folded = n.title_folded, \
             title_key = n.title_key, description = n.description, description_folded = n.description_folded, metadata = n.metadata, \
             metadata_versions = n.metadata_versions, completed_at = n.completed_at, created_at = n.created_at, \
             updated_at = n.updated_at, deleted_at = n.deleted_at, client_id = n.client_id, version = n.version, \
             title_version = n.title_version, description_version = n.description_version, \
             completed_version = n.completed_version, deleted_version = n.deleted_version from unnest("),
        rows,
    )
    .sql(
        ") as n(user_id, id, number, title, title_folded, title_key, description, description_folded, metadata, \
         metadata_versions, completed_at, created_at, updated_at, deleted_at, client_id, version, title_version, description_version, completed_version, \
         deleted_version) where t.user_id = n.user_id and t.id = n.id",
    )
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
        .bind::<Array<SqlUuid>, _>(user_ids)
        .sql("::uuid[], ")
        .bind::<Array<SqlUuid>, _>(of(rows, |todo| todo.id().0))
        .sql("::uuid[], ")
        .bind::<Array<BigInt>, _>(of(rows, |todo| todo.number().0))
        .sql("::bigint[], ")
        .bind::<Array<Nullable<Text>>, _>(of(rows, title))
        .sql("::text[], ")
        .bind::<Array<Nullable<Text>>, _>(of(rows, |todo| title(todo).map(fold)))
        .sql("::text[], ")
        .bind::<Array<Nullable<Binary>>, _>(of(rows, |todo| title(todo).map(sort_key)))
        .sql("::bytea[], ")
        .bind::<Array<Nullable<Text>>, _>(of(rows, |todo| todo.description().map(Description::as_str)))
        .sql("::text[], ")
        .bind::<Array<Nullable<Text>>, _>(of(rows, |todo| todo.description().map(|text| fold(text.as_str()))))
        .sql("::text[], ")
        .bind::<Array<Nullable<Text>>, _>(metadata)
        .sql("::text[], ")
        .bind::<Array<Nullable<Text>>, _>(metadata_versions)
        .sql("::text[], ")
        .bind::<Array<Nullable<Timestamptz>>, _>(of(rows, |todo| todo.completed_at().map(timestamp)))
        .sql("::timestamptz[], ")
        .bind::<Array<Timestamptz>, _>(of(rows, |todo| timestamp(todo.created_at())))
        .sql("::timestamptz[], ")
        .bind::<Array<Timestamptz>, _>(of(rows, |todo| timestamp(todo.updated_at())))
        .sql("::timestamptz[], ")
        .bind::<Array<Nullable<Timestamptz>>, _>(of(rows, |todo| todo.deleted_at().map(timestamp)))
        .sql("::timestamptz[], ")
        .bind::<Array<Nullable<Text>>, _>(of(rows, |todo| todo.client_id().map(ClientId::as_str)))
        .sql("::text[], ")
        .bind::<Array<BigInt>, _>(of(rows, |todo| todo.versions().version))
        .sql("::bigint[], ")
        .bind::<Array<BigInt>, _>(of(rows, |todo| todo.versions().title))
        .sql("::bigint[], ")
        .bind::<Array<BigInt>, _>(of(rows, |todo| todo.versions().description))
        .sql("::bigint[], ")
        .bind::<Array<BigInt>, _>(of(rows, |todo| todo.versions().completed))
        .sql("::bigint[], ")
        .bind::<Array<BigInt>, _>(of(rows, |todo| todo.versions().deleted))
        .sql("::bigint[]")
}

fn update_users(users: &[(UserId, UserRow)]) -> Sql<'_, ()> {
    fn of<'a, V>(users: &'a [(UserId, UserRow)], value: impl Fn(&'a UserRow) -> V) -> Vec<V> {
        users.iter().map(|(_, row)| value(row)).collect()
    }
    let ids: Vec<_> = users.iter().map(|(user, _)| user.0).collect();
    let number = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
    sql("update users u set sync_clock = n.sync_clock, sync_horizon = n.sync_horizon, live_todos = n.live_todos, \
         tombstones = n.tombstones, stored_bytes = n.stored_bytes, digest = n.digest, epoch_ordinal = n.epoch_ordinal, \
         epoch_counter = n.epoch_counter, partings = n.partings from unnest(")
    .bind::<Array<SqlUuid>, _>(ids)
    .sql("::uuid[], ")
    .bind::<Array<Timestamptz>, _>(of(users, |row| timestamp(row.clock)))
    .sql("::timestamptz[], ")
    .bind::<Array<Timestamptz>, _>(of(users, |row| timestamp(row.horizon)))
    .sql("::timestamptz[], ")
    .bind::<Array<Integer>, _>(of(users, |row| number(row.live)))
    .sql("::integer[], ")
    .bind::<Array<Integer>, _>(of(users, |row| number(row.tombstones)))
    .sql("::integer[], ")
    .bind::<Array<BigInt>, _>(of(users, |row| i64::try_from(row.stored_bytes).unwrap_or(i64::MAX)))
    .sql("::bigint[], ")
    .bind::<Array<BigInt>, _>(of(users, |row| row.digest.to_i64()))
    .sql("::bigint[], ")
    .bind::<Array<BigInt>, _>(of(users, |row| row.history.last().ordinal))
    .sql("::bigint[], ")
    .bind::<Array<BigInt>, _>(of(users, |row| i64::from(row.history.last().counter)))
    .sql("::bigint[], ")
    .bind::<Array<Nullable<Text>>, _>(of(users, |row| row.history.stored_partings()))
    .sql(
        "::text[]) as n(id, sync_clock, sync_horizon, live_todos, tombstones, stored_bytes, digest, epoch_ordinal, \
         epoch_counter, partings) where u.id = n.id",
    )
}
