//! The lock that keeps a second server off a database file.
//!
//! SQLite lets several processes write to one file. Two servers do not share it, because each publishes only the
//! changes that it writes itself; and nothing changes the schema or replaces the file beside a server. Commands
//! that only read and write rows do not need the lock.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process;

use crate::connection::create_folder;
use crate::error::OpenError;

/// Holds the lock of one database file until it is dropped or the process ends, however it ends.
///
/// The lock is on a file beside the database, `todos.db.lock`, which names the process and stays behind. The
/// database itself is not locked, because closing one more descriptor of it would release SQLite's locks.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock, or returns [`OpenError::InUse`] with the process that has it. `command` is the command
    /// of this process, for the message that another one gets. Creates the folder if it is missing.
    pub fn acquire(path: &Path, command: &str) -> Result<Self, OpenError> {
        create_folder(path)?;
        let failed = |source| OpenError::Lock { path: path.to_owned(), source };
        let mut file = open(&lock_file(path).map_err(failed)?).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(source)) => return Err(failed(source)),
            Err(TryLockError::WouldBlock) => {
                let holder = read_holder(&mut file);
                return Err(OpenError::InUse { path: path.to_owned(), holder });
            }
        }
        write_holder(&mut file, command).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// The lock file of a database, which is the same for every name of the database.
fn lock_file(path: &Path) -> io::Result<PathBuf> {
    let path = match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => std::path::absolute(path)?,
        path => path?,
    };
    let mut name = path.into_os_string();
    name.push(".lock");
    Ok(name.into())
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn write_holder(file: &mut File, command: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "process {} (todo-server {command})", process::id())
}

fn read_holder(file: &mut File) -> String {
    let mut holder = String::new();
    // Whatever goes wrong, the file is in use.
    let _ = file.read_to_string(&mut holder);
    match holder.trim() {
        "" => "another process".to_owned(),
        holder => holder.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locked_file_is_refused_by_any_name_until_the_lock_is_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("data/todos.db");
        let lock = FileLock::acquire(&path, "serve").expect("free");
        let refused = |path: &Path| FileLock::acquire(path, "migrate up").expect_err("in use").to_string();
        let holder = format!("process {} (todo-server serve) uses ", process::id());
        assert!(refused(&path).starts_with(&holder), "{}", refused(&path));
        let other_name = folder.path().join("data/../data/todos.db");
        assert!(refused(&other_name).starts_with(&holder));
        fs::write(&path, "").expect("created");
        #[cfg(unix)]
        {
            let link = folder.path().join("link.db");
            std::os::unix::fs::symlink(&path, &link).expect("linked");
            assert!(refused(&link).starts_with(&holder));
        }
        drop(lock);
        FileLock::acquire(&path, "serve").expect("free again");
    }
}
