//! Opens connections and configures them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::Text;

use crate::error::OpenError;
use crate::functions;
use crate::statements::Statements;

/// Opens connections to one file.
pub(crate) struct Connector {
    pub path: PathBuf,
    pub timeout: Duration,
    pub echo: bool,
}

/// The purpose of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
    /// For changes of the schema. Foreign keys are off, so that `DROP TABLE` does not cascade.
    Migrate,
}

impl Connector {
    /// Opens a connection. Creates the file and its folder if they are missing.
    pub(crate) fn connect(&self, access: Access) -> Result<SqliteConnection, OpenError> {
        create(&self.path)?;
        let problem = |problem: String| OpenError::Connect { path: self.path.clone(), problem };
        // SQLite takes a path that starts with `file:` for a URI. An absolute path can't.
        let path = std::path::absolute(&self.path)
            .map_err(|source| OpenError::Create { path: self.path.clone(), source })?;
        let url = path.to_str().ok_or_else(|| OpenError::Path(self.path.clone()))?;
        let mut conn = SqliteConnection::establish(url).map_err(|error| problem(error.to_string()))?;
        if let Some(statements) = Statements::wanted(self.echo) {
            conn.set_instrumentation(statements);
        }
        self.configure(&mut conn, access).map_err(|error| problem(error.to_string()))?;
        let settings: FileSettings = diesel::sql_query(FILE_SETTINGS)
            .get_result(&mut conn)
            .map_err(|error| problem(error.to_string()))?;
        match settings.unsuitable() {
            Some(unsuitable) => Err(problem(unsuitable)),
            None => Ok(conn),
        }
    }

    fn configure(&self, conn: &mut SqliteConnection, access: Access) -> QueryResult<()> {
        conn.batch_execute(&format!("PRAGMA busy_timeout = {}", self.timeout.as_millis()))?;
        retry_while_locked(self.timeout, || conn.batch_execute("PRAGMA journal_mode = WAL"))?;
        // FULL flushes the write-ahead log at each commit; the jobs of a group share the flush. The
        // log is written back every 4,096 pages, in a store by the checkpointer. `secure_delete`
        // overwrites what is deleted.
        conn.batch_execute(
            "PRAGMA synchronous = FULL;
             PRAGMA wal_autocheckpoint = 4096;
             PRAGMA journal_size_limit = 67108864;
             PRAGMA cache_size = -16384;
             PRAGMA temp_store = MEMORY;
             PRAGMA secure_delete = ON;",
        )?;
        conn.batch_execute(match access {
            Access::Read => "PRAGMA foreign_keys = ON; PRAGMA query_only = ON;",
            Access::Write => "PRAGMA foreign_keys = ON;",
            Access::Migrate => "PRAGMA foreign_keys = OFF;",
        })?;
        functions::register(conn)
    }
}

const FILE_SETTINGS: &str = "SELECT journal_mode, encoding FROM pragma_journal_mode, pragma_encoding";

/// Properties of the file that `PRAGMA` can't always change.
#[derive(QueryableByName)]
struct FileSettings {
    #[diesel(sql_type = Text)]
    journal_mode: String,
    #[diesel(sql_type = Text)]
    encoding: String,
}

impl FileSettings {
    /// Why the file can't be used: readers need the write-ahead log, and comparisons of texts need UTF-8.
    fn unsuitable(self) -> Option<String> {
        if self.encoding != "UTF-8" {
            return Some(format!("it has the encoding {}; only UTF-8 is supported", self.encoding));
        }
        (self.journal_mode != "wal").then(|| {
            let mode = self.journal_mode;
            format!("it can't have a write-ahead log (its journal mode stays {mode}); put it on a local disk")
        })
    }
}

/// Creates the folder, and the file with access for its owner only.
///
/// Does not open an existing file: POSIX locks belong to the process, so closing the file would drop the
/// locks of this process's other connections.
fn create(path: &Path) -> Result<(), OpenError> {
    create_folder(path)?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
            Err(OpenError::Create { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// Creates the folder of the file, with access for its owner only, whatever the umask.
pub(crate) fn create_folder(path: &Path) -> Result<(), OpenError> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|source| OpenError::Create { path: folder.to_owned(), source })
}

/// Retries a statement while the database is locked, for `timeout` at most.
///
/// `PRAGMA busy_timeout` does not cover the change of journal mode, which several processes may attempt at
/// once when they start on a new file.
fn retry_while_locked(timeout: Duration, mut run: impl FnMut() -> QueryResult<()>) -> QueryResult<()> {
    const PAUSE: Duration = Duration::from_millis(10);
    let mut left = timeout;
    loop {
        match run() {
            Err(DieselError::DatabaseError(DatabaseErrorKind::Unknown, info))
                if info.message().contains("locked") && !left.is_zero() =>
            {
                thread::sleep(PAUSE);
                left = left.saturating_sub(PAUSE);
            }
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_another_encoding_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("todos.db");
        let mut other = SqliteConnection::establish(path.to_str().expect("a path")).expect("it opens");
        other.batch_execute("PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (x)").expect("created");
        let connector = Connector { path, timeout: Duration::from_secs(5), echo: false };
        let refused = connector.connect(Access::Read).err().expect("refused").to_string();
        assert!(refused.contains("UTF-16le") && refused.contains("only UTF-8"), "{refused}");
    }
}
