//! One running cluster in one folder.
//!
//! The folder holds `data`, `log`, the socket, the pipe `holders` that keeps the cluster alive (see `holders.rs`), and, in
//! a cluster that other processes may join, `ready`, whose text is the port. A folder whose pipe has no watchdog was left
//! by one that was killed; whoever comes next clears it away.
//!
//! Looking for a cluster to join and making a new one happen under an exclusive lock on the file `lock` beside the
//! folders. The watchdog takes no lock: it removes `ready` first and then looks for holders once more, while one
//! who joins becomes a holder first and then looks for `ready`; so one of the two sees the other.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::Binaries;
use crate::holders::{hold, watched};
use crate::host::{Host, free_port, random, run, told};

/// What a cluster promises about a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// PostgreSQL's own defaults, with the data on a disk: a commit survives a power cut. For benchmarks.
    Full,
    /// Nothing is flushed to a disk, and the data lies in memory where there is room: a commit survives a crash of
    /// PostgreSQL, but not of the machine. For tests.
    Off,
}

/// For how many seconds a shared cluster waits for the next test binary.
const LINGER_SECONDS: &str = "3";

/// A cluster, held: it runs at least as long as this value lives.
#[derive(Debug)]
pub(crate) struct Instance {
    host: Host,
    binaries: Binaries,
    folder: PathBuf,
    port: u16,
    _hold: File,
}

impl Instance {
    /// The cluster all processes of this checkout share, started when it does not run.
    pub(crate) fn shared() -> Result<Self, String> {
        let (host, binaries) = (Host::detect()?, Binaries::find()?);
        let base = host.base_folder(Durability::Off)?;
        let _lock = locked(&base.join("lock"))?;
        let mut running = None;
        for folder in cluster_folders(&base)? {
            match hold(&folder.join("holders")) {
                None => clear_away(&host, &binaries, &folder),
                Some(hold) => running = running.or(joinable(&folder).map(|port| (folder, port, hold))),
            }
        }
        if let Some((folder, port, hold)) = running {
            return Ok(Self { host, binaries, folder, port, _hold: hold });
        }
        let started = Self::start(host, binaries, &base, Durability::Off, LINGER_SECONDS)?;
        let draft = started.folder.join("ready.draft");
        fs::write(&draft, started.port.to_string()).map_err(told("write", &draft))?;
        fs::rename(&draft, started.folder.join("ready")).map_err(told("rename", &draft))?;
        Ok(started)
    }

    /// A cluster no one else joins. It ends with the value.
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
        let folder = base.join(format!("cluster-{:08x}", random() & 0xffff_ffff));
        host.make_folder(&folder)?;
        let hold = watched(&host, &binaries, &folder, linger)?;
        let data = folder.join("data");
        run(
            host.command(binaries.program("initdb"), &folder)
                .args([
                    "--username=postgres",
                    "--auth=trust",
                    "--encoding=UTF8",
                    "--no-sync",
                    "--locale",
                    LOCALE,
                ])
                .arg("--pgdata")
                .arg(&data),
            "",
        )?;
        let conf = data.join("postgresql.conf");
        OpenOptions::new()
            .append(true)
            .open(&conf)
            .and_then(|mut file| file.write_all(settings(&folder, durability).as_bytes()))
            .map_err(told("write", &conf))?;
        let mut instance = Self { host, binaries, folder, port: free_port()?, _hold: hold };
        for attempts_left in (0..3).rev() {
            match instance.start_again() {
                Ok(()) => break,
                // Another program may have taken the port between the look and the start.
                Err(_) if attempts_left > 0 => instance.port = free_port()?,
                Err(e) => return Err(e),
            }
        }
        instance.sql("postgres", "template1", ROLES)?;
        Ok(instance)
    }

    pub(crate) fn start_again(&self) -> Result<(), String> {
        let log = self.folder.join("log");
        self.pg_ctl(&["start", "-w", "-t", "60", "-o", &format!("-p {}", self.port)])
            .map_err(|e| format!("{e}\n{}", fs::read_to_string(log).unwrap_or_default()))
    }

    /// As a crash would: open connections are cut and nothing is flushed.
    pub(crate) fn stop_immediate(&self) -> Result<(), String> {
        self.pg_ctl(&["stop", "-w", "-m", "immediate"])
    }

    fn pg_ctl(&self, arguments: &[&str]) -> Result<(), String> {
        let mut command = self.host.command(self.binaries.program("pg_ctl"), &self.folder);
        command.arg("-D").arg(self.folder.join("data")).arg("-l").arg(self.folder.join("log"));
        run(command.args(arguments), "").map(drop)
    }

    /// Runs SQL statements, each on its own, up to the first that fails.
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
        let text = fs::read_to_string(&file).map_err(told("read", &file))?;
        text.trim().parse().map_err(|e| format!("{} says {text:?}: {e}", file.display()))
    }

    /// The id of the process whose children are the server's connections, while it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        fs::read_to_string(self.folder.join("data/postmaster.pid")).ok()?.lines().next()?.parse().ok()
    }
}

/// Letters beyond ASCII must have upper and lower case.
const LOCALE: &str = if cfg!(target_os = "macos") { "en_US.UTF-8" } else { "C.UTF-8" };

/// In `template1`, so that every database made later has them.
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
    let file = File::create(path).map_err(told("open", path))?;
    file.lock().map_err(told("lock", path))?;
    Ok(file)
}

fn cluster_folders(base: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(base).map_err(told("list", base))?;
    let is_cluster =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("cluster-"));
    Ok(entries.flatten().map(|entry| entry.path()).filter(is_cluster).collect())
}

fn joinable(folder: &Path) -> Option<u16> {
    let ready = folder.join("ready");
    let port = fs::read_to_string(&ready).ok()?.parse().ok()?;
    if answers(folder, port) {
        return Some(port);
    }
    // PostgreSQL itself was killed. Those who hold the folder see their tests fail; it is of no use to others.
    let _ = fs::remove_file(ready);
    None
}

/// Whether this folder's own PostgreSQL listens: any program may have the port, but only that one has the socket.
fn answers(folder: &Path, port: u16) -> bool {
    UnixStream::connect(folder.join(format!(".s.PGSQL.{port}"))).is_ok()
}

/// Removes a folder that has no watchdog, with its cluster if that still runs.
fn clear_away(host: &Host, binaries: &Binaries, folder: &Path) {
    let pid_file = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap_or_default();
    let port = pid_file.lines().nth(3).and_then(|port| port.parse().ok());
    if port.is_some_and(|port| answers(folder, port)) {
        let mut stop = host.command(binaries.program("pg_ctl"), folder);
        let _ = run(stop.arg("-D").arg(folder.join("data")).args(["stop", "-w", "-m", "immediate"]), "");
    }
    let _ = fs::remove_dir_all(folder);
}
