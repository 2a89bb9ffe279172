//! Connections that are opened once and lent often.
//!
//! A connection is lent without a round trip to check it. A closed one is noticed, except in a race; then the
//! borrower's first statement fails. If a borrower stops waiting, or waits too long, the statement that runs is
//! cancelled, and the connection is closed, and no longer counted as used, when the statement has ended: the request
//! to cancel goes another way and may be late, and would then end a statement of the next borrower. A connection
//! whose borrower was dropped inside a transaction is closed, which releases its locks.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use deadpool::managed::{Object, Timeouts};
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, PoolError, PoolableConnection, RecyclingMethod,
    deadpool as pooled,
};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _};
use domain::StoreError;
use domain::health::Load;
use futures_util::FutureExt;
use tokio::runtime::{self, Handle};
use tokio::time::error::Elapsed;

use crate::connector::Connector;
use crate::error::{Failure, is_connection_lost, timed_out, unavailable};
use crate::turns::{Class, Shares, TooMany, Turn, Turns};

type Manager = AsyncDieselConnectionManager<AsyncPgConnection>;
type Lent = pooled::Pool<AsyncPgConnection>;

/// Connections of each runtime.
///
/// Each runtime drives its own connections, so a query does not move between threads, and a runtime that ends
/// takes no connection of another with it.
pub(crate) struct Connections {
    connector: Arc<Connector>,
    size_per_runtime: usize,
    runtimes: RwLock<HashMap<runtime::Id, OfRuntime>>,
    turns: Turns,
    /// The callers that wait for their turn or for a connection.
    waiting: AtomicUsize,
}

/// A caller that waits, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Clone)]
struct OfRuntime {
    connections: Lent,
    shares: Shares,
}

/// How long a cancelled statement may take to end before its connection is closed.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);
/// As [`CANCEL_TIMEOUT`], while a caller waits.
const WAITED_CANCEL_TIMEOUT: Duration = Duration::from_secs(2);

impl Connections {
    pub(crate) fn new(connector: Arc<Connector>, size_per_runtime: usize) -> Self {
        Self {
            connector,
            // One connection is kept for the server itself.
            size_per_runtime: size_per_runtime.max(2),
            runtimes: RwLock::default(),
            turns: Turns::default(),
            waiting: AtomicUsize::default(),
        }
    }

    /// How long a caller waits for a connection, and for a statement.
    pub(crate) fn timeout(&self) -> Duration {
        self.connector.timeout()
    }

    /// Lends a connection of the current runtime when it is the turn of `class`.
    pub(crate) async fn lease(&self, class: Class) -> Result<Lease, StoreError> {
        let OfRuntime { connections, shares } = self.of_current_runtime()?;
        let _waiting = Waiting::begin(&self.waiting);
        let turn = tokio::time::timeout(self.timeout(), self.turns.acquire(class, &shares));
        let turn = match turn.await {
            Ok(Ok(turn)) => turn,
            Ok(Err(TooMany)) => {
                return Err(StoreError::Unavailable("busy: too many reads are waiting".to_owned()));
            }
            Err(_) => return Err(none_free()),
        };
        let object = Some(get(&connections).await?);
        let connector = Arc::clone(&self.connector);
        Ok(Lease { object, is_busy: false, is_lost: false, turn, connections, connector })
    }

    pub(crate) fn usage(&self) -> Load {
        let runtimes = self.runtimes.read().unwrap_or_else(PoisonError::into_inner);
        let statuses = runtimes.values().map(|runtime| runtime.connections.status());
        let waiting = self.waiting.load(Ordering::Relaxed);
        statuses.fold(Load { waiting, ..Load::default() }, |load, status| Load {
            in_use: load.in_use + status.size.saturating_sub(status.available),
            max: load.max + status.max_size,
            waiting: load.waiting,
        })
    }

    pub(crate) fn close(&self) {
        let runtimes = self.runtimes.read().unwrap_or_else(PoisonError::into_inner);
        runtimes.values().for_each(|runtime| runtime.connections.close());
    }

