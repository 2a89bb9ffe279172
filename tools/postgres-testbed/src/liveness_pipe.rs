//! Ends a cluster when the last process that uses it has ended.
//!
//! Every process that uses a cluster keeps the named pipe `liveness` in the cluster's folder open for writing. A shell script in
//! the background, the watchdog, reads the pipe. When the last user exits or is killed, the read ends, and the watchdog stops
//! PostgreSQL and removes the folder.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;

use crate::Binaries;
use crate::host::{Host, failed_to, run};

/// The pipe's name in the folder of its cluster.
pub(crate) const NAME: &str = "liveness";

#[cfg(any(target_os = "linux", target_os = "android"))]
const O_NONBLOCK: i32 = 0o4000;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const O_NONBLOCK: i32 = 0x4;

/// Opens the pipe, which keeps the cluster alive; `None` if no watchdog reads it.
pub(crate) fn open(pipe: &Path) -> Option<File> {
    let mut file = OpenOptions::new().write(true).custom_flags(O_NONBLOCK).open(pipe).ok()?;
    file.write_all(b"+").ok()?;
    Some(file)
}

/// Creates the pipe, starts the watchdog and opens the pipe. This happens before anything else, so that a killed start leaves
/// nothing behind.
pub(crate) fn create(host: &Host, binaries: &Binaries, folder: &Path, linger: &str) -> Result<File, String> {
    let pipe = folder.join(NAME);
    run(host.command("mkfifo", folder).arg(&pipe), "")?;
    let first = OpenOptions::new().read(true).write(true).open(&pipe);
    let first =
        first.and_then(|mut file| file.write_all(b"+").map(|()| file)).map_err(failed_to("open", &pipe))?;
    let watchdog = host
        .command("sh", folder)
        .args(["-c", include_str!("watchdog.sh"), "watchdog"])
        .arg(folder)
        .arg(binaries.folder())
        .arg(linger)
        // Ctrl-C at the terminal must not reach it.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !watchdog.map_err(failed_to("start `sh` in", folder))?.success() {
        return Err(format!("the watchdog of {} did not start", folder.display()));
    }
    let opened = open(&pipe).ok_or_else(|| format!("the watchdog of {} ended at once", folder.display()))?;
    drop(first);
    Ok(opened)
}
