//! The connection pool.
//!
//! A connection is handed out without a round trip to check it. The pool notices a closed connection, except
//! in a race; then the caller's first statement fails. If a caller stops waiting, or waits too long, the
//! statement that runs is cancelled, and the connection is reused, and counted as free, only when it has ended.
//! A connection whose user was dropped inside a transaction is closed, which releases its locks.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use deadpool::managed::{Object, Timeouts};
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, PoolError, PoolableConnection, RecyclingMethod,
    deadpool as pooled,
};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use domain::health::Load;
use domain::{StoreError, UserId};
use futures_util::FutureExt;
use tokio::runtime::{self, Handle};

use crate::connector::Connector;
use crate::error::{Failure, timed_out, unavailable};
use crate::row_security::{RowScope, RowSecurity};
use crate::turns::{Class, Shares, TooMany, Turn, Turns};

/// Work on a pooled connection. The associated type names the future, because `AsyncFnOnce` alone can't
/// require it to be `Send`.
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

type Manager = AsyncDieselConnectionManager<AsyncPgConnection>;

/// A pool per runtime.
///
/// Each runtime drives its own connections, so a query does not move between threads, and a runtime that ends
/// takes no connection of another with it.
pub(crate) struct Pool {
    connector: Arc<Connector>,
    size_per_runtime: usize,
    runtimes: RwLock<HashMap<runtime::Id, RuntimePool>>,
    turns: Turns,
    row_security: RowSecurity,
}

#[derive(Clone)]
struct RuntimePool {
    connections: pooled::Pool<AsyncPgConnection>,
    shares: Shares,
}

/// How long a cancelled statement may take to end before its connection is closed.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);
/// How much longer than the statement time-out a caller waits for the answer.
const GRACE: Duration = Duration::from_millis(250);

impl Pool {
    pub(crate) fn new(
        connector: &Arc<Connector>,
        size_per_runtime: usize,
        row_security: RowSecurity,
    ) -> Self {
        Self {
            connector: Arc::clone(connector),
            // One connection is kept for the server itself.
            size_per_runtime: size_per_runtime.max(2),
            runtimes: RwLock::default(),
            turns: Turns::default(),
            row_security,
        }
    }

    fn of_current_runtime(&self) -> Result<RuntimePool, StoreError> {
        let runtime = Handle::current().id();
        if let Some(pool) = self.runtimes.read().unwrap_or_else(PoisonError::into_inner).get(&runtime) {
            return Ok(pool.clone());
        }
        match self.runtimes.write().unwrap_or_else(PoisonError::into_inner).entry(runtime) {
            Entry::Occupied(pool) => Ok(pool.get().clone()),
            Entry::Vacant(entry) => Ok(entry.insert(self.new_runtime_pool()?).clone()),
        }
    }

    fn new_runtime_pool(&self) -> Result<RuntimePool, StoreError> {
        let connector = Arc::clone(&self.connector);
        let mut config = ManagerConfig::default();
        config.recycling_method = RecyclingMethod::Fast;
        config.custom_setup = Box::new(move |_| {
            let connector = Arc::clone(&connector);
            async move {
                connector.connect().await.map_err(diesel::ConnectionError::CouldntSetupConfiguration)
            }
            .boxed()
        });
        let timeout = Some(self.connector.timeout());
        let connections = pooled::Pool::builder(Manager::new_with_config(String::new(), config))
            .max_size(self.size_per_runtime)
            .timeouts(Timeouts { wait: timeout, create: timeout, recycle: None })
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(|e| StoreError::Unavailable(e.to_string()))?;
        Ok(RuntimePool { connections, shares: Shares::new(self.size_per_runtime) })
    }

    /// Runs one statement for the server itself, or several that need no common snapshot. Under [`RowSecurity::All`] they run in a
    /// transaction that sets `scope`.
    pub(crate) async fn read<T, F>(&self, scope: RowScope, step: F) -> Result<T, StoreError>
    where
        T: Send,
        F: for<'c> Step<&'c AsyncPgConnection, T> + Send,
    {
        self.read_as(Class::Essential, scope, step).await
    }

    /// As [`Self::read`], when it is the user's turn; `long` if the statement may touch all of the user's rows.
    pub(crate) async fn read_of<T, F>(&self, user: UserId, long: bool, step: F) -> Result<T, StoreError>
    where
        T: Send,
        F: for<'c> Step<&'c AsyncPgConnection, T> + Send,
    {
        self.read_as(Class::User { user, long }, RowScope::User(user), step).await
    }

    /// As [`Self::read`], in the turn of `class`.
    pub(crate) async fn read_as<T, F>(&self, class: Class, scope: RowScope, step: F) -> Result<T, StoreError>
    where
        T: Send,
        F: for<'c> Step<&'c AsyncPgConnection, T> + Send,
    {
        let mut lease = self.lease(class).await?;
        if self.row_security == RowSecurity::All && !matches!(scope, RowScope::Unrestricted) {
            return Ok(self.transact(lease, scope, step).await?);
        }
        let timeout = self.connector.timeout() + GRACE;
        let answer = tokio::time::timeout(timeout, step(lease.conn()?)).await;
        Ok(lease.release(answer)?)
    }

