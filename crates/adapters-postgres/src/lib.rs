//! The stores on PostgreSQL.
//!
//! - [`PostgresStore`]: the ports of the domain, over a pool for reads and accounts and a group commit for todos
//! - [`migrate`], [`revert_last`], [`migration_status`]: the schema
//! - [`RowSecurity`]: the second fence around each user's rows
//!
//! Deliberately absent: rules. What a change comes to is decided by [`domain`], under the locks taken here.

mod accounts;
mod committer;
mod connector;
mod echo;
mod error;
mod fence;
mod identities;
mod migrations;
mod one_time;
mod outbox;
#[cfg(test)]
mod plans;
mod pool;
mod rows;
mod schema;
mod sessions;
mod sql;
mod tls;
mod todos;
mod url;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use diesel::sql_types::{Bool, Integer};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::StoreError;
use domain::health::{Load, Probe};
use domain::todo::EventBus;

pub use self::error::ConnectError;
pub use self::fence::RowSecurity;
pub use self::migrations::{MigrateError, MigrationState, migrate, migration_status, revert_last};
pub use self::tls::TlsError;
pub use self::url::{UrlError, check_url};

use self::committer::Committers;
use self::connector::Connector;
use self::fence::Scope;
use self::pool::Pool;
use self::sql::{Sql, sql};
use self::url::Target;

/// How to open a store.
#[derive(Clone)]
pub struct Options {
    /// `postgres://`, `postgresql://` or `postgresql+asyncpg://`.
    pub url: String,
    /// How many connections each runtime that uses the store may have. Two more belong to the group commit.
    pub pool_size: usize,
    /// How long a request waits for a connection, and for a statement; a batch of changes waits as long for its turn.
    pub timeout: Duration,
    /// Which statements row security binds.
    pub row_security: RowSecurity,
    /// Where events of committed changes go.
    pub bus: Arc<dyn EventBus>,
    /// Whether statements are logged, without their values.
    pub echo: bool,
}

/// Todos, accounts, sessions, one-time tokens, identities and the outbox on one database.
pub struct PostgresStore {
    pool: Pool,
    committers: Committers,
}

impl PostgresStore {
    /// Opens the store; the database must be reachable. Changes of todos are written on the current runtime, which must outlive the
    /// store; everything else on the runtime that asks for it.
    pub async fn connect(options: Options) -> Result<Self, ConnectError> {
        let Options { url, pool_size, timeout, row_security, bus, echo } = options;
        let target = Target::parse(&url, timeout)?;
        let tls = tls::connector(target.verification, &target.roots)?;
        let connector = Arc::new(Connector::new(target, tls, timeout, row_security, echo));
        let pool = Pool::new(&connector, pool_size, row_security);
        let store = Self { pool, committers: Committers::start(&connector, &bus, row_security, timeout) };
        store.probe().await?;
        Ok(store)
    }

    /// Whether row security binds this connection's role; not so where it owns the tables or may bypass the policies.
    pub async fn row_security_active(&self) -> Result<bool, StoreError> {
        let active = self.pool.read(Scope::Unfenced, async |mut conn: &AsyncPgConnection| {
            let question: Sql<'_, Bool> = sql("select row_security_active('todos')");
            Ok(question.get_result(&mut conn).await?)
        });
        active.await
    }

    /// Refuses new work and returns when every batch that waits is committed. Its caller has seen to it that no requests are left.
    pub async fn close(&self) {
        self.committers.close().await;
        self.pool.close();
    }
}

#[async_trait]
impl Probe for PostgresStore {
    async fn probe(&self) -> Result<(), StoreError> {
        let answer = self.pool.read(Scope::Unfenced, async |mut conn: &AsyncPgConnection| {
            let question: Sql<'_, Integer> = sql("select 1");
            Ok(question.get_result::<i32>(&mut conn).await?)
        });
        answer.await.map(drop)
    }

    fn load(&self) -> Load {
        self.pool.how_busy()
    }
}
