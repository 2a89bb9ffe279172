//! Reads and writes on pooled connections, each in its row scope.
//!
//! A read that fails because its connection is lost is repeated once, on a fresh connection, and so
//! is a transaction that could not begin: a firewall that forgets connections costs no request.

use std::sync::Arc;

use diesel_async::AsyncPgConnection;
use domain::health::Load;
use domain::{StoreError, UserId};

use crate::connections::{Connections, Lease};
use crate::connector::Connector;
use crate::error::{Failure, timed_out};
use crate::row_security::{RowScope, RowSecurity};
use crate::session::Limits;
use crate::turns::Class;

/// Work on a pooled connection. The associated type names the future, because `AsyncFnOnce` alone
/// can't require it to be `Send`.
pub(crate) trait Step<C, T>: AsyncFnOnce(C) -> Result<T, Failure> + FnOnce(C) -> Self::Future {
    type Future: Future<Output = Result<T, Failure>> + Send;
}

impl<F, C, T, Fut> Step<C, T> for F
where
    F: AsyncFnOnce(C) -> Result<T, Failure> + FnOnce(C) -> Fut,
    Fut: Future<Output = Result<T, Failure>> + Send,
{
    type Future = Fut;
}

pub(crate) struct Pool {
    connections: Connections,
    row_security: RowSecurity,
}

/// What a transaction sees and may do.
#[derive(Clone, Copy)]
enum Access {
    /// Each statement sees what was committed before it.
    Read,
    /// All statements see what was committed before the first one.
    Snapshot,
    Write,
}

impl Pool {
    pub(crate) fn new(
        connector: &Arc<Connector>,
        size_per_runtime: usize,
        row_security: RowSecurity,
    ) -> Self {
        Self { connections: Connections::new(Arc::clone(connector), size_per_runtime), row_security }
    }

    /// Runs one statement for the server itself, or several that need no common snapshot. Under
    /// [`RowSecurity::All`] they run in a transaction that sets `scope`.
    pub(crate) async fn read<T, F>(&self, scope: RowScope, step: F) -> Result<T, StoreError>
    where
        T: Send,
        F: for<'c> Step<&'c AsyncPgConnection, T> + Clone + Send,
    {
        self.read_as(Class::Essential, scope, step).await
    }

    /// As [`Self::read`], when it is the user's turn; `long` if the statement may touch all of
    /// the user's rows.
    pub(crate) async fn read_of<T, F>(&self, user: UserId, long: bool, step: F) -> Result<T, StoreError>
    where
        T: Send,
        F: for<'c> Step<&'c AsyncPgConnection, T> + Clone + Send,
    {
        self.read_as(Class::User { user, long }, RowScope::User(user), step).await
    }

    /// As [`Self::read`], in the turn of `class`.
    pub(crate) async fn read_as<T, F>(&self, class: Class, scope: RowScope, step: F) -> Result<T, StoreError>
    where
        T: Send,
        F: for<'c> Step<&'c AsyncPgConnection, T> + Clone + Send,
    {
        let transaction = self.row_security == RowSecurity::All && !matches!(scope, RowScope::Unrestricted);
        self.repeat_if_lost(class, transaction.then_some(Access::Read), &scope, step).await
    }

    /// Changes the row scope in the middle of a read.
    pub(crate) async fn set_scope(&self, conn: &AsyncPgConnection, scope: RowScope) -> Result<(), Failure> {
        if self.row_security == RowSecurity::All { scope.set(conn).await } else { Ok(()) }
    }

    /// Runs several statements on one snapshot of the user's rows, when it is the user's turn.
    pub(crate) async fn snapshot<T, F>(&self, user: UserId, step: F) -> Result<T, StoreError>
    where
        T: Send,
        F: for<'c> Step<&'c AsyncPgConnection, T> + Clone + Send,
    {
        let class = Class::User { user, long: false };
        self.repeat_if_lost(class, Some(Access::Snapshot), &RowScope::User(user), step).await
    }

