//! The store: a connection pool for reads and accounts, and a group commit for todos.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use diesel::sql_types::Bool;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::StoreError;
use domain::health::{Load, Probe};
use domain::todo::EventBus;
use tokio::runtime::Handle;

use crate::committer::Committers;
use crate::connector::Connector;
use crate::epochs::{EpochCache, EpochSource};
use crate::error::ConnectError;
use crate::pool::Pool;
use crate::row_security::{RowScope, RowSecurity};
use crate::sql::{Sql, sql};
use crate::tls;
use crate::url::Target;

/// How to open a store.
#[derive(Clone)]
pub struct Options {
    /// A URL with the scheme `postgres`, `postgresql` or `postgresql+asyncpg`.
    pub url: String,
    /// The maximum number of connections of each runtime that uses the store. The group commit has three more.
    pub pool_size: usize,
    /// How long a call waits for a connection and for a statement, and a batch of changes for its turn.
    pub timeout: Duration,
    /// Which statements row-level security restricts.
    pub row_security: RowSecurity,
    /// How the store learns that another history of the database began.
    pub epoch_source: EpochSource,
    /// Receives the events of committed changes.
    pub bus: Arc<dyn EventBus>,
    /// Whether to log every statement, without its bound values.
    pub echo: bool,
    /// Where large batches of changes are written, so that small ones are first where its threads have
    /// less priority. `None` is the current runtime.
    pub background: Option<Handle>,
}

/// Implements every store port on one PostgreSQL database.
pub struct PostgresStore {
    pub(crate) pool: Pool,
    pub(crate) committers: Committers,
    pub(crate) epochs: Arc<EpochCache>,
    row_security: RowSecurity,
}

/// How the database can be used at the moment.
struct Condition {
    is_standby: bool,
    /// Whether the schema hides rows from the store's reads, which do not name their users.
    hides_rows: bool,
}

impl PostgresStore {
    /// Opens the store. The database must be reachable.
    ///
    /// Changes of todos are written on the current runtime and on that of `background`, which must outlive
    /// the store. Every other call runs on the runtime of its caller.
    pub async fn connect(options: Options) -> Result<Self, ConnectError> {
        let Options { url, pool_size, timeout, row_security, epoch_source, bus, echo, background } = options;
        let target = Target::parse(&url, timeout)?;
        let tls = tls::connector(target.verification, &target.roots)?;
        let connector = Arc::new(Connector::new(target, tls, timeout, echo).await?);
        let pool = Pool::new(&connector, pool_size, row_security);
        let epochs = Arc::new(EpochCache::new(epoch_source));
        let background = background.unwrap_or_else(Handle::current);
        let committers = Committers::start(&connector, &epochs, &bus, row_security, &background);
        let store = Self { pool, committers, epochs, row_security };
        if store.condition().await?.hides_rows {
            return Err(ConnectError::ReadsRestricted);
        }
        let epochs = Arc::clone(&store.epochs);
        let checked = store
            .pool
            .read(RowScope::Unrestricted, async move |conn: &AsyncPgConnection| epochs.check(conn).await);
        checked.await?;
        Ok(store)
    }

    /// Whether row-level security restricts the role of this store. It does not restrict the owner of the
    /// tables or a role with `BYPASSRLS`.
    pub async fn row_security_active(&self) -> Result<bool, StoreError> {
        let active = self.pool.read(RowScope::Unrestricted, async |mut conn: &AsyncPgConnection| {
            let question: Sql<'_, Bool> = sql("select row_security_active('todos')");
            Ok(question.get_result(&mut conn).await?)
        });
        active.await
    }

    /// Whether the schema restricts the reads of this store's role too.
    pub async fn reads_restricted(&self) -> Result<bool, StoreError> {
        let restricted = self.pool.read(RowScope::Unrestricted, async |mut conn: &AsyncPgConnection| {
            let question: Sql<'_, Bool> =
                sql("select row_security_active('todos') and not todo_reads_open()");
            Ok(question.get_result(&mut conn).await?)
        });
        restricted.await
    }

    /// Asks the database in one round trip how it can be used.
    async fn condition(&self) -> Result<Condition, StoreError> {
        let question = match self.row_security {
            RowSecurity::Writes => {
                "select pg_is_in_recovery(), row_security_active('todos') and not todo_reads_open()"
            }
            RowSecurity::All => "select pg_is_in_recovery(), false",
        };
        let answer = self.pool.read(RowScope::Unrestricted, async move |mut conn: &AsyncPgConnection| {
            let question: Sql<'_, (Bool, Bool)> = sql(question);
            Ok(question.get_result::<(bool, bool)>(&mut conn).await?)
        });
        let (is_standby, hides_rows) = answer.await?;
        Ok(Condition { is_standby, hides_rows })
    }

    /// Refuses new work and returns once every queued batch is committed. Call it when no requests are left.
    pub async fn close(&self) {
        self.committers.close().await;
        self.pool.close();
    }
}

#[async_trait]
impl Probe for PostgresStore {
    async fn probe(&self) -> Result<(), StoreError> {
        self.committers.check()?;
        let condition = self.condition().await?;
        if condition.hides_rows {
            return Err(StoreError::Unavailable(ConnectError::ReadsRestricted.to_string()));
        }
        if condition.is_standby {
            return Err(StoreError::Unavailable(
                "the database is a standby, which can't be written".to_owned(),
            ));
        }
        Ok(())
    }

    fn load(&self) -> Load {
        let reads = self.pool.usage();
        Load { waiting: reads.waiting + self.committers.waiting(), ..reads }
    }
}