    /// Changes the row scope in the middle of a read.
    pub(crate) async fn set_scope(&self, conn: &AsyncPgConnection, scope: RowScope) -> Result<(), Failure> {
        if self.row_security == RowSecurity::All { scope.set(conn).await } else { Ok(()) }
    }

    /// Runs several statements on one snapshot of the user's rows, when it is the user's turn.
    pub(crate) async fn snapshot<T, F>(&self, user: UserId, step: F) -> Result<T, StoreError>
    where
        T: Send,
        F: for<'c> Step<&'c AsyncPgConnection, T> + Send,
    {
        let scope = RowScope::User(user);
        let mut lease = self.lease(Class::User { user, long: false }).await?;
        let mut transaction = lease.conn()?.build_transaction().repeatable_read().read_only();
        let work = transaction.run(async move |conn| in_scope(conn, scope, step).await);
        let answer = tokio::time::timeout(self.client_timeout(), work).await;
        Ok(lease.release(answer)?)
    }

    /// Runs a transaction in `scope`. It rolls back if the future is dropped.
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
        let lease = self.lease(Class::Essential).await?;
        self.transact(lease, scope, step).await
    }

    async fn transact<T, F>(&self, mut lease: Lease, scope: RowScope, step: F) -> Result<T, Failure>
    where
        T: Send,
        F: for<'c> Step<&'c AsyncPgConnection, T> + Send,
    {
        let work = lease.conn()?.transaction(async move |conn| in_scope(conn, scope, step).await);
        let answer = tokio::time::timeout(self.client_timeout(), work).await;
        lease.release(answer)
    }

    pub(crate) fn usage(&self) -> Load {
        let pools = self.runtimes.read().unwrap_or_else(PoisonError::into_inner);
        pools.values().map(|pool| pool.connections.status()).fold(Load::default(), |load, status| Load {
            in_use: load.in_use + status.size.saturating_sub(status.available),
            waiting: load.waiting + status.waiting,
        })
    }

    pub(crate) fn close(&self) {
        self.runtimes
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .for_each(|pool| pool.connections.close());
    }

    /// The maximum number of users in the scope of one write transaction.
    pub(crate) const fn max_users_per_transaction(&self) -> usize {
        match self.row_security {
            RowSecurity::Writes => 64,
            RowSecurity::All => 1,
        }
    }

    /// The server cancels a statement after the time-out. Only a broken connection takes longer.
    fn client_timeout(&self) -> Duration {
        self.connector.timeout() * 2
    }

    async fn lease(&self, class: Class) -> Result<Lease, StoreError> {
        let pool = self.of_current_runtime()?;
        let turn = tokio::time::timeout(self.connector.timeout(), self.turns.acquire(class, &pool.shares));
        let turn = match turn.await {
            Ok(Ok(turn)) => turn,
            Ok(Err(TooMany)) => {
                return Err(StoreError::Unavailable("busy: too many reads are waiting".to_owned()));
            }
            Err(_) => {
                return Err(StoreError::Unavailable(
                    "no connection to the database became free in time".to_owned(),
                ));
            }
        };
        match pool.connections.get().await {
            Ok(object) => {
                Ok(Lease { object: Some(object), is_busy: false, turn, connector: self.connector.clone() })
            }
            Err(pooled::PoolError::Backend(PoolError::ConnectionError(
                diesel::ConnectionError::CouldntSetupConfiguration(error),
            ))) => Err(unavailable(&error)),
            Err(pooled::PoolError::Timeout(_)) => {
                Err(StoreError::Unavailable("no connection to the database became free in time".to_owned()))
            }
            Err(error) => Err(StoreError::Unavailable(error.to_string())),
        }
    }
}

/// Sets the scope and runs the step, in pipelined statements. The server receives the scope first.
async fn in_scope<T, F>(conn: &AsyncPgConnection, scope: RowScope, step: F) -> Result<T, Failure>
where
    F: for<'c> Step<&'c AsyncPgConnection, T>,
{
    let (set, answer) = futures_util::future::join(scope.set(conn), step(conn)).await;
    set?;
    answer
}

/// A connection on loan from the pool.
struct Lease {
    /// `None` only during drop.
    object: Option<Object<Manager>>,
    /// Whether a statement may be running.
    is_busy: bool,
    turn: Turn,
    connector: Arc<Connector>,
}

impl Lease {
    fn conn(&mut self) -> Result<&mut AsyncPgConnection, StoreError> {
        self.is_busy = true;
        self.object.as_deref_mut().ok_or_else(timed_out)
    }

    /// Returns the connection to the pool.
    fn release<T>(
        mut self,
        answer: Result<Result<T, Failure>, tokio::time::error::Elapsed>,
    ) -> Result<T, Failure> {
        self.is_busy = answer.is_err();
        answer.unwrap_or_else(|_| Err(timed_out().into()))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(object) = self.object.take() else { return };
        let turn = std::mem::take(&mut self.turn);
        match Handle::try_current() {
            Ok(runtime) if self.is_busy => {
                runtime.spawn(end_statement(object, Arc::clone(&self.connector), turn));
            }
            _ => give_back(object),
        }
    }
}

