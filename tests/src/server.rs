//! The real binary, running.

use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use postgres_testbed::Testbed;
use tempfile::TempDir;

use crate::client::Client;
use crate::launch::{log_file, spawn, template};
use crate::statements::without_user;

pub use crate::launch::command;

/// Upper bound of every wait for a condition. Only a failing test waits this long.
pub const TIMEOUT: Duration = Duration::from_mins(1);

/// The kind of database that a server runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// An embedded file.
    Sqlite,
    /// A throw-away PostgreSQL.
    Postgres,
}

/// A running server with its own database and folder, which are deleted when it is dropped.
pub struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub base_url: String,
    settings: Vec<(String, String)>,
    folder: TempDir,
    /// The PostgreSQL database created for this server, if any.
    pub postgres: Option<postgres_testbed::Database>,
}

impl Server {
    /// Starts a server with the usual settings: cheap password hashes, no rate limits.
    pub async fn start(database: Database) -> Self {
        Self::start_with(database, &[]).await
    }

    /// Starts a server with `settings` added to the usual ones or in their place.
    pub async fn start_with(database: Database, settings: &[(&str, &str)]) -> Self {
        let settings = settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>();
        tokio::task::spawn_blocking(move || Self::launch(database, settings))
            .await
            .expect("the server starts")
    }

    /// Starts a server on an existing database: another server's, or one that the test can stop.
    pub async fn start_on(database_url: &str, migration_url: &str, settings: &[(&str, &str)]) -> Self {
        let urls = [("DATABASE_URL", database_url), ("MIGRATION_DATABASE_URL", migration_url)];
        let given = urls.iter().filter(|(_, url)| !url.is_empty()).chain(settings);
        let settings: Vec<_> = given.map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        tokio::task::spawn_blocking(move || Self::launch(Database::Sqlite, settings))
            .await
            .expect("the server starts")
    }

    fn launch(database: Database, more: Vec<(String, String)>) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut settings = usual_settings();
        let postgres = match database {
            Database::Sqlite => {
                let file = folder.path().join("todos.db");
                settings.push(("DATABASE_URL".into(), format!("sqlite://{}", file.display())));
                None
            }
            Database::Postgres => {
                let database = Testbed::shared().create_database_from(template(), "blackbox");
                settings.push(("DATABASE_URL".into(), database.app_url()));
                settings.push(("MIGRATION_DATABASE_URL".into(), database.owner_url()));
                Some(database)
            }
        };
        settings.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        settings.extend(more);
        let (child, base_url) = spawn(folder.path(), &settings);
        Self { child, base_url, settings, folder, postgres }
    }

    /// A client without a token.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(&self.base_url)
    }

    /// The URL of `/ws/todos`.
    #[must_use]
    pub fn socket_url(&self) -> String {
        format!("{}/ws/todos", self.base_url.replacen("http", "ws", 1))
    }

    /// The kind of database that the server runs on.
    #[must_use]
    pub fn database(&self) -> Database {
        if self.setting("DATABASE_URL").starts_with("postgres") {
            Database::Postgres
        } else {
            Database::Sqlite
        }
    }

    /// The value of a setting; empty if it is not set.
    #[must_use]
    pub fn setting(&self, name: &str) -> &str {
        let found = self.settings.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// The server's settings.
    #[must_use]
    pub fn settings(&self) -> &[(String, String)] {
        &self.settings
    }

    /// The server's working directory.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Everything that the server has logged so far.
    #[must_use]
    pub fn logs(&self) -> String {
        std::fs::read_to_string(log_file(self.folder.path())).unwrap_or_default()
    }

    /// The server's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills the server (SIGKILL).
    pub fn kill(&mut self) {
        self.child.kill().expect("it can be killed, or has ended");
        self.child.wait().expect("it ends");
    }

    /// Kills the server, if it runs, and starts it again on the same database, on another port.
    pub async fn crash_and_restart(&mut self) {
        // Does nothing to a server that has ended.
        self.kill();
        let (folder, settings) = (self.folder.path().to_owned(), self.settings.clone());
        let (child, base_url) =
            tokio::task::spawn_blocking(move || spawn(&folder, &settings)).await.expect("it starts again");
        self.child = child;
        self.base_url = base_url;
    }

    /// Changes a setting; the next start uses the new value.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Asks the server to shut down (SIGTERM).
    pub fn terminate(&self) {
        let status = Command::new("kill").arg(self.child.id().to_string()).status().expect("kill runs");
        assert!(status.success(), "the server has already exited");
    }

    /// Waits until the process exits.
    pub async fn ended(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("its status can be asked for") {
                return status;
            }
            assert!(start.elapsed() < TIMEOUT, "the server does not exit:\n{}", self.logs());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both calls fail if the process has already exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the server's log\n{}", self.logs());
            return;
        }
        let unfiltered = without_user(&self.logs());
        assert!(unfiltered.is_empty(), "statements about rows of users that name no user: {unfiltered:#?}");
    }
}

/// The key that test servers sign with.
pub const SECRET_KEY: &str = "a-key-for-tests-only-of-more-than-32-bytes";

fn usual_settings() -> Vec<(String, String)> {
    [
        ("HOST", "127.0.0.1"),
        ("PORT", "0"),
        ("SECRET_KEY", SECRET_KEY),
        ("BCRYPT_COST_FACTOR", "10"),
        ("RATE_LIMIT_ENABLED", "false"),
        ("JSON_LOGS", "true"),
        ("LOG_LEVEL", "info"),
        // Dropping the server checks the logged statements.
        ("DATABASE_ECHO", "true"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}
