//! The store: one writer thread and several reader threads on one file.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use diesel::SqliteConnection;
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::Integer;
use domain::health::{Load, Probe};
use domain::instances::OtherWriters;
use domain::todo::EventBus;
use domain::{StoreError, UserId};
use tokio::sync::oneshot;

use crate::cached_statement;
use crate::checkpointer::Checkpointer;
use crate::connection::{Access, Connector};
use crate::epochs::EpochCache;
use crate::error::{Failure, OpenError, STORE_CLOSED, timed_out};
use crate::migrations;
use crate::readers::{Class, Readers};
use crate::schema::epochs;
use crate::writer::{Done, GROUP_TIME, Limits, Load as WriteLoad, Writer};

/// How much longer than its time limit a call waits for the answer, because a statement notices the limit
/// only at its next row.
const GRACE: Duration = Duration::from_millis(250);

/// How much room the disk must have for writes to count as possible again. A small write succeeds
/// even on a full disk: a refused transaction leaves the space in the write-ahead log that it could
/// get.
const ROOM: usize = 1024 * 1024;

/// The errors after which no job can write: SQLite's texts, and that of a writer thread that has ended.
const UNWRITABLE: [&str; 4] = ["disk is full", "readonly database", "disk I/O error", STORE_CLOSED];

/// No count of SQLite's, which have 32 bits.
const UNKNOWN: i64 = i64::MIN;

/// How to open a store.
pub struct OpenOptions {
    /// The database file. Every migration must have been applied to it.
    pub path: PathBuf,
    /// The number of threads that read for users, at least two. Another one reads for the server itself.
    pub readers: usize,
    /// How long a call waits for its answer, and a connection for a lock of another process.
    pub timeout: Duration,
    /// The capacity of the queue of reads, and of the queue of writes.
    pub queue: usize,
    /// Whether to log every statement, without its bound values.
    pub echo: bool,
    /// Receives the events of committed changes.
    pub bus: Arc<dyn EventBus>,
}

impl OpenOptions {
    /// Options with two readers, a time-out of five seconds and queues of 1,024 jobs.
    pub fn new(path: impl Into<PathBuf>, bus: Arc<dyn EventBus>) -> Self {
        Self { path: path.into(), readers: 2, timeout: Duration::from_secs(5), queue: 1024, echo: false, bus }
    }
}

/// Implements every store port on one SQLite file.
///
/// Dropping the store runs the queued jobs, ends the threads and writes the write-ahead log back into the
/// file. The drop blocks until that is done.
pub struct SqliteStore {
    // Dropped before the writer, so that the writer's connection closes last.
    readers: Readers,
    checkpointer: Checkpointer,
    writer: Writer,
    pub(crate) epochs: EpochCache,
    timeout: Duration,
    /// Whether the write-ahead log may hold rows of a deleted account. True at the start, because an
    /// earlier process may have deleted one.
    erasure_due: AtomicBool,
    /// The folder of the file.
    folder: PathBuf,
    /// Set when the file could not be written. Only a successful write of the probe clears it: other jobs may
    /// find nothing to write.
    unwritable: AtomicBool,
    /// SQLite's count of the commits of other connections, as the writer last saw it.
    others_commits: AtomicI64,
}

