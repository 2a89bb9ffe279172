//! Copies of a server's database, and servers on them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::launch::command;
use crate::server::{SECRET_KEY, Server};

/// A copy of a database. Dropping it deletes the copy.
pub struct Backup {
    folder: TempDir,
    /// The copy in SQLite.
    file: PathBuf,
    postgres: Option<postgres_testbed::Database>,
}

impl Server {
    /// Copies the database: SQLite by `todo-server backup`, PostgreSQL while the server is stopped. It then listens
    /// on another port.
    pub async fn back_up(&mut self) -> Backup {
        let folder = TempDir::new().expect("a temporary folder");
        let file = folder.path().join("backup.db");
        if self.postgres.is_none() {
            run(self.folder(), self.settings(), &["backup".as_ref(), file.as_os_str()]);
            return Backup { folder, file, postgres: None };
        }
        self.terminate();
        assert!(self.ended().await.success(), "{}", self.logs());
        let postgres = self.postgres.as_ref().map(postgres_testbed::Database::copy);
        self.crash_and_restart().await;
        Backup { folder, file, postgres }
    }

    /// Stops the server, and starts it again on the copy, which must outlive it. The server owns a copy in PostgreSQL.
    pub async fn restore(&mut self, backup: &mut Backup) {
        self.terminate();
        assert!(self.ended().await.success(), "{}", self.logs());
        let [url, migration_url] = backup.urls();
        self.set("DATABASE_URL", &url);
        if let Some(copy) = backup.postgres.take() {
            self.set("MIGRATION_DATABASE_URL", &migration_url);
            self.postgres = Some(copy);
        }
        self.crash_and_restart().await;
    }
}

/// Runs a command, which must succeed.
fn run(folder: &Path, settings: &[(String, String)], arguments: &[&OsStr]) {
    let done = command(folder, settings).args(arguments).output().expect("it runs");
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

impl Backup {
    /// Starts a server on the copy, with `settings` added to the usual ones. The server owns a copy in PostgreSQL.
    pub async fn serve(&mut self, settings: &[(&str, &str)]) -> Server {
        let [url, migration_url] = self.urls();
        let mut server = Server::start_on(&url, &migration_url, settings).await;
        server.postgres = self.postgres.take();
        server
    }

    /// Announces that the copy is another history: by `todo-server restore` on SQLite, which puts it in another
    /// place, and by `todo-server new-epoch` on PostgreSQL. Sessions stay open.
    pub fn begin_epoch(&mut self) {
        let backup = (self.postgres.is_none()).then(|| self.file.clone());
        if backup.is_some() {
            self.file = self.folder.path().join("restored.db");
        }
        let [url, migration_url] = self.urls();
        let settings = [("DATABASE_URL", url), ("MIGRATION_DATABASE_URL", migration_url)];
        let settings = settings.into_iter().filter(|(_, url)| !url.is_empty());
        let mut settings: Vec<_> = settings.map(|(name, url)| (name.to_owned(), url)).collect();
        settings.push(("SECRET_KEY".to_owned(), SECRET_KEY.to_owned()));
        let arguments = match &backup {
            Some(backup) => vec!["restore".as_ref(), backup.as_os_str(), "--keep-sessions".as_ref()],
            None => vec!["new-epoch".as_ref()],
        };
        run(self.folder.path(), &settings, &arguments);
    }

    fn urls(&self) -> [String; 2] {
        match &self.postgres {
            Some(database) => [database.app_url(), database.owner_url()],
            None => [format!("sqlite://{}", self.file.display()), String::new()],
        }
    }
}
