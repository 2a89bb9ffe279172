//! The statements of a commit. Their number does not depend on the number of batches, users or todos.

use std::collections::HashMap;
use std::time::Duration;

use diesel::pg::data_types::PgTimestamp;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::sync::Position;
use domain::text::{ClientId, fold};
use domain::todo::plan::Written;
use domain::todo::{Description, Todo, TodoNumber, UserRow};
use domain::{StoreError, TodoId, UserId};
use futures_util::future::{try_join3, try_join4};
use uuid::Uuid;

use super::group::{self, Decision, Job, Loaded};
use crate::error::Failure;
use crate::row_security::user_array;
use crate::rows::{TodoColumns, TodoRow, position, timestamp, todo_columns};
use crate::sql::{Sql, sql};

/// Sets the row scope, locks the users' rows in the order of their ids, and loads the todos that the jobs name.
///
/// The statements are pipelined: PostgreSQL runs them in the order in which it receives them, so the todos are
/// read under the lock. diesel-async sends them in the order in which they are polled, whether or not they are
/// prepared yet; a test pins that. `transaction` is set as soon as the transaction id is known.
///
/// READ COMMITTED suffices: each statement sees what was committed before it began, and the statements after
/// the lock begin while it is held.
pub(super) async fn load(
    conn: &AsyncPgConnection,
    jobs: &[Job],
    lock_timeout: Duration,
    transaction: &mut Option<String>,
) -> Result<Loaded, Failure> {
    let users = group::users(jobs);
    let keys = group::keys(jobs);
    let count = i64::try_from(group::numbers_needed(jobs)).unwrap_or(i64::MAX);
    let set_scope = async {
        let (_, _, id) =
            set_scope(&users, lock_timeout).get_result::<(String, String, String)>(&mut &*conn).await?;
        *transaction = Some(id);
        Ok::<_, Failure>(())
    };
    let lock = async { Ok(lock_users(&users).load::<UserColumns>(&mut &*conn).await?) };
    let todos = async { Ok(todos(&keys).load::<(Uuid, TodoRow)>(&mut &*conn).await?) };
    let numbers = async {
        if count == 0 { Ok(Vec::new()) } else { Ok(numbers(count).load::<i64>(&mut &*conn).await?) }
    };
    let ((), locked, rows, numbers) = try_join4(set_scope, lock, todos, numbers).await?;
    let users = locked.into_iter().map(|(id, clock, horizon, live, epoch)| {
        let live = u32::try_from(live).map_err(|_| StoreError::corrupt("users", "live_todos", "negative"))?;
        let Position { clock, horizon, epochs, .. } = position(clock, horizon, epoch)?;
        let row = UserRow { horizon, live, ..UserRow::new(clock, 1) };
        Ok((UserId(id), (row, epochs)))
    });
    let todos = rows.into_iter().map(|(user, row)| Ok((UserId(user), Todo::try_from(row)?)));
    Ok(Loaded {
        users: users.collect::<Result<HashMap<_, _>, StoreError>>()?,
        todos: todos.collect::<Result<Vec<_>, StoreError>>()?,
        numbers: numbers.into_iter().map(TodoNumber).collect(),
    })
}

type UserColumns = (Uuid, PgTimestamp, PgTimestamp, i32, String);

fn set_scope<'a>(users: &[UserId], lock_timeout: Duration) -> Sql<'a, (Text, Text, Text)> {
    sql("select set_config('todo.users', ")
        .bind::<Text, _>(user_array(users.iter().copied()))
        .sql(", true), set_config('lock_timeout', ")
        .bind::<Text, _>(format!("{}ms", lock_timeout.as_millis()))
        .sql(", true), pg_current_xact_id()::text")
}

pub(crate) fn lock_users<'a>(
    users: &[UserId],
) -> Sql<'a, (SqlUuid, Timestamptz, Timestamptz, Integer, Text)> {
    sql("select u.id, u.sync_clock, u.sync_horizon, u.live_todos, (select e.epoch from database_epoch e) \
         from users u where u.deleted_at is null and u.id = any(")
    .bind::<Array<SqlUuid>, _>(users.iter().map(|user| user.0).collect::<Vec<_>>())
    // Other transactions may insert rows that refer to the user, but not change the user's row.
    .sql(") order by u.id for no key update of u")
}