impl SqliteStore {
    /// Opens the file and starts the threads.
    ///
    /// Runs no migration, and returns [`OpenError::NotMigrated`] if one is pending. Other processes may write to
    /// the file meanwhile, as commands do; a server keeps other servers off it with a
    /// [`FileLock`](crate::FileLock).
    pub fn open(options: OpenOptions) -> Result<Self, OpenError> {
        let OpenOptions { path, readers, timeout, queue, echo, bus } = options;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).to_owned();
        let connector = Connector { path, timeout, echo };
        let mut write = connector.connect(Access::Write)?;
        migrations::refuse_newer(&mut write)?;
        let pending = migrations::pending(&mut write)?;
        if !pending.is_empty() {
            return Err(OpenError::NotMigrated { pending });
        }
        let connections = readers.max(2) + 1;
        let read = (0..connections).map(|_| connector.connect(Access::Read)).collect::<Result<_, _>>()?;
        let readers = Readers::start(read, queue, timeout)?;
        let checkpointer = Checkpointer::start(&mut write, connector.connect(Access::Write)?)?;
        let limits = Limits { timeout, group: GROUP_TIME };
        let writer = Writer::start(write, queue, limits, bus)?;
        Ok(Self {
            readers,
            checkpointer,
            writer,
            epochs: EpochCache::default(),
            timeout,
            erasure_due: AtomicBool::new(true),
            folder,
            unwritable: AtomicBool::new(false),
            others_commits: AtomicI64::new(UNKNOWN),
        })
    }

    /// Runs `work` on a reader thread, before the reads of users. It must read few rows.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.answer(self.readers.submit(Class::Essential, work)?).await
    }

    /// Runs `work` on a reader thread when it is the user's turn; `long` if it may touch all of the user's
    /// rows.
    pub(crate) async fn read_of<T: Send + 'static>(
        &self,
        user: UserId,
        long: bool,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.answer(self.readers.submit(Class::User { user, long }, work)?).await
    }

    /// Runs `work` on the writer thread. Either all of its statements take effect or none.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.write_and_publish(WriteLoad::Other, |conn| work(conn).map(Done::without_events)).await
    }

    /// Like [`Self::write`], and publishes the events that `work` returns once they are durable.
    pub(crate) async fn write_and_publish<T: Send + 'static>(
        &self,
        load: WriteLoad,
        work: impl FnOnce(&mut SqliteConnection) -> Result<Done<T>, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let outcome = match self.writer.submit(load, work) {
            Ok(answer) => self.answer(answer).await,
            Err(error) => Err(error),
        };
        self.checkpointer.wake();
        if let Err(StoreError::Unavailable(problem)) = &outcome
            && UNWRITABLE.iter().any(|known| problem.contains(known))
        {
            self.unwritable.store(true, Ordering::Relaxed);
        }
        outcome
    }

    /// Records that rows were deleted that must not stay in the write-ahead log.
    pub(crate) fn request_erasure(&self) {
        self.erasure_due.store(true, Ordering::Release);
    }

    /// Writes the write-ahead log back into the file and empties it, if that is due. If a reader or a
    /// writer is in the way, the next call tries again: a checkpoint must not delay requests.
    pub(crate) async fn erase_deleted(&self) -> Result<(), StoreError> {
        if self.erasure_due.swap(false, Ordering::AcqRel) {
            let timeout = self.timeout.as_millis();
            let emptied = self.read(move |conn| {
                conn.batch_execute("PRAGMA busy_timeout = 0")?;
                let outcome =
                    diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)").get_result::<Checkpoint>(conn);
                conn.batch_execute(&format!("PRAGMA busy_timeout = {timeout}"))?;
                Ok(outcome.is_ok_and(|outcome| outcome.busy == 0))
            });
            if !emptied.await? {
                self.request_erasure();
            }
        }
        Ok(())
    }

    async fn answer<T>(&self, answer: oneshot::Receiver<Result<T, StoreError>>) -> Result<T, StoreError> {
        match tokio::time::timeout(self.timeout + GRACE, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(StoreError::Unavailable("the database thread dropped the job".to_owned())),
            Err(_) => Err(timed_out()),
        }
    }
}

/// Writes a file of [`ROOM`] bytes into the folder, which has no name and goes at once.
fn take_room(folder: &Path) -> io::Result<()> {
    let mut file = tempfile::tempfile_in(folder)?;
    file.write_all(&vec![0; ROOM])?;
    file.sync_all()
}

/// The answer of `PRAGMA data_version`.
#[derive(QueryableByName)]
struct DataVersion {
    #[diesel(sql_type = Integer)]
    data_version: i32,
}

#[async_trait]
impl OtherWriters for SqliteStore {
    async fn have_written(&self) -> Result<bool, StoreError> {
        // A connection's count leaves out its own commits, and only one connection of this store commits.
        let count = self.write(|conn| {
            let count = diesel::sql_query("PRAGMA data_version").get_result::<DataVersion>(conn)?;
            Ok(i64::from(count.data_version))
        });
        let count = count.await?;
        let before = self.others_commits.swap(count, Ordering::Relaxed);
        Ok(before != UNKNOWN && before != count)
    }
}

/// The answer of `PRAGMA wal_checkpoint`.
#[derive(QueryableByName)]
struct Checkpoint {
    /// 1 if a reader or writer kept the log from being emptied.
    #[diesel(sql_type = Integer)]
    busy: i32,
}

#[async_trait]
impl Probe for SqliteStore {
    async fn probe(&self) -> Result<(), StoreError> {
        if self.unwritable.load(Ordering::Relaxed) {
            let folder = self.folder.clone();
            self.write(move |conn| {
                take_room(&folder).map_err(|error| {
                    StoreError::Unavailable(format!("the disk of the database has no room: {error}"))
                })?;
                cached_statement::execute(conn, "UPDATE todo_numbers SET next = next")?;
                Ok(())
            })
            .await?;
            self.unwritable.store(false, Ordering::Relaxed);
        }
        self.read(|conn| {
            epochs::table.order(epochs::ordinal.desc()).select(epochs::ordinal).first::<i64>(conn)?;
            Ok(())
        })
        .await
    }

    /// Counts the reader threads that are busy. The writer has a connection of its own, so only its queue
    /// counts.
    fn load(&self) -> Load {
        Load {
            in_use: self.readers.busy(),
            max: self.readers.count(),
            waiting: self.readers.waiting() + self.writer.waiting(),
        }
    }
}
