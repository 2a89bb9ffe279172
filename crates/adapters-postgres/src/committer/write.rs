//! The statements of a commit. Their number does not depend on how many batches, users or todos it carries.

use std::collections::HashMap;
use std::time::Duration;

use diesel::pg::data_types::PgTimestamp;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::text::{ClientId, fold};
use domain::todo::plan::Written;
use domain::todo::{Description, Todo, TodoNumber};
use domain::{StoreError, TodoId, UserId};
use futures_util::future::{try_join3, try_join4};
use uuid::Uuid;

use super::group::{self, Decided, Job, Loaded};
use crate::error::Failure;
use crate::fence::admitted;
use crate::rows::{TodoColumns, TodoRow, position, timestamp, todo_columns};
use crate::sql::{Sql, sql};

/// Admits the users, locks their clocks in the order of their ids, and loads what the jobs name: sent together, done one after
/// the other. `transaction` is set as soon as the transaction's id is known.
///
/// READ COMMITTED suffices: each statement sees what was committed before it began, and those after the lock begin under it.
pub(super) async fn load(
    conn: &AsyncPgConnection,
    jobs: &[Job],
    lock_wait: Duration,
    transaction: &mut Option<String>,
) -> Result<Loaded, Failure> {
    let users = group::users(jobs);
    let keys = group::keys(jobs);
    let count = i64::try_from(group::numbers_for(jobs)).unwrap_or(i64::MAX);
    let admit = async {
        let (_, _, id) = admit(&users, lock_wait).get_result::<(String, String, String)>(&mut &*conn).await?;
        *transaction = Some(id);
        Ok::<_, Failure>(())
    };
    let lock = async { Ok(lock(&users).load::<UserColumns>(&mut &*conn).await?) };
    let rows = async { Ok(rows(&keys).load::<(Uuid, TodoRow)>(&mut &*conn).await?) };
    let numbers = async {
        if count == 0 { Ok(Vec::new()) } else { Ok(numbers(count).load::<i64>(&mut &*conn).await?) }
    };
    let ((), locked, rows, numbers) = try_join4(admit, lock, rows, numbers).await?;
    let users = locked.into_iter().map(|(id, clock, horizon, live, epoch)| {
        let live = u32::try_from(live).map_err(|_| StoreError::corrupt("users", "live_todos", "negative"))?;
        Ok((UserId(id), (position(clock, horizon, epoch)?, live)))
    });
    let todos = rows.into_iter().map(|(user, row)| Ok((UserId(user), Todo::try_from(row)?)));
    Ok(Loaded {
        users: users.collect::<Result<HashMap<_, _>, StoreError>>()?,
        todos: todos.collect::<Result<Vec<_>, StoreError>>()?,
        numbers: numbers.into_iter().map(TodoNumber).collect(),
    })
}

type UserColumns = (Uuid, PgTimestamp, PgTimestamp, i32, String);

fn admit<'a>(users: &[UserId], lock_wait: Duration) -> Sql<'a, (Text, Text, Text)> {
    sql("select set_config('todo.users', ")
        .bind::<Text, _>(admitted(users.iter().copied()))
        .sql(", true), set_config('lock_timeout', ")
        .bind::<Text, _>(format!("{}ms", lock_wait.as_millis()))
        .sql(", true), pg_current_xact_id()::text")
}

pub(crate) fn lock<'a>(users: &[UserId]) -> Sql<'a, (SqlUuid, Timestamptz, Timestamptz, Integer, Text)> {
    sql("select u.id, u.sync_clock, u.sync_horizon, u.live_todos, (select e.epoch from database_epoch e) \
         from users u where u.id = any(")
    .bind::<Array<SqlUuid>, _>(users.iter().map(|user| user.0).collect::<Vec<_>>())
    // Rows that refer to the user may be written meanwhile; nothing else of it may.
    .sql(") order by u.id for no key update of u")
}

pub(crate) fn rows<'a>(keys: &[(UserId, TodoId)]) -> Sql<'a, (SqlUuid, TodoColumns)> {
    let (users, ids): (Vec<_>, Vec<_>) = keys.iter().map(|(user, id)| (user.0, id.0)).unzip();
    sql(concat!("select t.user_id, ", todo_columns!(), " from unnest("))
        .bind::<Array<SqlUuid>, _>(users)
        .sql("::uuid[], ")
        .bind::<Array<SqlUuid>, _>(ids)
        .sql("::uuid[]) as k(user_id, id) join todos t on t.user_id = k.user_id and t.id = k.id")
}

fn numbers<'a>(count: i64) -> Sql<'a, BigInt> {
    sql("select nextval('todo_numbers') from generate_series(1, ").bind::<BigInt, _>(count).sql(")")
}

