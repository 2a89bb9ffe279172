//! One running cluster in one folder.
//!
//! The folder contains `data`, `log`, the socket, the pipe `liveness` (see `liveness_pipe.rs`) and, in a cluster that other
//! processes may join, `ready` with the port. A folder whose pipe has no watchdog is left from a killed watchdog; the next
//! process removes it.
//!
//! A process searches for a cluster and starts a new one under an exclusive lock on the file `lock`
//! beside the folders. The watchdog takes no lock: it removes `ready` and then waits for the end of
//! the pipe once more, while a joining process opens the pipe and then looks for `ready`, so at
//! least one of the two notices the other.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::Binaries;
use crate::host::{Durability, Host, failed_to, free_port, random, run};
use crate::liveness_pipe;

/// How many seconds a shared cluster outlives its last user, as the next test binary may start.
const LINGER_SECONDS: &str = "3";

/// A running cluster. It runs at least as long as this value lives.
#[derive(Debug)]
pub(crate) struct Instance {
    host: Host,
    binaries: Binaries,
    folder: PathBuf,
    port: u16,
    _liveness: File,
}

impl Instance {
    /// Joins the cluster of this checkout, or starts it.
    pub(crate) fn shared() -> Result<Self, String> {
        let (host, binaries) = (Host::detect()?, Binaries::find()?);
        let base = host.base_folder(Durability::Off)?;
        let _lock = locked(&base.join("lock"))?;
        let mut running = None;
        for folder in cluster_folders(&base)? {
            match liveness_pipe::open(&folder.join(liveness_pipe::NAME)) {
                None => remove_stale(&host, &binaries, &folder),
                Some(liveness) => {
                    running = running.or(ready_port(&folder).map(|port| (folder, port, liveness)));
                }
            }
        }
        if let Some((folder, port, liveness)) = running {
            return Ok(Self { host, binaries, folder, port, _liveness: liveness });
        }
        let started = Self::start(host, binaries, &base, Durability::Off, LINGER_SECONDS)?;
        let draft = started.folder.join("ready.draft");
        fs::write(&draft, started.port.to_string()).map_err(failed_to("write", &draft))?;
        fs::rename(&draft, started.folder.join("ready")).map_err(failed_to("rename", &draft))?;
        Ok(started)
    }

    /// Starts a cluster that no other process joins. It ends with the value.
    pub(crate) fn private(durability: Durability) -> Result<Self, String> {
        let (host, binaries) = (Host::detect()?, Binaries::find()?);
        let base = host.base_folder(durability)?;
        let _lock = locked(&base.join("lock"))?;
        Self::start(host, binaries, &base, durability, "0")
    }

    fn start(
        host: Host,
        binaries: Binaries,
        base: &Path,
        durability: Durability,
        linger: &str,
    ) -> Result<Self, String> {
        let instance = Self::in_new_folder(host, binaries, base, linger)?;
        run(
            host.command(instance.binaries.program("initdb"), &instance.folder)
                .args([
                    "--username=postgres",
                    "--auth=trust",
                    "--encoding=UTF8",
                    "--no-sync",
                    "--locale",
                    LOCALE,
                ])
                .arg("--pgdata")
                .arg(instance.data()),
            "",
        )?;
        let settings = settings(&instance.folder, durability);
        let instance = instance.first_start(&settings)?;
        instance.sql("postgres", "template1", ROLES)?;
        Ok(instance)
    }

