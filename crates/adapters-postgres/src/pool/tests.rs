use std::time::Duration;

use diesel::sql_types::{Bool, Integer, Text, Uuid as SqlUuid};
use diesel_async::{AsyncConnection as _, RunQueryDsl, SimpleAsyncConnection};
use postgres_testbed::Testbed;

use super::*;
use crate::sql::{Sql, sql};
use crate::test_support::{INSERT_USER, USER, connector, connector_with, migrated};

fn update<'a>() -> Sql<'a, Text> {
    sql("update users set display_name = 'Ann' where id = ").bind::<SqlUuid, _>(USER.0)
}

/// A new statement takes a round trip to prepare. One that is prepared already must
/// not overtake it.
#[tokio::test]
async fn the_scope_is_set_before_a_statement_that_is_prepared_already() {
    let (database, mut owner) = migrated("scope_order").await;
    owner.batch_execute(INSERT_USER).await.expect("inserts");
    let row_security = RowSecurity::Writes;
    let pool = Pool::new(&connector(&database).await, 1, row_security);
    let unscoped = pool.read(RowScope::Unrestricted, async |mut conn: &AsyncPgConnection| {
        Ok(update().execute(&mut conn).await?)
    });
    assert_eq!(unscoped.await.expect("prepares"), 0, "the policy hides the row");
    let scoped = pool.write(RowScope::User(USER), async |mut conn: &AsyncPgConnection| {
        Ok(update().execute(&mut conn).await?)
    });
    assert_eq!(scoped.await.expect("updates"), 1);
}

/// Whether another connection to the database sleeps.
fn is_sleeping<'a>() -> Sql<'a, Bool> {
    sql("select exists (select from pg_stat_activity where datname = current_database()
         and state = 'active' and query like '%pg_sleep(%' and pid <> pg_backend_pid())")
}

fn is_connected<'a>(backend: i32) -> Sql<'a, Bool> {
    sql("select exists (select from pg_stat_activity where pid = ").bind::<Integer, _>(backend).sql(")")
}

/// Waits for an answer.
async fn until(watcher: &mut AsyncPgConnection, question: impl Fn() -> Sql<'static, Bool>, wanted: bool) {
    let asking = async {
        loop {
            if question().get_result::<bool>(watcher).await.expect("an answer") == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), asking).await.expect("in time");
}

/// Sleeps on the server for longer than any test lasts, whatever the server's time limit.
async fn sleep_on(pool: &Pool) -> Result<(), StoreError> {
    let slept = pool.read(RowScope::Unrestricted, async |mut conn: &AsyncPgConnection| {
        let unlimited: Sql<'_, ()> = sql("set statement_timeout = 0");
        unlimited.execute(&mut conn).await?;
        let sleep: Sql<'_, ()> = sql("select pg_sleep(3600)");
        Ok(sleep.execute(&mut conn).await?)
    });
    slept.await.map(drop)
}

/// The process that serves a connection of the pool.
async fn backend(pool: &Pool) -> Result<i32, StoreError> {
    let read = pool.read(RowScope::Unrestricted, async |mut conn: &AsyncPgConnection| {
        let question: Sql<'_, Integer> = sql("select pg_backend_pid()");
        Ok(question.get_result::<i32>(&mut conn).await?)
    });
    read.await
}

/// Only a cancellation ends the statement: the server's time limit is off. A cancellation that arrives late
/// meets no other caller's statement.
#[tokio::test]
async fn a_statement_is_cancelled_at_its_time_limit_and_when_its_caller_has_gone() {
    let database = Testbed::shared().create_database("cancelled");
    let mut watcher = AsyncPgConnection::establish(&database.app_url()).await.expect("connects");
    for (limit, caller_leaves) in [(Duration::from_secs(2), false), (Duration::from_hours(1), true)] {
        let connector = connector_with(&database, limit).await;
        let pool = Pool::new(&connector, 1, RowSecurity::Writes);
        let cancelled = backend(&pool).await.expect("connects");
        if caller_leaves {
            tokio::select! {
                slept = sleep_on(&pool) => panic!("it slept: {slept:?}"),
                () = until(&mut watcher, is_sleeping, true) => {}
            }
        } else {
            let slept = sleep_on(&pool).await;
            assert!(matches!(slept, Err(StoreError::Unavailable(_))), "{slept:?}");
        }
        until(&mut watcher, is_sleeping, false).await;
        until(&mut watcher, || is_connected(cancelled), false).await;
        let working = async { while backend(&pool).await.is_err() {} };
        tokio::time::timeout(Duration::from_mins(1), working).await.expect("the pool works");
    }
}