/// Cancels the statement that runs on a connection, and gives the connection back once it has ended.
async fn end_statement(mut object: Object<Manager>, connector: Arc<Connector>, _turn: Turn) {
    let cancelled = async {
        connector.cancel(&object).await;
        // PostgreSQL answers this, even if only with an error, when the statement before has ended.
        let _ = diesel_async::SimpleAsyncConnection::batch_execute(&mut *object, "").await;
    };
    if tokio::time::timeout(CANCEL_TIMEOUT, cancelled).await.is_ok() {
        give_back(object);
    } else {
        drop(Object::take(object));
    }
}

/// Returns the connection to its pool, or closes it if it is inside a transaction.
fn give_back(mut object: Object<Manager>) {
    if object.is_broken() {
        drop(Object::take(object));
    }
}

#[cfg(test)]
mod tests {
    use diesel::sql_types::{Bool, Text, Uuid as SqlUuid};
    use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
    use postgres_testbed::Testbed;
    use uuid::Uuid;

    use super::*;
    use crate::sql::{Sql, sql};
    use crate::test_support::{connector, connector_with};

    const USER: UserId = UserId(Uuid::from_u128(1));
    const INSERT_USER: &str =
        "insert into users (id, email_verified, is_active, created_at, updated_at, sync_clock, sync_horizon,
            live_todos) values (lpad('1', 32, '0')::uuid, false, true, now(), now(), now(), 'epoch', 0)";

    fn update<'a>() -> Sql<'a, Text> {
        sql("update users set display_name = 'Ann' where id = ").bind::<SqlUuid, _>(USER.0)
    }

    /// A new statement takes a round trip to prepare. One that is prepared already must not overtake it.
    #[tokio::test]
    async fn the_scope_is_set_before_a_statement_that_is_prepared_already() {
        let database = Testbed::shared().create_database("scope_order");
        crate::migrate(&database.owner_url(), &database.app_url()).await.expect("migrates");
        let mut owner = AsyncPgConnection::establish(&database.owner_url()).await.expect("connects");
        owner.batch_execute(INSERT_USER).await.expect("inserts");
        let row_security = RowSecurity::Writes;
        let pool = Pool::new(&connector(&database, row_security), 1, row_security);
        let unscoped = pool.read(RowScope::Unrestricted, async |mut conn: &AsyncPgConnection| {
            Ok(update().execute(&mut conn).await?)
        });
        assert_eq!(unscoped.await.expect("prepares"), 0, "the policy hides the row");
        let scoped = pool.write(RowScope::User(USER), async |mut conn: &AsyncPgConnection| {
            Ok(update().execute(&mut conn).await?)
        });
        assert_eq!(scoped.await.expect("updates"), 1);
    }

    /// Waits until a connection of the role sleeps, or none does.
    async fn until_sleeping(watcher: &mut AsyncPgConnection, wanted: bool) {
        let question = "select exists (select from pg_stat_activity where datname = current_database()
            and state = 'active' and query like '%pg_sleep(%' and pid <> pg_backend_pid())";
        let asking = async {
            loop {
                let found: Sql<'_, Bool> = sql(question);
                if found.get_result::<bool>(watcher).await.expect("an answer") == wanted {
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

    async fn works(pool: &Pool) -> bool {
        let read = pool.read(RowScope::Unrestricted, async |mut conn: &AsyncPgConnection| {
            let question: Sql<'_, Bool> = sql("select true");
            Ok(question.get_result::<bool>(&mut conn).await?)
        });
        read.await.unwrap_or(false)
    }

    /// Only a cancellation ends the statement: the server's time limit is off.
    #[tokio::test]
    async fn a_statement_is_cancelled_at_its_time_limit_and_when_its_caller_has_gone() {
        let database = Testbed::shared().create_database("cancelled");
        let mut watcher = AsyncPgConnection::establish(&database.app_url()).await.expect("connects");
        for (limit, caller_leaves) in [(Duration::from_secs(2), false), (Duration::from_hours(1), true)] {
            let connector = connector_with(&database, RowSecurity::Writes, limit);
            // The one connection has to come back.
            let pool = Pool::new(&connector, 1, RowSecurity::Writes);
            if caller_leaves {
                tokio::select! {
                    slept = sleep_on(&pool) => panic!("it slept: {slept:?}"),
                    () = until_sleeping(&mut watcher, true) => {}
                }
            } else {
                let slept = sleep_on(&pool).await;
                assert!(matches!(slept, Err(StoreError::Unavailable(_))), "{slept:?}");
            }
            until_sleeping(&mut watcher, false).await;
            let working = async { while !works(&pool).await {} };
            tokio::time::timeout(Duration::from_mins(1), working).await.expect("the pool works");
        }
    }
}
