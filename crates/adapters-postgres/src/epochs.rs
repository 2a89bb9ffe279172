//! The epochs of the database.

use std::sync::{Arc, PoisonError, RwLock};

use diesel::result::Error as SqlError;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::sync::{Epoch, Epochs};

use crate::error::Failure;
use crate::migrations::{self, MigrateError};
use crate::session::{self, Limits};
use crate::sql::{Sql, sql};

/// How a server learns that another history of the database began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EpochSource {
    /// An operator says so, by [`begin_epoch`].
    #[default]
    Stored,
    /// In addition, each commit reads the identifier of the cluster and its WAL timeline, which changes when a
    /// standby is promoted.
    Timeline,
}

/// The list of epochs as it was last read.
///
/// An epoch is never changed or removed, so the list is complete while its last epoch is the current one.
pub(crate) struct EpochCache {
    pub(crate) source: EpochSource,
    list: RwLock<Option<Arc<Epochs>>>,
}

impl EpochCache {
    pub(crate) const fn new(source: EpochSource) -> Self {
        Self { source, list: RwLock::new(None) }
    }

    /// Returns the list up to `current` at least, which was read on this connection.
    pub(crate) async fn get(&self, conn: &AsyncPgConnection, current: &str) -> Result<Arc<Epochs>, Failure> {
        let cached = self.list.read().unwrap_or_else(PoisonError::into_inner).clone();
        match cached {
            Some(epochs) if epochs.current().1.as_str() == current => Ok(epochs),
            _ => self.load(conn).await,
        }
    }

    /// Reads the list.
    pub(crate) async fn load(&self, conn: &AsyncPgConnection) -> Result<Arc<Epochs>, Failure> {
        let read = read(conn).await?;
        *self.list.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&read));
        Ok(read)
    }

    /// Fails if the source can't be used. A standby has no timeline of its own yet.
    pub(crate) async fn check(&self, mut conn: &AsyncPgConnection) -> Result<(), Failure> {
        let timeline: Sql<'_, Nullable<Text>> =
            sql("select case when not pg_is_in_recovery() then todo_timeline() end");
        if self.source == EpochSource::Timeline {
            timeline.execute(&mut conn).await?;
        }
        Ok(())
    }
}

async fn read(mut conn: &AsyncPgConnection) -> Result<Arc<Epochs>, Failure> {
    let list: Sql<'_, (BigInt, Text)> = sql("select e.ordinal, e.epoch from epochs e order by e.ordinal");
    Ok(Arc::new(Epochs::new(list.load::<(i64, String)>(&mut conn).await?)?))
}

/// Begins the epoch of the present timeline unless it has begun, and reads the list. It is not cached, because
/// the transaction may roll back.
pub(crate) async fn begin_timeline(mut conn: &AsyncPgConnection) -> Result<Arc<Epochs>, Failure> {
    let begin: Sql<'_, ()> = sql("select todo_begin_timeline()");
    begin.execute(&mut conn).await?;
    read(conn).await
}

/// Begins a new epoch as the role of `url`, which owns the schema, and returns its name: the database may have
/// lost changes that devices hold. A running server notices with its next transaction.
///
/// Every migration must have been applied.
pub async fn begin_epoch(url: &str) -> Result<Epoch, MigrateError> {
    let mut conn = migrations::connect(&migrations::target(url)?).await?;
    let mut transaction = conn.build_transaction().read_committed().read_write();
    let name = transaction.run(async |conn| {
        let set: Sql<'_, Text> = session::local(sql("select "), Limits::NONE);
        set.execute(conn).await?;
        let lock: Sql<'_, ()> = sql("lock table epochs in share row exclusive mode");
        lock.execute(conn).await?;
        let begin: Sql<'_, Text> = sql("insert into epochs (ordinal, stored, begun_at) \
             select max(e.ordinal) + 1, gen_random_uuid()::text, now() from epochs e returning epoch");
        begin.get_result::<String>(conn).await
    });
    name.await.map(Epoch).map_err(|error: SqlError| MigrateError::Epoch(error.to_string()))
}
