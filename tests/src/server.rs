//! The real binary, running.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use postgres_testbed::{Template, Testbed};
use tempfile::TempDir;

use crate::binary::{todo_server, workspace};
use crate::client::Client;

/// Long enough for a loaded machine; nothing waits this long unless it fails.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Which database a server runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// An embedded file.
    Sqlite,
    /// A throw-away PostgreSQL.
    Postgres,
}

/// A running server with a database and a folder of its own; both go with it.
pub struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub base_url: String,
    settings: Vec<(String, String)>,
    folder: TempDir,
    /// The PostgreSQL database, where it runs on one.
    pub postgres: Option<postgres_testbed::Database>,
}

impl Server {
    /// Starts one with settings fit for most tests: cheap password hashes, no rate limits.
    pub async fn start(database: Database) -> Self {
        Self::start_with(database, &[]).await
    }

    /// Starts one with more settings, or other values of the usual ones.
    pub async fn start_with(database: Database, settings: &[(&str, &str)]) -> Self {
        let settings = settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>();
        tokio::task::spawn_blocking(move || Self::launch(database, settings))
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

    /// The address for `/ws/todos`.
    #[must_use]
    pub fn socket_url(&self) -> String {
        format!("{}/ws/todos", self.base_url.replacen("http", "ws", 1))
    }

    /// Where it keeps its files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Everything it logged so far.
    #[must_use]
    pub fn logs(&self) -> String {
        std::fs::read_to_string(log_file(self.folder.path())).unwrap_or_default()
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a crash would (SIGKILL) and starts it again on the same database, at another port.
    pub async fn crash_and_restart(&mut self) {
        self.child.kill().expect("it was running");
        self.child.wait().expect("it ends");
        let (folder, settings) = (self.folder.path().to_owned(), self.settings.clone());
        let (child, base_url) =
            tokio::task::spawn_blocking(move || spawn(&folder, &settings)).await.expect("it starts again");
        self.child = child;
        self.base_url = base_url;
    }

    /// Asks it to stop (SIGTERM).
    pub fn terminate(&self) {
        let status = Command::new("kill").arg(self.child.id().to_string()).status().expect("kill runs");
        assert!(status.success(), "the server had ended already");
    }

    /// Waits for it to end.
    pub async fn ended(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("its status can be asked for") {
                return status;
            }
            assert!(start.elapsed() < 2 * PATIENCE, "the server does not end:\n{}", self.logs());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the server's log\n{}", self.logs());
        }
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
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

fn log_file(folder: &Path) -> PathBuf {
    folder.join("server.log")
}

/// A command of the binary in `folder`, with nothing of this process's environment but `PATH`.
#[must_use]
pub fn command(folder: &Path, settings: &[(String, String)]) -> Command {
    let mut command = Command::new(todo_server());
    command.current_dir(folder).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.envs(settings.iter().map(|(name, value)| (name, value)));
    command
}

fn spawn(folder: &Path, settings: &[(String, String)]) -> (Child, String) {
    let log = File::options().create(true).append(true).open(log_file(folder)).expect("a log file");
    let mut child = command(folder, settings)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log.try_clone().expect("a second handle"))
        .spawn()
        .expect("the server can be started");
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    let mut seen = String::new();
    let base_url = loop {
        let mut line = String::new();
        if stdout.read_line(&mut line).expect("its output is text") == 0 {
            let logs = std::fs::read_to_string(log_file(folder)).unwrap_or_default();
            let status = child.wait();
            panic!("the server ended before it listened ({status:?}):\n{seen}{logs}");
        }
        if let Some((_, url)) = line.split_once("listening on ") {
            break url.trim().trim_end_matches(['"', '}', '.']).to_owned();
        }
        seen.push_str(&line);
    };
    // Whatever it prints later belongs to the log too, and a full pipe would stop it.
    std::thread::spawn(move || {
        let mut log = log;
        let _ = std::io::copy(&mut stdout, &mut log);
    });
    (child, base_url)
}

/// A database with the schema in it, made once by the binary's own command.
fn template() -> &'static Template {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        Testbed::shared().ensure_template(&format!("todo-server-{:x}", migrations_hash()), |database| {
            let settings = [
                ("DATABASE_URL".to_owned(), database.app_url()),
                ("MIGRATION_DATABASE_URL".to_owned(), database.owner_url()),
                ("SECRET_KEY".to_owned(), SECRET_KEY.to_owned()),
            ];
            let folder = TempDir::new().expect("a temporary folder");
            let done = command(folder.path(), &settings).args(["migrate", "up"]).output().expect("it runs");
            let told = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success(), "`todo-server migrate up` failed: {told}");
        })
    })
}

/// A template made from other migrations must not be taken for this one.
fn migrations_hash() -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut folders = vec![workspace().join("migrations/postgres")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("migrations are there") {
            let path = entry.expect("its entries can be read").path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    for file in files {
        std::fs::read(&file).expect("a migration can be read").hash(&mut hasher);
    }
    hasher.finish()
}
