//! A `PgBouncer` in front of a database.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::host::{Durability, Host, failed_to, free_port, random, run};
use crate::{Database, Role};

/// A running `PgBouncer`. It ends with this value.
#[derive(Debug)]
pub struct Pooler {
    process: Child,
    folder: PathBuf,
    port: u16,
    database: String,
}

/// What a `PgBouncer` pools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolMode {
    /// A session belongs to a client until it disconnects; then the next client gets the session as it is.
    Session,
    /// A session belongs to a client until its transaction ends.
    Transaction,
}

impl Pooler {
    /// The maximum number of sessions of each role.
    pub const POOL_SIZE: usize = 20;

    /// The program that `PGBOUNCER` names, or the installed one.
    ///
    /// The error explains how to install it.
    pub fn program() -> Result<PathBuf, String> {
        let named = env::var_os("PGBOUNCER").map(PathBuf::from);
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
        let installed = || folders.map(|folder| folder.join("pgbouncer")).find(|program| program.is_file());
        named.filter(|program| program.is_file()).or_else(installed).ok_or_else(|| {
            "PgBouncer is not installed: run `cargo xtask test`, which installs it, or `apt-get install pgbouncer`, \
             or name the program in PGBOUNCER"
                .to_owned()
        })
    }

    /// Whether the program carries prepared statements from one session to another: version 1.21 or newer.
    ///
    /// # Panics
    /// If it is not installed.
    #[must_use]
    pub fn carries_prepared_statements() -> bool {
        let version = Self::program().and_then(|program| run(Command::new(program).arg("--version"), ""));
        let version = version.unwrap_or_else(|e| panic!("{e}"));
        let numbers = version.split_whitespace().nth(1).unwrap_or_default();
        let mut numbers = numbers.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (1, 21)
    }

    /// Starts a pooler with up to [`POOL_SIZE`](Self::POOL_SIZE) sessions of each role of the database. It never
    /// cleans a session.
    ///
    /// # Panics
    /// If `PgBouncer` is not installed or does not start.
    #[must_use]
    pub fn start(database: &Database, mode: PoolMode) -> Self {
        Self::try_start(database, mode).unwrap_or_else(|e| panic!("{e}"))
    }

    fn try_start(database: &Database, mode: PoolMode) -> Result<Self, String> {
        let (program, host) = (Self::program()?, Host::detect()?);
        let folder = host.base_folder(Durability::Off)?.join(format!("pooler-{:016x}", random()));
        host.make_folder(&folder)?;
        let port = free_port()?;
        let file = folder.join("pgbouncer.ini");
        fs::write(&file, settings(database, mode, port)).map_err(failed_to("write", &file))?;
        let users = folder.join("users");
        let trusted = [Role::Owner, Role::App].map(|role| format!("\"{}\" \"\"\n", role.name())).concat();
        fs::write(&users, trusted).map_err(failed_to("write", &users))?;
        let process = host
            .command(program, &folder)
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed_to("start", Path::new("pgbouncer")))?;
        let pooler = Self { process, folder, port, database: database.name().to_owned() };
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if started.elapsed() > Duration::from_mins(1) {
                let log = fs::read_to_string(pooler.folder.join("log")).unwrap_or_default();
                return Err(format!("PgBouncer does not start:\n{log}"));
            }
            sleep(Duration::from_millis(10));
        }
        Ok(pooler)
    }

    /// `postgres://…` through the pooler.
    #[must_use]
    pub fn url(&self, role: Role) -> String {
        format!("postgres://{}@127.0.0.1:{}/{}", role.name(), self.port, self.database)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn settings(database: &Database, mode: PoolMode, port: u16) -> String {
    let mode = match mode {
        PoolMode::Session => "session",
        PoolMode::Transaction => "transaction",
    };
    let prepared = if Pooler::carries_prepared_statements() { "max_prepared_statements = 100\n" } else { "" };
    format!(
        "[databases]\n{name} = host=127.0.0.1 port={server}\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = trust\n\
         auth_file = users\nlogfile = log\npool_mode = {mode}\ndefault_pool_size = {POOL_SIZE}\nmax_client_conn = 200\n\
         server_reset_query =\nserver_lifetime = 3600\n{prepared}",
        name = database.name(),
        server = database.port(),
        POOL_SIZE = Pooler::POOL_SIZE,
    )
}
