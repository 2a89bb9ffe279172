//! Whole database files: copied while they are in use, checked, put in place of others, and exchanged with
//! other stores.

mod backup;
mod check;
mod content;
mod replaced;
mod restore;
mod sessions;

use std::io;
use std::path::{Path, PathBuf};

use diesel::SqliteConnection;
use diesel::prelude::*;
use tempfile::{Builder, TempPath};
use thiserror::Error;

use crate::connection::{Access, Connector, create_folder};
use crate::error::OpenError;
use crate::functions;
use crate::migrations::{self, LOCK_TIMEOUT, MigrateError};

pub use backup::{back_up, back_up_to};
pub use check::{check, repair};
pub use content::{read_content, write_content};
pub use restore::{Restoration, restore};
pub use sessions::end_all_sessions;

/// Why a file can't be copied, checked or restored. Nothing was changed, and a target was not made.
#[derive(Debug, Error)]
pub enum FileError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    #[error("there is no file {0}")]
    Missing(PathBuf),
    /// A file that would be overwritten.
    #[error("{0} exists already; name another file")]
    Exists(PathBuf),
    /// The file is something else than a database of this program.
    #[error("{path} is not a database of this program: {problem}")]
    Foreign { path: PathBuf, problem: String },
    /// `PRAGMA integrity_check` finds damage.
    #[error("{path} is damaged: {problem}")]
    Damaged { path: PathBuf, problem: String },
    /// The file is written or read by another program.
    #[error("another program uses {0}; stop it first")]
    InUse(PathBuf),
    #[error("can't write {path}: {source}")]
    Write { path: PathBuf, source: io::Error },
    #[error("the database can't be copied: {0}")]
    Copy(String),
    /// The sender of the content ended before it had sent everything.
    #[error("the copying was broken off")]
    BrokenOff,
}

impl From<diesel::result::Error> for FileError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Copy(error.to_string())
    }
}

/// Opens a database that servers may use at the same time.
fn connect(path: &Path, access: Access) -> Result<SqliteConnection, FileError> {
    if !path.exists() {
        return Err(FileError::Missing(path.to_owned()));
    }
    Ok(Connector { path: path.to_owned(), timeout: LOCK_TIMEOUT, echo: false }.connect(access)?)
}

/// Opens a file that nothing writes to. Neither the file nor its folder is changed.
fn connect_to_copy(path: &Path) -> Result<SqliteConnection, FileError> {
    let foreign = |problem: String| FileError::Foreign { path: path.to_owned(), problem };
    if !path.is_file() {
        return Err(FileError::Missing(path.to_owned()));
    }
    let absolute = std::path::absolute(path).map_err(|error| foreign(error.to_string()))?;
    let text = absolute.to_str().ok_or_else(|| OpenError::Path(path.to_owned()))?;
    // In a URI, these characters would end the path.
    let escaped = text.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    // A log beside the file holds its latest changes, and needs the locks that `immutable` leaves out.
    let mode = if has_log(path) { "mode=ro" } else { "mode=ro&immutable=1" };
    let mut conn =
        SqliteConnection::establish(&format!("file:{escaped}?{mode}")).map_err(|e| foreign(e.to_string()))?;
    functions::register(&mut conn).map_err(|e| foreign(e.to_string()))?;
    match migrations::migration_count(&mut conn) {
        Ok(0) => Err(foreign("no migration was applied to it".to_owned())),
        Ok(_) => Ok(conn),
        Err(error) => Err(match error.to_string() {
            problem if problem.contains("malformed") => FileError::Damaged { path: path.to_owned(), problem },
            problem => foreign(problem),
        }),
    }
}

/// The path of a file that belongs to `path`, such as its write-ahead log.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn has_log(path: &Path) -> bool {
    beside(path, "-wal").metadata().is_ok_and(|log| log.len() > 0)
}

/// An empty file in the folder of `path`, which is deleted unless it is [placed](place).
fn unfinished(path: &Path) -> Result<TempPath, FileError> {
    create_folder(path)?;
    let failed = |source| FileError::Write { path: path.to_owned(), source };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let folder = std::path::absolute(path).map_err(failed)?;
    let folder = folder.parent().unwrap_or(Path::new("/"));
    let file = Builder::new().prefix(&format!("{name}.unfinished-")).tempfile_in(folder).map_err(failed)?;
    Ok(file.into_temp_path())
}

/// Gives a finished file its name, durably. Overwrites nothing.
fn place(file: TempPath, path: &Path) -> Result<(), FileError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => FileError::Exists(path.to_owned()),
        _ => FileError::Write { path: path.to_owned(), source },
    };
    flush(&file, path)?;
    file.persist_noclobber(path).map_err(|error| failed(error.error))?;
    flush_folder(path)
}

/// Flushes a file that nothing has open. `path` is for the message.
fn flush(file: &Path, path: &Path) -> Result<(), FileError> {
    let flushed = std::fs::File::open(file).and_then(|file| file.sync_all());
    flushed.map_err(|source| FileError::Write { path: path.to_owned(), source })
}

/// Flushes the names in the folder of `path`.
fn flush_folder(path: &Path) -> Result<(), FileError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    flush(folder, path)
}
