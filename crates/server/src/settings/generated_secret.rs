//! A secret for a server without `SECRET_KEY`, stored so that its users stay logged in after a restart.

use std::fs::DirBuilder;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use adapters_auth::generate_secret;
use secrecy::{ExposeSecret, SecretString};
use tempfile::NamedTempFile;

const FILE: &str = "secret.key";

/// Returns the secret stored in `folder`, and creates it if there is none, readable by its owner only. Two
/// servers that start at the same time get the same secret.
pub fn load_or_create(folder: &Path) -> io::Result<SecretString> {
    let file = folder.join(FILE);
    match read(&file) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        secret_or_error => return secret_or_error,
    }
    create_private(folder)?;
    let mut draft = NamedTempFile::new_in(folder)?;
    writeln!(draft, "{}", generate_secret().expose_secret())?;
    draft.as_file().sync_all()?;
    match draft.persist_noclobber(&file) {
        Err(taken) if taken.error.kind() == ErrorKind::AlreadyExists => {}
        persisted => drop(persisted?),
    }
    read(&file)
}

/// Creates a folder and those above it, for the server's user only. One that exists stays as it is.
fn create_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
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
    fn servers_that_start_at_the_same_time_share_one_secret() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        let secrets: Vec<String> = thread::scope(|scope| {
            let start = || load_or_create(&data).expect("a secret").expose_secret().to_owned();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        assert!(secrets.iter().all(|secret| *secret == secrets[0]));
        assert_eq!(std::fs::read_dir(&data).expect("the folder").count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        load_or_create(&data).expect("a secret");
        let mode = |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!((mode(&data), mode(&data.join(FILE))), (0o700, 0o600));
    }

    #[test]
    fn an_empty_file_is_an_error_and_not_an_empty_secret() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(FILE), "\n").expect("written");
        assert_eq!(load_or_create(folder.path()).expect_err("refused").kind(), ErrorKind::InvalidData);
    }
}
