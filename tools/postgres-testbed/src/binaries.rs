//! Finds the PostgreSQL programs.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The folder with `initdb`, `pg_ctl`, `postgres` and `psql` of one PostgreSQL installation.
#[derive(Debug, Clone)]
pub struct Binaries(PathBuf);

impl Binaries {
    /// Searches `PG_BIN`, then `PATH`, then the folders of Debian, Red Hat and Homebrew, newest version first.
    ///
    /// The error explains how to install PostgreSQL.
    pub fn find() -> Result<Self, String> {
        if let Some(folder) = env::var_os("PG_BIN") {
            return Self::with_all_programs(Path::new(&folder)).ok_or_else(|| {
                format!("PG_BIN is {}, which has no initdb, pg_ctl, postgres and psql", folder.display())
            });
        }
        let path = env::var_os("PATH").unwrap_or_default();
        Self::search(env::split_paths(&path).chain(usual_folders()))
    }

    fn search(folders: impl Iterator<Item = PathBuf>) -> Result<Self, String> {
        folders.into_iter().find_map(|folder| Self::with_all_programs(&folder)).ok_or_else(|| {
            "the PostgreSQL programs are not installed: run `cargo xtask test`, which installs them, or \
             `apt-get install postgresql`, or name their folder in PG_BIN"
                .to_owned()
        })
    }

    /// Follows the link of `initdb`: folders on `PATH` often have links to only some of the programs.
    fn with_all_programs(folder: &Path) -> Option<Self> {
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

/// The folders in `parent` named `prefix` and a number, greatest number first.
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
    fn without_postgresql_the_error_says_how_to_install_it() {
        let sentence = Binaries::search([PathBuf::from("/nowhere")].into_iter()).unwrap_err();
        assert!(sentence.contains("cargo xtask test"), "{sentence}");
        assert!(sentence.contains("apt-get install postgresql"), "{sentence}");
    }

    #[test]
    fn a_folder_without_all_programs_is_skipped() {
        let found = Binaries::find().unwrap();
        let folders = [PathBuf::from("/usr/bin"), found.0.clone()];
        assert_eq!(Binaries::search(folders.into_iter()).unwrap().0, found.0);
    }
}
