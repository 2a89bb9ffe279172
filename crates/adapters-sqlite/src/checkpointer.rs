//! Writes the write-ahead log back into the file, on a thread of its own.
//!
//! A commit that finds the log long would write it back before it answers, and every job behind it
//! would wait. While long reads follow one another, no attempt can finish, so that every commit
//! would try. Beside the writer this costs no job any time. The writer still does it if the log
//! grows nevertheless.

use std::convert::Infallible;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::error::OpenError;

/// Rare enough for scattered writes, and the log stays short enough for reads, which search it
/// first: 16 MiB.
const PAGES: i64 = 4096;
/// With this length of the log, the writer helps.
const PAGES_OF_WRITER: i64 = 4 * PAGES;
/// The shortest time between two looks at the log.
const PAUSE: Duration = Duration::from_millis(50);

pub(crate) struct Checkpointer {
    /// `None` only during drop. The thread ends once this sender is gone.
    open: Option<Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts the thread, and makes `writer` leave the log to it.
    pub(crate) fn start(writer: &mut SqliteConnection, conn: SqliteConnection) -> Result<Self, OpenError> {
        writer
            .batch_execute(&format!("PRAGMA wal_autocheckpoint = {PAGES_OF_WRITER}"))
            .map_err(|error| OpenError::Checkpointer(error.to_string()))?;
        Self::with_length(conn, PAGES)
    }

    /// Keeps the part of the log that is not yet in the file shorter than about `pages`.
    fn with_length(mut conn: SqliteConnection, pages: i64) -> Result<Self, OpenError> {
        let (open, closed) = channel();
        let thread = thread::Builder::new().name("sqlite-checkpoint".to_owned());
        let thread = thread.spawn(move || run(&mut conn, pages, &closed))?;
        Ok(Self { open: Some(open), thread: Some(thread) })
    }

    /// Makes the thread look at the log soon.
    pub(crate) fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.open = None;
        self.wake();
        if let Some(thread) = self.thread.take() {
            // The thread does not panic.
            let _ = thread.join();
        }
    }
}

fn run(conn: &mut SqliteConnection, pages: i64, closed: &Receiver<Infallible>) {
    let mut failing = false;
    loop {
        thread::park();
        match write_back(conn, pages) {
            // One line for a full disk, however many commits find it full.
            Err(error) if !failing => {
                tracing::warn!(%error, "the write-ahead log can't be written back; the next commits try again");
                failing = true;
            }
            outcome => failing = outcome.is_err(),
        }
        if closed.recv_timeout(PAUSE) == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
}

/// What `PRAGMA wal_checkpoint` returns.
#[derive(QueryableByName)]
struct Log {
    /// The number of pages in the log.
    #[diesel(sql_type = BigInt)]
    log: i64,
    /// The number of those that are in the file.
    #[diesel(sql_type = BigInt)]
    checkpointed: i64,
}

fn write_back(conn: &mut SqliteConnection, pages: i64) -> QueryResult<()> {
    let Log { log, checkpointed } = diesel::sql_query("PRAGMA wal_checkpoint(NOOP)").get_result(conn)?;
    if log - checkpointed >= pages {
        // Waits neither for readers nor for the writer, who goes on meanwhile.
        diesel::sql_query("PRAGMA wal_checkpoint(PASSIVE)").execute(conn)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use diesel::sql_query;

    use super::*;
    use crate::connection::{Access, Connector};

    #[test]
    fn a_long_log_is_written_back_beside_the_writer() {
        let folder = tempfile::tempdir().expect("a folder");
        let connector =
            Connector { path: folder.path().join("todos.db"), timeout: Duration::from_secs(5), echo: false };
        let connect = || connector.connect(Access::Write).expect("connects");
        let (mut writer, mut other) = (connect(), connect());
        writer.batch_execute("PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (x)").expect("writes");
        let checkpointer = Checkpointer::with_length(connect(), 100).expect("starts");
        let mut look =
            || -> Log { sql_query("PRAGMA wal_checkpoint(NOOP)").get_result(&mut other).expect("looks") };
        checkpointer.wake();
        sql_query("INSERT INTO t VALUES (randomblob(1000000))").execute(&mut writer).expect("writes");
        let log = look().log;
        assert!(log > 100, "{log}");
        for _ in 0..10_000 {
            if look().checkpointed >= log {
                break;
            }
            checkpointer.wake();
            thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(look().checkpointed, log);
        sql_query("INSERT INTO t VALUES (1)").execute(&mut writer).expect("writes");
        assert!(look().log < log, "the writer begins the log again");
    }
}