    fn of_current_runtime(&self) -> Result<OfRuntime, StoreError> {
        let runtime = Handle::current().id();
        if let Some(known) = self.runtimes.read().unwrap_or_else(PoisonError::into_inner).get(&runtime) {
            return Ok(known.clone());
        }
        match self.runtimes.write().unwrap_or_else(PoisonError::into_inner).entry(runtime) {
            Entry::Occupied(known) => Ok(known.get().clone()),
            Entry::Vacant(entry) => Ok(entry.insert(self.new_runtime()?).clone()),
        }
    }

    fn new_runtime(&self) -> Result<OfRuntime, StoreError> {
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
        let timeout = Some(self.timeout());
        let connections = pooled::Pool::builder(Manager::new_with_config(String::new(), config))
            .max_size(self.size_per_runtime)
            .timeouts(Timeouts { wait: timeout, create: timeout, recycle: None })
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(|e| StoreError::Unavailable(e.to_string()))?;
        Ok(OfRuntime { connections, shares: Shares::new(self.size_per_runtime) })
    }
}

async fn get(connections: &Lent) -> Result<Object<Manager>, StoreError> {
    connections.get().await.map_err(|error| match error {
        pooled::PoolError::Backend(PoolError::ConnectionError(
            diesel::ConnectionError::CouldntSetupConfiguration(error),
        )) => unavailable(&error),
        pooled::PoolError::Timeout(_) => none_free(),
        error => StoreError::Unavailable(error.to_string()),
    })
}

fn none_free() -> StoreError {
    StoreError::Unavailable("no connection to the database became free in time".to_owned())
}

/// A connection on loan.
pub(crate) struct Lease {
    /// `None` after a loss, and during drop.
    object: Option<Object<Manager>>,
    /// Whether a statement may be running.
    is_busy: bool,
    is_lost: bool,
    turn: Turn,
    connections: Lent,
    connector: Arc<Connector>,
}

impl Lease {
    pub(crate) fn conn(&mut self) -> Result<&mut AsyncPgConnection, StoreError> {
        self.is_busy = true;
        self.object.as_deref_mut().ok_or_else(timed_out)
    }

    /// Ends the work on the connection: takes its answer, or cancels the statement that runs.
    pub(crate) async fn finish<T>(
        &mut self,
        answer: Result<Result<T, Failure>, Elapsed>,
    ) -> Result<T, Failure> {
        if let Ok(answer) = answer {
            self.is_busy = false;
            self.is_lost = answer.as_ref().is_err_and(is_connection_lost);
            return answer;
        }
        if let Some(object) = &mut self.object {
            self.is_lost = !end_statement(object, &self.connector, WAITED_CANCEL_TIMEOUT).await;
            self.is_busy = false;
            self.discard();
        }
        Err(timed_out().into())
    }

    /// Whether the [finished](Self::finish) work failed because of the connection.
    pub(crate) const fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Takes a fresh connection in place of a lost one. The idle ones may be lost as well, and are closed.
    pub(crate) async fn renew(&mut self) -> Result<(), StoreError> {
        tracing::debug!("a connection to the database was lost; trying again on a fresh one");
        self.discard();
        self.connections.retain(|_, _| false);
        self.object = Some(get(&self.connections).await?);
        self.is_lost = false;
        Ok(())
    }

    fn discard(&mut self) {
        drop(self.object.take().map(Object::take));
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut object) = self.object.take() else { return };
        let turn = std::mem::take(&mut self.turn);
        match Handle::try_current() {
            Ok(runtime) if self.is_busy => {
                let connector = Arc::clone(&self.connector);
                runtime.spawn(async move {
                    end_statement(&mut object, &connector, CANCEL_TIMEOUT).await;
                    drop(Object::take(object));
                    drop(turn);
                });
            }
            _ => give_back(object),
        }
    }
}

/// Cancels the statement that runs on the connection. Returns whether it ended in time.
async fn end_statement(object: &mut Object<Manager>, connector: &Connector, limit: Duration) -> bool {
    let cancelled = async {
        connector.cancel(object).await;
        // PostgreSQL answers this, even if only with an error, when the statement before has ended.
        object.batch_execute("").await
    };
    match tokio::time::timeout(limit, cancelled).await {
        Ok(answer) => !answer.is_err_and(|error| is_connection_lost(&error.into())),
        Err(_) => false,
    }
}

/// Returns the connection to its pool, or closes it if it is inside a transaction.
fn give_back(mut object: Object<Manager>) {
    if object.is_broken() {
        drop(Object::take(object));
    }
}
