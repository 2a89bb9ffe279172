//! Where the PostgreSQL programs are.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The folder that holds `initdb`, `pg_ctl`, `postgres` and `psql` of one PostgreSQL installation.
#[derive(Debug, Clone)]
pub struct Binaries(PathBuf);

impl Binaries {
    /// Looks in `PG_BIN`, then along `PATH`, then where Debian, Red Hat and Homebrew put them, newest version first.
    ///
    /// The error is the sentence to show: it names the command that installs PostgreSQL.
    pub fn find() -> Result<Self, String> {
        if let Some(folder) = env::var_os("PG_BIN") {
            return Self::complete(Path::new(&folder)).ok_or_else(|| {
                format!("PG_BIN is {}, which has no initdb, pg_ctl, postgres and psql", folder.display())
            });
        }
        let path = env::var_os("PATH").unwrap_or_default();
        Self::among(env::split_paths(&path).chain(usual_folders()))
    }

    fn among(folders: impl Iterator<Item = PathBuf>) -> Result<Self, String> {
        folders.into_iter().find_map(|folder| Self::complete(&folder)).ok_or_else(|| {
            "the PostgreSQL programs are not installed: run `cargo xtask test`, which installs them, or \
             `apt-get install postgresql`, or name their folder in PG_BIN"
                .to_owned()
        })
    }

    /// `PATH` often holds only some of the programs, as links into the folder that has them all.
    fn complete(folder: &Path) -> Option<Self> {
        let initdb = folder.join("initdb").canonicalize().ok()?;
        let folder = initdb.parent()?;
        let whole = ["pg_ctl", "postgres", "psql"].iter().all(|program| folder.join(program).is_file());
        whole.then(|| Self(folder.to_owned()))
    }

    pub(crate) fn folder(&self) -> &OsStr {
        self.0.as_os_str()
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

fn usual_folders() -> impl Iterator<Item = PathBuf> {
    let debian = versions("/usr/lib/postgresql", "").map(|folder| folder.join("bin"));
    let red_hat = versions("/usr", "pgsql-").map(|folder| folder.join("bin"));
    let homebrew = versions("/opt/homebrew/opt", "postgresql@").map(|folder| folder.join("bin"));
    debian.chain(red_hat).chain(homebrew)
}

/// The folders in `parent` that are named `prefix` and a number, greatest number first.
fn versions(parent: &str, prefix: &str) -> impl Iterator<Item = PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((version, entry.path()))
        })
        .collect();
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, folder)| folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_postgresql_is_told_how_to_install_it() {
        let sentence = Binaries::among([PathBuf::from("/nowhere")].into_iter()).unwrap_err();
        assert!(sentence.contains("cargo xtask test"), "{sentence}");
        assert!(sentence.contains("apt-get install postgresql"), "{sentence}");
    }

    #[test]
    fn a_folder_without_all_the_programs_is_passed_over() {
        let found = Binaries::find().unwrap();
        let folders = [PathBuf::from("/usr/bin"), found.0.clone()];
        assert_eq!(Binaries::among(folders.into_iter()).unwrap().0, found.0);
    }
}
