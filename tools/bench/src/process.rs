//! The processes under measurement: starts and stops them, and reads their use of resources from `/proc`.

use std::ffi::OsStr;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::Result;
use crate::client::Connection;

/// Upper bound of a start and of a stop.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A process that serves HTTP; killed when dropped.
pub struct Served {
    child: Child,
    pub address: SocketAddr,
    /// Time from its start to the first healthy answer.
    pub start: Duration,
}

impl Served {
    /// Starts the program with `settings` as its environment and waits until it is healthy. It gets a free port by `PORT` and
    /// by its arguments.
    pub async fn start(
        program: &Path,
        folder: &Path,
        settings: &[(&str, String)],
        arguments: impl Fn(u16) -> Vec<String>,
    ) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let began = Instant::now();
        let mut command = Command::new(program);
        command
            .args(arguments(port))
            .current_dir(folder)
            .env_clear()
            .env("PORT", port.to_string())
            .envs(settings.iter().map(|(name, value)| (name, OsStr::new(value))))
            .stdin(Stdio::null());
        // The program writes its log at full cost.
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut served = Self { child, address, start: Duration::ZERO };
        while !healthy(address).await {
            if let Some(status) = served.child.try_wait()? {
                // A second start prints the reason.
                let printed = command.stderr(Stdio::piped()).output()?.stderr;
                let printed = String::from_utf8_lossy(&printed);
                return Err(format!("{} ended with {status}: {printed}", program.display()).into());
            }
            if began.elapsed() > TIMEOUT {
                return Err(format!("{} did not become healthy", program.display()).into());
            }
            sleep(Duration::from_millis(2)).await;
        }
        served.start = began.elapsed();
        Ok(served)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stops it with SIGTERM.
    pub async fn stop(mut self) -> Result<()> {
        Command::new("kill").arg(self.pid().to_string()).status()?;
        let began = Instant::now();
        while self.child.try_wait()?.is_none() {
            if began.elapsed() > TIMEOUT {
                return Err("the server did not stop".into());
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn healthy(address: SocketAddr) -> bool {
    let Ok(mut connection) = Connection::open(address).await else { return false };
    let request = b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n";
    connection.exchange(request).await.is_ok_and(|answer| answer.status == 200)
}

/// Reads the resources that a server and its database have used.
pub struct Meter {
    pub http: u32,
    /// PostgreSQL's main process, the parent of all its processes.
    pub database: Option<u32>,
}

/// Processor time since the start.
pub struct Reading {
    pub http: Duration,
    pub database: Duration,
}

impl Meter {
    pub fn read(&self) -> Result<Reading> {
        let http = Stat::of(self.http).ok_or("the server is gone")?.own;
        Ok(Reading { http, database: self.database.map_or(Ok(Duration::ZERO), with_children)? })
    }

    /// Resident memory of the HTTP process, in bytes.
    pub fn memory(&self) -> Result<u64> {
        self.status("VmRSS:")
    }

    /// The peak of the resident memory of the HTTP process since it was reset, in bytes.
    pub fn peak(&self) -> Result<u64> {
        self.status("VmHWM:")
    }

    /// Resets the peak to the present size, and returns it.
    pub fn reset_peak(&self) -> Result<u64> {
        fs::write(format!("/proc/{}/clear_refs", self.http), "5")?;
        self.peak()
    }

    fn status(&self, name: &str) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.http))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such figure")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }
}

/// Processor time of a process and of all its children, running and ended.
fn with_children(parent: u32) -> Result<Duration> {
    let own = Stat::of(parent).ok_or("PostgreSQL is gone")?;
    let children = fs::read_dir("/proc")?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(Stat::of)
        .filter(|stat| stat.parent == parent);
    Ok(children.fold(own.own + own.reaped, |sum, child| sum + child.own))
}

struct Stat {
    parent: u32,
    own: Duration,
    /// Time of children that have ended.
    reaped: Duration,
}

impl Stat {
    /// `None` if there is no such process.
    fn of(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The process name before may contain any character, in brackets.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |i: usize| fields.get(i)?.parse::<u64>().ok();
        // Linux counts these in hundredths of a second on every architecture.
        let time = |a, b| Some(Duration::from_millis((ticks(a)? + ticks(b)?) * 10));
        Some(Self { parent: fields.get(1)?.parse().ok()?, own: time(11, 12)?, reaped: time(13, 14)? })
    }
}
