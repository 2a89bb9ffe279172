//! The stores on an embedded SQLite file.
//!
//! One thread writes: it takes the jobs that wait, up to a fixed number, into one transaction, so that they share its
//! flush to disk. A few threads read, each on a connection of its own and one snapshot an answer. Both queues are bounded;
//! when one is full the answer is [`StoreError::Unavailable`] at once.
//!
//! Deliberately absent: rules. What a batch or a refresh comes to is decided in `domain`, inside the transaction.

mod accounts;
mod bare;
mod connection;
mod error;
mod identities;
mod migrations;
mod one_time;
mod outbox;
mod readers;
mod rows;
mod schema;
mod sessions;
mod todos;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use diesel::SqliteConnection;
use diesel::prelude::*;
use domain::StoreError;
use domain::event::EventBus;
use domain::health::{Load, Probe};

use crate::connection::{Access, Connector};
use crate::error::Failure;
pub use crate::error::OpenError;
pub use crate::migrations::{MigrateError, MigrationState, migrate, migration_status, revert_last};
use crate::readers::Readers;
use crate::schema::database_epoch;
use crate::writer::{Done, Writer};

/// How to open a store.
pub struct OpenOptions {
    /// The database file, whose schema is up to date.
    pub path: PathBuf,
    /// How many threads read; at least one is started.
    pub readers: usize,
    /// How long a call waits for its answer, and a connection for another process's lock.
    pub timeout: Duration,
    /// How many reads may wait, and how many writes.
    pub queue: usize,
    /// Whether every statement is logged, without its values.
    pub echo: bool,
    /// What the events of commits are published to.
    pub bus: Arc<dyn EventBus>,
}

impl OpenOptions {
    /// Two readers, five seconds, queues of 1,024.
    pub fn new(path: impl Into<PathBuf>, bus: Arc<dyn EventBus>) -> Self {
        Self { path: path.into(), readers: 2, timeout: Duration::from_secs(5), queue: 1024, echo: false, bus }
    }
}

/// All store ports on one SQLite file. Dropping it answers what is queued, ends its threads and writes the log back into the
/// file; that takes the calling thread as long as the queued jobs take.
pub struct SqliteStore {
    // Before the writer, so that its connection is the last to close.
    readers: Readers,
    writer: Writer,
    timeout: Duration,
}

impl SqliteStore {
    /// Opens the file and starts the threads. Runs no migration, and fails where one is pending.
    pub fn open(options: OpenOptions) -> Result<Self, OpenError> {
        let OpenOptions { path, readers, timeout, queue, echo, bus } = options;
        let connector = Connector { path, timeout, echo };
        let mut write = connector.connect(Access::Write)?;
        let pending = migrations::pending(&mut write)?;
        if !pending.is_empty() {
            return Err(OpenError::NotMigrated { pending });
        }
        let read = (0..readers.max(1)).map(|_| connector.connect(Access::Read)).collect::<Result<_, _>>()?;
        Ok(Self { readers: Readers::start(read, queue)?, writer: Writer::start(write, queue, bus)?, timeout })
    }

    /// Runs `work` on a reader.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        error::in_time(self.timeout, self.readers.submit(work)?).await
    }

    /// Runs `work` on the writer, all of it or nothing.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<Done<T>, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        error::in_time(self.timeout, self.writer.submit(work)?).await
    }
}

#[async_trait]
impl Probe for SqliteStore {
    async fn probe(&self) -> Result<(), StoreError> {
        self.read(|conn| {
            database_epoch::table.select(database_epoch::epoch).first::<String>(conn)?;
            Ok(())
        })
        .await
    }

    /// The writer is one connection that is always at hand: what waits for it counts, not the thread.
    fn load(&self) -> Load {
        Load { in_use: self.readers.busy(), waiting: self.readers.waiting() + self.writer.waiting() }
    }
}
