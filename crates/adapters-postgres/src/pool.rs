//! Connections: made, lent and taken back.
//!
//! A connection is lent without asking the server whether it still lives: the one who borrows it finds out, and a closed
//! one is known by then in all but a race. One that was left inside a transaction (its borrower's future was dropped) is
//! closed at once, so that its locks end with it, and never lent again.

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
use domain::StoreError;
use domain::health::Load;
use futures_util::FutureExt;
use tokio::runtime::{self, Handle};

use crate::connector::Connector;
use crate::error::{Failure, timed_out, unavailable};
use crate::fence::{RowSecurity, Scope};

/// What happens on a borrowed connection. The future is named so that it can be asked to be `Send`, which `AsyncFnOnce`
/// alone can't say.
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

/// Connections, of which every runtime has its own: it drives them, so that a query does not go from one thread to another and back, and
/// when it ends no other loses any.
pub(crate) struct Pool {
    connector: Arc<Connector>,
    /// How many a runtime may have.
    size: usize,
    shares: RwLock<HashMap<runtime::Id, Share>>,
    row_security: RowSecurity,
}

type Share = pooled::Pool<AsyncPgConnection>;

impl Pool {
    pub(crate) fn new(connector: &Arc<Connector>, size: usize, row_security: RowSecurity) -> Self {
        Self { connector: Arc::clone(connector), size, shares: RwLock::default(), row_security }
    }

    /// The connections of the current runtime.
    fn share(&self) -> Result<Share, StoreError> {
        let runtime = Handle::current().id();
        if let Some(share) = self.shares.read().unwrap_or_else(PoisonError::into_inner).get(&runtime) {
            return Ok(share.clone());
        }
        match self.shares.write().unwrap_or_else(PoisonError::into_inner).entry(runtime) {
            Entry::Occupied(share) => Ok(share.get().clone()),
            Entry::Vacant(place) => Ok(place.insert(self.new_share()?).clone()),
        }
    }

    fn new_share(&self) -> Result<Share, StoreError> {
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
        Share::builder(Manager::new_with_config(String::new(), config))
            .max_size(self.size)
            .timeouts(Timeouts { wait: timeout, create: timeout, recycle: None })
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(|e| StoreError::Unavailable(e.to_string()))
    }

    /// One statement, or several that need no common snapshot. In [`RowSecurity::All`] they run in a transaction that sets `scope`.
    pub(crate) async fn read<T, F>(&self, scope: Scope, step: F) -> Result<T, StoreError>
    where
        T: Send,
        F: for<'c> Step<&'c AsyncPgConnection, T> + Send,
    {
        if self.row_security == RowSecurity::All && !matches!(scope, Scope::Unfenced) {
            return self.write(scope, step).await;
        }
        let mut lease = self.lease().await?;
        let answer = tokio::time::timeout(self.patience(), step(lease.conn()?)).await;
        Ok(lease.settle(answer)?)
    }

    /// Says, in the middle of a read, whose rows the rest of it is about.
    pub(crate) async fn narrow(&self, conn: &AsyncPgConnection, scope: Scope) -> Result<(), Failure> {
        if self.row_security == RowSecurity::All { scope.set(conn).await } else { Ok(()) }
    }

    /// Several statements of one snapshot.
    pub(crate) async fn snapshot<T, F>(&self, scope: Scope, step: F) -> Result<T, StoreError>
    where
        T: Send,
        F: for<'c> Step<&'c AsyncPgConnection, T> + Send,
    {
        let mut lease = self.lease().await?;
        let mut transaction = lease.conn()?.build_transaction().repeatable_read().read_only();
        let work = transaction.run(async move |conn| within(conn, scope, step).await);
        let answer = tokio::time::timeout(self.patience(), work).await;
        Ok(lease.settle(answer)?)
    }

    /// A transaction about `scope`: all of it is done or nothing, also when the future is dropped.
    pub(crate) async fn write<T, F>(&self, scope: Scope, step: F) -> Result<T, StoreError>
    where
        T: Send,
        F: for<'c> Step<&'c AsyncPgConnection, T> + Send,
    {
        Ok(self.try_write(scope, step).await?)
    }

    /// The same for whom a refusal by a constraint is an answer: the transaction is rolled back then.
    pub(crate) async fn try_write<T, F>(&self, scope: Scope, step: F) -> Result<T, Failure>
    where
        T: Send,
        F: for<'c> Step<&'c AsyncPgConnection, T> + Send,
    {
        let mut lease = self.lease().await?;
        let work = lease.conn()?.transaction(async move |conn| within(conn, scope, step).await);
        let answer = tokio::time::timeout(self.patience(), work).await;
        lease.settle(answer)
    }

    pub(crate) fn how_busy(&self) -> Load {
        let shares = self.shares.read().unwrap_or_else(PoisonError::into_inner);
        shares.values().map(Share::status).fold(Load::default(), |load, status| Load {
            in_use: load.in_use + status.size.saturating_sub(status.available),
            waiting: load.waiting + status.waiting,
        })
    }

    pub(crate) fn close(&self) {
        self.shares.read().unwrap_or_else(PoisonError::into_inner).values().for_each(Share::close);
    }

    /// How many users one write transaction may carry.
    pub(crate) const fn users_together(&self) -> usize {
        match self.row_security {
            RowSecurity::Writes => 64,
            RowSecurity::All => 1,
        }
    }

    /// The server ends a statement after the time-out; only one that is cut off takes longer.
    fn patience(&self) -> Duration {
        self.connector.timeout() * 2
    }

    async fn lease(&self) -> Result<Lease, StoreError> {
        match self.share()?.get().await {
            Ok(object) => Ok(Lease(Some(object))),
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

/// Sets the scope and does the step: sent together and done one after the other.
async fn within<T, F>(conn: &AsyncPgConnection, scope: Scope, step: F) -> Result<T, Failure>
where
    F: for<'c> Step<&'c AsyncPgConnection, T>,
{
    let (set, answer) = futures_util::future::join(scope.set(conn), step(conn)).await;
    set?;
    answer
}

/// A borrowed connection.
struct Lease(Option<Object<Manager>>);

impl Lease {
    fn conn(&mut self) -> Result<&mut AsyncPgConnection, StoreError> {
        self.0.as_deref_mut().ok_or_else(timed_out)
    }

    /// The answer; a connection that did not give one in time is closed.
    fn settle<T>(
        mut self,
        answer: Result<Result<T, Failure>, tokio::time::error::Elapsed>,
    ) -> Result<T, Failure> {
        answer.unwrap_or_else(|_| {
            self.0.take().map(Object::take);
            Err(timed_out().into())
        })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(mut object) = self.0.take()
            && object.is_broken()
        {
            drop(Object::take(object));
        }
    }
}
