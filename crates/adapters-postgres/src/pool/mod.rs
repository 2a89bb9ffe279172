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
mod tests;