    /// Copies a cluster that runs with [`Durability::Full`], and follows its changes.
    pub(crate) fn standby_of(primary: &Self) -> Result<Self, String> {
        let (host, durability) = (primary.host, Durability::Full);
        let base = host.base_folder(durability)?;
        let _lock = locked(&base.join("lock"))?;
        let instance = Self::in_new_folder(host, Binaries::find()?, &base, "0")?;
        let from = format!("postgres://postgres@127.0.0.1:{}/postgres", primary.port);
        let mut copy = host.command(instance.binaries.program("pg_basebackup"), &instance.folder);
        copy.args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "--dbname", &from]);
        run(copy.arg("--pgdata").arg(instance.data()), "")?;
        let settings = settings(&instance.folder, durability);
        instance.first_start(&settings)
    }

    /// An instance without data.
    fn in_new_folder(host: Host, binaries: Binaries, base: &Path, linger: &str) -> Result<Self, String> {
        let folder = base.join(format!("cluster-{:08x}", random() & 0xffff_ffff));
        host.make_folder(&folder)?;
        let liveness = liveness_pipe::create(&host, &binaries, &folder, linger)?;
        Ok(Self { host, binaries, folder, port: free_port()?, _liveness: liveness })
    }

    /// Adds `settings` to those in the data folder, and starts PostgreSQL.
    fn first_start(mut self, settings: &str) -> Result<Self, String> {
        let conf = self.data().join("postgresql.conf");
        OpenOptions::new()
            .append(true)
            .open(&conf)
            .and_then(|mut file| file.write_all(settings.as_bytes()))
            .map_err(failed_to("write", &conf))?;
        for attempts_left in (0..3).rev() {
            match self.start_again() {
                Ok(()) => break,
                // Another program may have taken the port meanwhile.
                Err(_) if attempts_left > 0 => self.port = free_port()?,
                Err(e) => return Err(e),
            }
        }
        Ok(self)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(crate) fn start_again(&self) -> Result<(), String> {
        let log = self.folder.join("log");
        self.pg_ctl(&["start", "-w", "-t", "60", "-o", &format!("-p {}", self.port)])
            .map_err(|e| format!("{e}\n{}", fs::read_to_string(log).unwrap_or_default()))
    }

    /// Stops PostgreSQL as a crash would: closes connections and flushes nothing.
    pub(crate) fn stop_immediate(&self) -> Result<(), String> {
        self.pg_ctl(&["stop", "-w", "-m", "immediate"])
    }

    /// Makes a standby a primary on a timeline of its own.
    pub(crate) fn promote(&self) -> Result<(), String> {
        self.pg_ctl(&["promote", "-w", "-t", "60"])
    }

    fn pg_ctl(&self, arguments: &[&str]) -> Result<(), String> {
        let mut command = self.host.command(self.binaries.program("pg_ctl"), &self.folder);
        command.arg("-D").arg(self.data()).arg("-l").arg(self.folder.join("log"));
        run(command.args(arguments), "").map(drop)
    }

    /// Runs SQL statements in autocommit up to the first that fails.
    pub(crate) fn sql(&self, role: &str, database: &str, sql: &str) -> Result<String, String> {
        let url = format!("postgres://{role}@127.0.0.1:{}/{database}", self.port);
        let mut psql = self.host.command(self.binaries.program("psql"), &self.folder);
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-", "-d", &url]);
        run(&mut psql, sql)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The major version, such as 15.
    pub(crate) fn version(&self) -> Result<u32, String> {
        let file = self.folder.join("data/PG_VERSION");
        let text = fs::read_to_string(&file).map_err(failed_to("read", &file))?;
        text.trim().parse().map_err(|e| format!("{} says {text:?}: {e}", file.display()))
    }

    /// The process id of the postmaster while it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        fs::read_to_string(self.folder.join("data/postmaster.pid")).ok()?.lines().next()?.parse().ok()
    }
}

/// A locale in which letters beyond ASCII have upper and lower case.
const LOCALE: &str = if cfg!(target_os = "macos") { "en_US.UTF-8" } else { "C.UTF-8" };

/// Run in `template1`, so that every later database inherits the privileges.
const ROLES: &str = "
    CREATE ROLE todo_owner LOGIN NOSUPERUSER NOBYPASSRLS;
    CREATE ROLE todo_app LOGIN NOSUPERUSER NOBYPASSRLS;
    ALTER DEFAULT PRIVILEGES FOR ROLE todo_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO todo_app;
    ALTER DEFAULT PRIVILEGES FOR ROLE todo_owner GRANT USAGE, SELECT ON SEQUENCES TO todo_app;
";

fn settings(folder: &Path, durability: Durability) -> String {
    let common = format!(
        "listen_addresses = '127.0.0.1'\nunix_socket_directories = '{}'\nmax_connections = 400\ntimezone = 'UTC'\n",
        folder.display()
    );
    match durability {
        Durability::Full => common,
        Durability::Off => {
            common
                + "fsync = off\nfull_page_writes = off\nwal_level = minimal\nmax_wal_senders = 0\n\
                   dynamic_shared_memory_type = mmap\n"
        }
    }
}

fn locked(path: &Path) -> Result<File, String> {
    let file = File::create(path).map_err(failed_to("open", path))?;
    file.lock().map_err(failed_to("lock", path))?;
    Ok(file)
}

fn cluster_folders(base: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(base).map_err(failed_to("list", base))?;
    let is_cluster =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("cluster-"));
    Ok(entries.flatten().map(|entry| entry.path()).filter(is_cluster).collect())
}

/// The port of a cluster that is ready to be joined.
fn ready_port(folder: &Path) -> Option<u16> {
    let ready = folder.join("ready");
    let port = fs::read_to_string(&ready).ok()?.parse().ok()?;
    if answers(folder, port) {
        return Some(port);
    }
    // PostgreSQL was killed. Tests that use it fail; no other process may join.
    let _ = fs::remove_file(ready);
    None
}

/// Whether the PostgreSQL of this folder listens. Another program may have the port, but not the socket.
fn answers(folder: &Path, port: u16) -> bool {
    UnixStream::connect(folder.join(format!(".s.PGSQL.{port}"))).is_ok()
}

/// Stops the cluster of a folder without a watchdog, and removes the folder.
fn remove_stale(host: &Host, binaries: &Binaries, folder: &Path) {
    let pid_file = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap_or_default();
    let port = pid_file.lines().nth(3).and_then(|port| port.parse().ok());
    if port.is_some_and(|port| answers(folder, port)) {
        let mut stop = host.command(binaries.program("pg_ctl"), folder);
        let _ = run(stop.arg("-D").arg(folder.join("data")).args(["stop", "-w", "-m", "immediate"]), "");
    }
    let _ = fs::remove_dir_all(folder);
}
