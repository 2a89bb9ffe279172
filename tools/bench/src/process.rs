//! Processes that are measured: started, watched through `/proc`, ended.

use std::ffi::OsStr;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::Result;
use crate::load::Connection;

/// How long a start or a stop may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that serves HTTP; killed when dropped.
pub struct Served {
    child: Child,
    pub address: SocketAddr,
    /// From its start to the first healthy answer.
    pub start: Duration,
}

impl Served {
    /// Starts the program, which is told its port by `port`, and waits until it is healthy. It gets no environment but `settings`.
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
        // The log is written, and goes nowhere.
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut served = Self { child, address, start: Duration::ZERO };
        while !healthy(address).await {
            if let Some(status) = served.child.try_wait()? {
                // Why, it says once more.
                let said = command.stderr(Stdio::piped()).output()?.stderr;
                let said = String::from_utf8_lossy(&said);
                return Err(format!("{} ended with {status}: {said}", program.display()).into());
            }
            if began.elapsed() > PATIENCE {
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

    /// Ends it in order.
    pub async fn stop(mut self) -> Result<()> {
        Command::new("kill").arg(self.pid().to_string()).status()?;
        let began = Instant::now();
        while self.child.try_wait()?.is_none() {
            if began.elapsed() > PATIENCE {
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

/// Reads what processes have used.
pub struct Meter {
    pub http: u32,
    /// PostgreSQL's main process, the parent of its others.
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
        Ok(Reading { http, database: self.database.map_or(Ok(Duration::ZERO), family)? })
    }

    /// Resident memory of the HTTP process, in bytes.
    pub fn memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.http))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }
}

/// The time of the process, of those of its children that live, and of those that have ended.
fn family(parent: u32) -> Result<Duration> {
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
    /// Of children that have ended.
    reaped: Duration,
}

impl Stat {
    /// `None` when there is no such process any more.
    fn of(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name before stands in brackets and may hold anything.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |i: usize| fields.get(i)?.parse::<u64>().ok();
        // Linux counts these in hundredths of a second on every architecture.
        let time = |a, b| Some(Duration::from_millis((ticks(a)? + ticks(b)?) * 10));
        Some(Self { parent: fields.get(1)?.parse().ok()?, own: time(11, 12)?, reaped: time(13, 14)? })
    }
}