/// Writes the decision: new todos, changed todos, clocks and counts, sent together.
pub(super) async fn store(conn: &AsyncPgConnection, decided: &Decided) -> Result<(), Failure> {
    if decided.users.is_empty() {
        return Ok(());
    }
    let (new, old): (Vec<_>, Vec<_>) = decided.rows.iter().partition(|(_, written)| written.is_new);
    let insert = exactly(conn, new.len(), (!new.is_empty()).then(|| insert(&new)));
    let update = exactly(conn, old.len(), (!old.is_empty()).then(|| update(&old)));
    let tick = exactly(conn, decided.users.len(), Some(tick(decided)));
    try_join3(insert, update, tick).await?;
    Ok(())
}

/// Fewer rows than decided would mean that a row vanished under the user's lock, or that a policy hides it.
async fn exactly(
    conn: &AsyncPgConnection,
    expected: usize,
    statement: Option<Sql<'_, ()>>,
) -> Result<(), Failure> {
    let Some(statement) = statement else { return Ok(()) };
    let count = statement.execute(&mut &*conn).await?;
    if count == expected {
        Ok(())
    } else {
        Err(StoreError::Unavailable(format!("{count} rows were written where {expected} were decided"))
            .into())
    }
}

fn insert<'a>(rows: &[&'a (UserId, Written)]) -> Sql<'a, ()> {
    columns(
        sql("insert into todos (user_id, id, number, title, title_folded, description, description_folded, \
             completed_at, created_at, updated_at, deleted_at, client_id, version, title_version, \
             description_version, completed_version, deleted_version) select * from unnest("),
        rows,
    )
    .sql(")")
}

pub(crate) fn update<'a>(rows: &[&'a (UserId, Written)]) -> Sql<'a, ()> {
    columns(
        sql("update todos t set title = n.title, title_folded = n.title_folded, description = n.description, \
             description_folded = n.description_folded, completed_at = n.completed_at, created_at = n.created_at, \
             updated_at = n.updated_at, deleted_at = n.deleted_at, client_id = n.client_id, version = n.version, \
             title_version = n.title_version, description_version = n.description_version, \
             completed_version = n.completed_version, deleted_version = n.deleted_version from unnest("),
        rows,
    )
    .sql(
        ") as n(user_id, id, number, title, title_folded, description, description_folded, completed_at, created_at, \
         updated_at, deleted_at, client_id, version, title_version, description_version, completed_version, \
         deleted_version) where t.user_id = n.user_id and t.id = n.id",
    )
}

fn columns<'a>(statement: Sql<'a, ()>, rows: &[&'a (UserId, Written)]) -> Sql<'a, ()> {
    fn of<'a, V>(rows: &[&'a (UserId, Written)], value: impl Fn(&'a Todo) -> V) -> Vec<V> {
        rows.iter().map(|(_, written)| value(&written.todo)).collect()
    }
    let user_ids: Vec<_> = rows.iter().map(|(user, _)| user.0).collect();
    statement
        .bind::<Array<SqlUuid>, _>(user_ids)
        .sql("::uuid[], ")
        .bind::<Array<SqlUuid>, _>(of(rows, |todo| todo.id().0))
        .sql("::uuid[], ")
        .bind::<Array<BigInt>, _>(of(rows, |todo| todo.number().0))
        .sql("::bigint[], ")
        .bind::<Array<Text>, _>(of(rows, |todo| todo.title().as_str()))
        .sql("::text[], ")
        .bind::<Array<Text>, _>(of(rows, |todo| fold(todo.title().as_str())))
        .sql("::text[], ")
        .bind::<Array<Nullable<Text>>, _>(of(rows, |todo| todo.description().map(Description::as_str)))
        .sql("::text[], ")
        .bind::<Array<Nullable<Text>>, _>(of(rows, |todo| todo.description().map(|text| fold(text.as_str()))))
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

fn tick<'a>(decided: &Decided) -> Sql<'a, ()> {
    let ids: Vec<_> = decided.users.iter().map(|(user, ..)| user.0).collect();
    let clocks: Vec<_> = decided.users.iter().map(|(_, clock, _)| timestamp(*clock)).collect();
    let live: Vec<_> =
        decided.users.iter().map(|(.., live)| i32::try_from(*live).unwrap_or(i32::MAX)).collect();
    sql("update users u set sync_clock = n.sync_clock, live_todos = n.live_todos from unnest(")
        .bind::<Array<SqlUuid>, _>(ids)
        .sql("::uuid[], ")
        .bind::<Array<Timestamptz>, _>(clocks)
        .sql("::timestamptz[], ")
        .bind::<Array<Integer>, _>(live)
        .sql("::integer[]) as n(id, sync_clock, live_todos) where u.id = n.id")
}
