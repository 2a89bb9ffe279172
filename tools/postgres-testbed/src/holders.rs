//! Who uses a cluster, and what ends it when nobody does.
//!
//! Every process that uses a cluster is a holder: it keeps the named pipe `holders` in the cluster's folder open for writing.
//! A shell script in the background, the watchdog, reads the pipe: when the last holder is gone, by a normal exit or
//! by a kill, the read ends, and the watchdog stops PostgreSQL and removes the folder.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;

use crate::Binaries;
use crate::host::{Host, run, told};

#[cfg(any(target_os = "linux", target_os = "android"))]
const O_NONBLOCK: i32 = 0o4000;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const O_NONBLOCK: i32 = 0x4;

/// Becomes a holder; `None` when the pipe has no watchdog.
pub(crate) fn hold(pipe: &Path) -> Option<File> {
    let mut file = OpenOptions::new().write(true).custom_flags(O_NONBLOCK).open(pipe).ok()?;
    file.write_all(b"+").ok()?;
    Some(file)
}

/// Makes the pipe and starts the watchdog before there is anything to watch, so that a start which is killed half-way
/// leaves nothing behind.
pub(crate) fn watched(host: &Host, binaries: &Binaries, folder: &Path, linger: &str) -> Result<File, String> {
    let pipe = folder.join("holders");
    run(host.command("mkfifo", folder).arg(&pipe), "")?;
    let first = OpenOptions::new().read(true).write(true).open(&pipe);
    let first =
        first.and_then(|mut file| file.write_all(b"+").map(|()| file)).map_err(told("open", &pipe))?;
    let watchdog = host
        .command("sh", folder)
        .args(["-c", include_str!("watchdog.sh"), "watchdog"])
        .arg(folder)
        .arg(binaries.folder())
        .arg(linger)
        // An interrupt typed at the terminal is meant for the tests alone.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !watchdog.map_err(told("start `sh` in", folder))?.success() {
        return Err(format!("the watchdog of {} did not start", folder.display()));
    }
    let hold = hold(&pipe).ok_or_else(|| format!("the watchdog of {} ended at once", folder.display()))?;
    drop(first);
    Ok(hold)
}
