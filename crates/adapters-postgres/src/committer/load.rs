//! The statements that load what a group of batches is decided against.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::pg::data_types::PgTimestamp;
use diesel::sql_types::{Array, BigInt, Bool, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::sync::Epochs;
use domain::todo::{OldTombstone, Todo, TodoNumber, UserRow};
use domain::{StoreError, TodoId, UserId};
use futures_util::future::try_join4;
use uuid::Uuid;

use super::group::{self, Job, Loaded, LoadedUser};
use crate::epochs::{EpochCache, EpochSource, begin_timeline};
use crate::error::Failure;
use crate::row_security::RowScope;
use crate::rows::{
    SyncColumns, SyncRow, TodoColumns, TodoRow, has_key, rows_of_keys, stamp, stored_bytes, sync_columns,
    todo_columns,
};
use crate::session::Limits;
use crate::sql::{Sql, sql};

/// Sets the row scope, locks the users' rows in the order of their ids, and loads the todos that
/// the jobs name.
///
/// A group of several users skips the rows that another transaction has locked, because each of the
/// users would wait for the locked one. A single user's group waits.
///
/// The statements are pipelined: PostgreSQL runs them in the order in which it receives them, so
/// the todos are read under the lock. diesel-async sends them in the order in which they are
/// polled, whether or not they are prepared yet; a test pins that. `transaction` is set as soon as
/// the transaction id is known.
///
/// READ COMMITTED suffices: each statement sees what was committed before it began, and the
/// statements after the lock begin while it is held.
pub(super) async fn load(
    conn: &AsyncPgConnection,
    epochs: &EpochCache,
    jobs: &[Job],
    limits: Limits,
    transaction: &mut Option<String>,
) -> Result<Loaded, Failure> {
    let users = group::users(jobs);
    let keys = group::keys(jobs);
    let count = i64::try_from(group::numbers_needed(jobs)).unwrap_or(i64::MAX);
    let set_scope = async {
        let (_, id) = set_scope(&users, limits).get_result::<(String, String)>(&mut &*conn).await?;
        *transaction = Some(id);
        Ok::<_, Failure>(())
    };
    let lock = async {
        Ok(lock_users(&users, epochs.source, OnLockedRow::of(&users)).load::<LockedRow>(&mut &*conn).await?)
    };
    let todos = async { Ok(todos(&keys).load::<(Uuid, TodoRow)>(&mut &*conn).await?) };
    let numbers = async {
        if count == 0 { Ok(Vec::new()) } else { Ok(numbers(count).load::<i64>(&mut &*conn).await?) }
    };
    let ((), locked, rows, numbers) = try_join4(set_scope, lock, todos, numbers).await?;
    let todos = rows.into_iter().map(|(user, row)| Ok((UserId(user), Todo::try_from(row)?)));
    Ok(Loaded {
        todos: todos.collect::<Result<Vec<_>, StoreError>>()?,
        numbers: numbers.into_iter().map(TodoNumber).collect(),
        users: load_rest(conn, epochs, jobs, locked).await?,
    })
}

/// Completes the locked users. It needs another round trip only if a new epoch began, or if a user
/// has too many tombstones.
async fn load_rest(
    conn: &AsyncPgConnection,
    cache: &EpochCache,
    jobs: &[Job],
    locked: Vec<LockedRow>,
) -> Result<Vec<LoadedUser>, Failure> {
    let Some((_, _, epoch, is_current)) = locked.as_slice().first() else { return Ok(Vec::new()) };
    let mut epochs = if *is_current { cache.get(conn, epoch).await? } else { begin_timeline(conn).await? };
    let mut users = Vec::with_capacity(locked.len());
    for (id, row, _, _) in locked {
        users.push((UserId(id), UserRow::try_from(row)?));
    }
    // The name of the epoch is as old as the statement, which may have waited for the lock.
    let known =
        |epochs: &Epochs| users.iter().all(|(_, row)| row.history.last().ordinal <= epochs.current().0);
    if !known(&epochs) {
        epochs = cache.load(conn).await?;
    }
    let mut oldest = oldest_tombstones(conn, jobs, &users).await?;
    let loaded = |(id, row)| {
        let oldest = oldest.remove(&id).unwrap_or_default();
        LoadedUser { id, row, epochs: Arc::clone(&epochs), oldest }
    };
    Ok(users.into_iter().map(loaded).collect())
}

/// Loads the tombstones that the jobs may remove.
async fn oldest_tombstones(
    mut conn: &AsyncPgConnection,
    jobs: &[Job],
    users: &[(UserId, UserRow)],
) -> Result<HashMap<UserId, Vec<OldTombstone>>, Failure> {
    let counts = users.iter().map(|(user, row)| (*user, group::sweep_candidates(jobs, *user, row)));
    let counts: Vec<_> = counts.filter(|(_, count)| *count > 0).collect();
    let mut found: HashMap<UserId, Vec<OldTombstone>> = HashMap::new();
    if counts.is_empty() {
        return Ok(found);
    }
    for (user, id, updated_at, bytes) in
        oldest(&counts).load::<(Uuid, Uuid, PgTimestamp, i64)>(&mut conn).await?
    {
        let stamp = stamp("todos", "updated_at", updated_at)?;
        let tombstone = OldTombstone { id: TodoId(id), stamp, bytes: bytes.unsigned_abs() };
        found.entry(UserId(user)).or_default().push(tombstone);
    }
    Ok(found)
}

fn set_scope<'a>(users: &[UserId], limits: Limits) -> Sql<'a, (Text, Text)> {
    let scope = RowScope::Users(users.to_vec());
    scope.beginning(limits).sql(", pg_current_xact_id()::text")
}

/// A user's row, the name of the last epoch, and whether that is the current one.
type LockedRow = (Uuid, SyncRow, String, bool);

/// What to do about a user's row that another transaction has locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnLockedRow {
    Wait,
    Skip,
}

