//! Copies of a server's database, and servers on them.

use std::fs;

use tempfile::TempDir;

use crate::launch::command;
use crate::server::{SECRET_KEY, Server};

/// A copy of a database as it was while its server was stopped. Dropping it deletes the copy.
pub struct Backup {
    folder: TempDir,
    postgres: Option<postgres_testbed::Database>,
}

impl Server {
    /// Stops the server, copies its database, and starts it again on another port.
    pub async fn back_up(&mut self) -> Backup {
        self.terminate();
        assert!(self.ended().await.success(), "{}", self.logs());
        let folder = TempDir::new().expect("a temporary folder");
        if self.postgres.is_none() {
            let file = self.setting("DATABASE_URL").trim_start_matches("sqlite://");
            for suffix in ["", "-wal"] {
                let from = format!("{file}{suffix}");
                if fs::exists(&from).expect("the folder is readable") {
                    fs::copy(from, folder.path().join(format!("todos.db{suffix}"))).expect("a copy");
                }
            }
        }
        let postgres = self.postgres.as_ref().map(postgres_testbed::Database::copy);
        self.crash_and_restart().await;
        Backup { folder, postgres }
    }

    /// Stops the server, and starts it again on a copy of its SQLite database, which must outlive it.
    pub async fn restore(&mut self, backup: &Backup) {
        self.terminate();
        assert!(self.ended().await.success(), "{}", self.logs());
        let [url, _] = backup.urls();
        self.set("DATABASE_URL", &url);
        self.crash_and_restart().await;
    }
}

impl Backup {
    /// Starts a server on the copy, with `settings` added to the usual ones. The server owns a copy in PostgreSQL.
    pub async fn serve(&mut self, settings: &[(&str, &str)]) -> Server {
        let [url, migration_url] = self.urls();
        let mut server = Server::start_on(&url, &migration_url, settings).await;
        server.postgres = self.postgres.take();
        server
    }

    /// Announces that the copy is another history: `todo-server new-epoch`.
    pub fn begin_epoch(&self) {
        let [url, migration_url] = self.urls();
        let settings = [("DATABASE_URL", url), ("MIGRATION_DATABASE_URL", migration_url)];
        let settings = settings.into_iter().filter(|(_, url)| !url.is_empty());
        let mut settings: Vec<_> = settings.map(|(name, url)| (name.to_owned(), url)).collect();
        settings.push(("SECRET_KEY".to_owned(), SECRET_KEY.to_owned()));
        let done = command(self.folder.path(), &settings).arg("new-epoch").output().expect("it runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    fn urls(&self) -> [String; 2] {
        match &self.postgres {
            Some(database) => [database.app_url(), database.owner_url()],
            None => [format!("sqlite://{}", self.folder.path().join("todos.db").display()), String::new()],
        }
    }
}