pub(crate) fn todos<'a>(keys: &[(UserId, TodoId)]) -> Sql<'a, (SqlUuid, TodoColumns)> {
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

/// Writes the decision: new todos, changed todos, clocks and counts, in pipelined statements.
pub(super) async fn store(conn: &AsyncPgConnection, decision: &Decision) -> Result<(), Failure> {
    if decision.users.is_empty() {
        return Ok(());
    }
    let (new, old): (Vec<_>, Vec<_>) = decision.rows.iter().partition(|(_, written)| written.is_new);
    let insert = execute_exactly(conn, new.len(), (!new.is_empty()).then(|| insert(&new)));
    let update = execute_exactly(conn, old.len(), (!old.is_empty()).then(|| update(&old)));
    let users = execute_exactly(conn, decision.users.len(), Some(update_users(decision)));
    try_join3(insert, update, users).await?;
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

fn update_users<'a>(decision: &Decision) -> Sql<'a, ()> {
    let ids: Vec<_> = decision.users.iter().map(|(user, _)| user.0).collect();
    let clocks: Vec<_> = decision.users.iter().map(|(_, row)| timestamp(row.clock)).collect();
    let live: Vec<_> =
        decision.users.iter().map(|(_, row)| i32::try_from(row.live).unwrap_or(i32::MAX)).collect();
    sql("update users u set sync_clock = n.sync_clock, live_todos = n.live_todos from unnest(")
        .bind::<Array<SqlUuid>, _>(ids)
        .sql("::uuid[], ")
        .bind::<Array<Timestamptz>, _>(clocks)
        .sql("::timestamptz[], ")
        .bind::<Array<Integer>, _>(live)
        .sql("::integer[]) as n(id, sync_clock, live_todos) where u.id = n.id")
}

#[cfg(test)]
mod tests {
    use diesel::sql_types::Bool;
    use diesel_async::{AsyncConnection, SimpleAsyncConnection};
    use domain::Stamp;
    use domain_testkit::build::{batch, toggle};
    use postgres_testbed::Testbed;
    use tokio::sync::oneshot;
    use tokio::time::Instant;

    use super::*;
    use crate::row_security::RowSecurity;
    use crate::test_support::connector;

    const USER: UserId = UserId(Uuid::from_u128(1));
    const TODO: TodoId = TodoId(Uuid::from_u128(2));
    const ROWS: &str = "insert into users (id, email_verified, is_active, created_at, updated_at, sync_clock, sync_horizon, live_todos)
            values (lpad('1', 32, '0')::uuid, false, true, now(), now(), now(), 'epoch', 1);
        insert into todos (user_id, id, number, title, title_folded, created_at, updated_at, version, title_version,
                description_version, completed_version, deleted_version)
            values (lpad('1', 32, '0')::uuid, lpad('2', 32, '0')::uuid, 1, 'old', 'old', now(), 'epoch', 1, 1, 1, 1, 1)";
    const WAITING: &str = "select exists (select from pg_stat_activity
        where datname = current_database() and usename = 'todo_app' and wait_event_type = 'Lock')";

    /// A new statement takes a round trip to prepare. One that is prepared already must not overtake it.
    #[tokio::test(flavor = "multi_thread")]
    async fn todos_are_read_under_the_lock_even_if_only_their_statement_is_prepared() {
        let database = Testbed::shared().create_database("statement_order");
        crate::migrate(&database.owner_url(), &database.app_url()).await.expect("migrates");
        let mut owner = AsyncPgConnection::establish(&database.owner_url()).await.expect("connects");
        owner.batch_execute(ROWS).await.expect("inserts");
        let lock = "begin; select from users for update; update todos set title = 'new'";
        owner.batch_execute(lock).await.expect("locks");

        let mut conn = connector(&database, RowSecurity::Writes).connect().await.expect("connects");
        todos(&[(USER, TODO)]).load::<(Uuid, TodoRow)>(&mut &conn).await.expect("reads");
        let lock_timeout = Duration::from_mins(1);
        let loading = tokio::spawn(async move {
            let job = Job {
                user: USER,
                batch: batch([toggle(TODO)]),
                now: Stamp::EPOCH,
                deadline: Instant::now(),
                answer: oneshot::channel().0,
            };
            conn.transaction(async move |conn| load(conn, &[job], lock_timeout, &mut None).await).await
        });
        let watcher = database.owner_url().replacen("todo_owner@", "postgres@", 1);
        let mut watcher = AsyncPgConnection::establish(&watcher).await.expect("connects");
        let waiting = async {
            while !sql::<Bool>(WAITING).get_result::<bool>(&mut watcher).await.expect("an answer") {}
        };
        tokio::time::timeout(Duration::from_mins(1), waiting).await.expect("the load waits for the lock");
        owner.batch_execute("commit").await.expect("commits");
        let loaded = loading.await.expect("no panic").expect("loads");
        assert_eq!(loaded.todos[0].1.title().as_str(), "new");
    }
}
