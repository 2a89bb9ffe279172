//! Starting the binary, and preparing its database.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use postgres_testbed::{Template, Testbed};
use tempfile::TempDir;

use crate::binary::{todo_server, workspace};
use crate::server::SECRET_KEY;

/// The path of the server's log.
pub(crate) fn log_file(folder: &Path) -> PathBuf {
    folder.join("server.log")
}

/// A command of the binary in `folder`, with `settings` and `PATH` as its environment.
#[must_use]
pub fn command(folder: &Path, settings: &[(String, String)]) -> Command {
    let mut command = Command::new(todo_server());
    command.current_dir(folder).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.envs(settings.iter().map(|(name, value)| (name, value)));
    command
}

/// Starts the server and waits until it listens; returns the process and its base URL.
pub(crate) fn spawn(folder: &Path, settings: &[(String, String)]) -> (Child, String) {
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
    // Later output goes to the log too; a full pipe would block the server.
    std::thread::spawn(move || {
        let mut log = log;
        let _ = std::io::copy(&mut stdout, &mut log);
    });
    (child, base_url)
}

/// A template database with the schema, which the binary's `migrate up` creates once.
pub(crate) fn template() -> &'static Template {
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
            let errors = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success(), "`todo-server migrate up` failed: {errors}");
        })
    })
}

/// A hash that distinguishes templates of different migrations.
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