    /// Runs a transaction in `scope`. It rolls back if the future is dropped.
    ///
    /// Its isolation, access mode and durability do not depend on the defaults of the
    /// database or role.
    pub(crate) async fn write<T, F>(&self, scope: RowScope, step: F) -> Result<T, StoreError>
    where
        T: Send,
        F: for<'c> Step<&'c AsyncPgConnection, T> + Send,
    {
        Ok(self.try_write(scope, step).await?)
    }

    /// Like [`Self::write`], but returns constraint violations to the caller after rolling back.
    pub(crate) async fn try_write<T, F>(&self, scope: RowScope, step: F) -> Result<T, Failure>
    where
        T: Send,
        F: for<'c> Step<&'c AsyncPgConnection, T> + Send,
    {
        let mut lease = self.connections.lease(Class::Essential).await?;
        let mut step = Some(step);
        let outcome = self.transact(&mut lease, Access::Write, &scope, &mut step).await;
        if !lease.is_lost() || step.is_none() {
            return outcome;
        }
        lease.renew().await?;
        self.transact(&mut lease, Access::Write, &scope, &mut step).await
    }

    /// Runs a read, in a transaction if `access` is set.
    async fn repeat_if_lost<T, F>(
        &self,
        class: Class,
        access: Option<Access>,
        scope: &RowScope,
        step: F,
    ) -> Result<T, StoreError>
    where
        T: Send,
        F: for<'c> Step<&'c AsyncPgConnection, T> + Clone + Send,
    {
        let mut lease = self.connections.lease(class).await?;
        let outcome = self.read_once(&mut lease, access, scope, step.clone()).await;
        if !lease.is_lost() {
            return Ok(outcome?);
        }
        lease.renew().await?;
        Ok(self.read_once(&mut lease, access, scope, step).await?)
    }

    async fn read_once<T, F>(
        &self,
        lease: &mut Lease,
        access: Option<Access>,
        scope: &RowScope,
        step: F,
    ) -> Result<T, Failure>
    where
        T: Send,
        F: for<'c> Step<&'c AsyncPgConnection, T> + Send,
    {
        if let Some(access) = access {
            return self.transact(lease, access, scope, &mut Some(step)).await;
        }
        let answer = tokio::time::timeout(self.connections.timeout(), step(lease.conn()?)).await;
        lease.finish(answer).await
    }

    /// Runs `step` in a transaction, and takes it unless the transaction could not begin.
    async fn transact<T, F>(
        &self,
        lease: &mut Lease,
        access: Access,
        scope: &RowScope,
        step: &mut Option<F>,
    ) -> Result<T, Failure>
    where
        T: Send,
        F: for<'c> Step<&'c AsyncPgConnection, T> + Send,
    {
        let limits = self.limits();
        let transaction = lease.conn()?.build_transaction();
        let mut transaction = match access {
            Access::Read => transaction.read_committed().read_only(),
            Access::Snapshot => transaction.repeatable_read().read_only(),
            Access::Write => transaction.read_committed().read_write(),
        };
        let work = transaction.run(async move |conn| {
            let step = step.take().ok_or_else(timed_out)?;
            // Pipelined: the server receives the scope first.
            let (set, answer) = futures_util::future::join(scope.begin(conn, limits), step(conn)).await;
            set?;
            answer
        });
        // The server cancels a statement after the time-out. Only a broken connection takes longer.
        let answer = tokio::time::timeout(limits.statement * 2, work).await;
        lease.finish(answer).await
    }

    fn limits(&self) -> Limits {
        Limits::statement(self.connections.timeout())
    }

    pub(crate) fn usage(&self) -> Load {
        self.connections.usage()
    }

    pub(crate) fn close(&self) {
        self.connections.close();
    }

    /// The maximum number of users in the scope of one write transaction.
    pub(crate) const fn max_users_per_transaction(&self) -> usize {
        match self.row_security {
            RowSecurity::Writes => 64,
            RowSecurity::All => 1,
        }
    }
}

#[cfg(test)]
mod tests {
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
}
