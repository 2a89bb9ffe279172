//! Describes the machine.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use adapters_auth::SystemClock;
use api_actix::rfc3339::Rfc3339;
use domain::time::Clock as _;

use crate::Result;

/// Names and values for the report.
pub fn describe(folder: &Path) -> Result<Vec<(&'static str, String)>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let date = Rfc3339(SystemClock.now()).to_string();
    Ok(vec![
        ("date", date.split('T').next().unwrap_or_default().to_owned()),
        (
            "processor",
            format!(
                "{} × {}, shared by server, database and load",
                cores,
                field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned())
            ),
        ),
        ("memory", memory().unwrap_or_else(|| "unknown".to_owned())),
        ("kernel", fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned()),
        ("disk", format!("{} µs to append 4 KiB and flush it (median of 200)", flush(folder)?)),
        ("compiler", output_of(Command::new("rustc").arg("--version"))),
        ("commit", output_of(Command::new("git").args(["rev-parse", "--short", "HEAD"]))),
    ])
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn memory() -> Option<String> {
    let kib: u64 = field("/proc/meminfo", "MemTotal")?.trim_end_matches(" kB").parse().ok()?;
    Some(format!("{} GiB", kib / (1024 * 1024)))
}

/// The time to append 4 KiB and flush it, in microseconds.
fn flush(folder: &Path) -> Result<u128> {
    let path = folder.join("bench-flush");
    let mut file = File::create(&path)?;
    let mut took = Vec::new();
    for _ in 0..200 {
        let began = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        took.push(began.elapsed().as_micros());
    }
    fs::remove_file(path)?;
    took.sort_unstable();
    Ok(took[took.len() / 2])
}

fn output_of(command: &mut Command) -> String {
    let output = command.output().ok().filter(|output| output.status.success());
    output.map_or_else(
        || "unknown".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
