//! The secret of a server that was given none, kept so that its users stay logged in when it starts again.

use std::io::{self, ErrorKind, Write};
use std::path::Path;

use adapters_auth::generate_secret;
use secrecy::{ExposeSecret, SecretString};
use tempfile::NamedTempFile;

/// Where it is kept, below the data folder.
const FILE: &str = "secret.key";

/// The secret kept in `folder`, made there the first time, readable by its owner only. Of two servers that start at once both
/// get the same.
pub fn kept_in(folder: &Path) -> io::Result<SecretString> {
    let file = folder.join(FILE);
    match read(&file) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        known => return known,
    }
    std::fs::create_dir_all(folder)?;
    let mut draft = NamedTempFile::new_in(folder)?;
    writeln!(draft, "{}", generate_secret().expose_secret())?;
    draft.as_file().sync_all()?;
    match draft.persist_noclobber(&file) {
        Err(taken) if taken.error.kind() == ErrorKind::AlreadyExists => {}
        persisted => drop(persisted?),
    }
    read(&file)
}

fn read(file: &Path) -> io::Result<SecretString> {
    let text = std::fs::read_to_string(file)?;
    match text.trim() {
        "" => Err(io::Error::new(ErrorKind::InvalidData, "the file is empty")),
        secret => Ok(secret.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn it_is_made_once_for_all_who_start_at_the_same_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        let secrets: Vec<String> = thread::scope(|scope| {
            let start = || kept_in(&data).expect("a secret").expose_secret().to_owned();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        assert!(secrets.iter().all(|secret| *secret == secrets[0]));
        assert_eq!(std::fs::read_dir(&data).expect("the folder").count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        kept_in(folder.path()).expect("a secret");
        let mode = std::fs::metadata(folder.path().join(FILE)).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn an_empty_file_is_an_error_and_not_an_empty_secret() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(FILE), "\n").expect("written");
        assert_eq!(kept_in(folder.path()).expect_err("refused").kind(), ErrorKind::InvalidData);
    }
}