impl OnLockedRow {
    const fn of(users: &[UserId]) -> Self {
        if users.len() > 1 { Self::Skip } else { Self::Wait }
    }
}

pub(crate) fn lock_users<'a>(
    users: &[UserId],
    source: EpochSource,
    on_locked: OnLockedRow,
) -> Sql<'a, (SqlUuid, SyncColumns, Text, Bool)> {
    let locked = sql(concat!(
        "select u.id, ",
        sync_columns!(),
        ", (select e.epoch from epochs e order by e.ordinal desc limit 1), "
    ));
    locked
        .sql(match source {
            EpochSource::Stored => "true",
            EpochSource::Timeline => {
                "(select e.timeline is not distinct from todo_timeline() from epochs e order by e.ordinal desc limit 1)"
            }
        })
        .sql(" from users u where u.deleted_at is null and u.id = any(")
        .bind::<Array<SqlUuid>, _>(users.iter().map(|user| user.0).collect::<Vec<_>>())
        // Other transactions may insert rows that refer to the user, but not change the user's row.
        .sql(") order by u.id for no key update of u")
        .sql(match on_locked {
            OnLockedRow::Wait => "",
            OnLockedRow::Skip => " skip locked",
        })
}

/// Locks the users' rows and loads nothing.
pub(crate) fn lock_rows<'a>(users: &[UserId]) -> Sql<'a, SqlUuid> {
    sql("select u.id from users u where u.id = any(")
        .bind::<Array<SqlUuid>, _>(users.iter().map(|user| user.0).collect::<Vec<_>>())
        .sql(") order by u.id for no key update of u")
}

pub(crate) fn todos<'a>(keys: &[(UserId, TodoId)]) -> Sql<'a, (SqlUuid, TodoColumns)> {
    sql(concat!("select t.user_id, ", todo_columns!(), " from "))
        .append(rows_of_keys(keys))
        .sql(concat!(" k join todos t on ", has_key!("k")))
}

/// The tombstones with the earliest stamps, as many of each user as `counts` says.
pub(crate) fn oldest<'a>(counts: &[(UserId, u64)]) -> Sql<'a, (SqlUuid, SqlUuid, Timestamptz, BigInt)> {
    let (users, counts): (Vec<_>, Vec<_>) =
        counts.iter().map(|(user, count)| (user.0, i64::try_from(*count).unwrap_or(i64::MAX))).unzip();
    sql("select k.user_id, o.id, o.updated_at, o.bytes from unnest(")
        .bind::<Array<SqlUuid>, _>(users)
        .sql("::uuid[], ")
        .bind::<Array<BigInt>, _>(counts)
        .sql(concat!(
            "::bigint[]) as k(user_id, count) cross join lateral (select t.id, t.updated_at, (",
            stored_bytes!(),
            ")::bigint as bytes from todos t where t.user_id = k.user_id and t.deleted_at is not null \
             order by t.updated_at limit k.count) o"
        ))
}

fn numbers<'a>(count: i64) -> Sql<'a, BigInt> {
    sql("select nextval('todo_numbers') from generate_series(1, ").bind::<BigInt, _>(count).sql(")")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use diesel::sql_types::Bool;
    use diesel_async::{AsyncConnection, SimpleAsyncConnection};
    use domain::Stamp;
    use domain_testkit::build::{batch, toggle};
    use tokio::sync::oneshot;
    use tokio::time::Instant;

    use super::*;
    use crate::test_support::{INSERT_TODO, INSERT_USER, TODO, USER, connector, migrated};

    const WAITING: &str = "select exists (select from pg_stat_activity
        where datname = current_database() and usename = 'todo_app' and wait_event_type = 'Lock')";

    /// A new statement takes a round trip to prepare. One that is prepared already must
    /// not overtake it.
    #[tokio::test(flavor = "multi_thread")]
    async fn todos_are_read_under_the_lock_even_if_only_their_statement_is_prepared() {
        let (database, mut owner) = migrated("statement_order").await;
        owner.batch_execute(&format!("{INSERT_USER}; {INSERT_TODO}")).await.expect("inserts");
        let lock = "begin; select from users for update; update todos set title = 'new'";
        owner.batch_execute(lock).await.expect("locks");

        let mut conn = connector(&database).await.connect().await.expect("connects");
        todos(&[(USER, TODO)]).load::<(Uuid, TodoRow)>(&mut &conn).await.expect("reads");
        let limits = Limits::statement(Duration::from_mins(1));
        let epochs = EpochCache::new(EpochSource::Stored);
        let loading = tokio::spawn(async move {
            let job = Job {
                user: USER,
                batch: batch([toggle(TODO)]),
                now: Stamp::EPOCH,
                queued: Instant::now(),
                span: tracing::Span::none(),
                deadline: Instant::now(),
                answer: oneshot::channel().0,
            };
            conn.transaction(async move |conn| load(conn, &epochs, &[job], limits, &mut None).await).await
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
