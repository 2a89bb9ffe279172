//! What a cluster needs from the machine: an account to run as, folders, ports, random names.

use std::collections::hash_map::RandomState;
use std::ffi::OsStr;
use std::fmt::Display;
use std::fs::{self, DirBuilder};
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{DirBuilderExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The durability of commits in a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// PostgreSQL's own defaults, with the data on a disk: a commit survives a power cut. For benchmarks.
    Full,
    /// Nothing is flushed to a disk, and the data is in memory if there is room: a commit survives a crash of
    /// PostgreSQL, but not one of the machine. For tests.
    Off,
}

/// An account for PostgreSQL's programs. They refuse to run as root, as tests in a container usually do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    uid: u32,
    gid: u32,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Host {
    uid: u32,
    run_as: Option<Account>,
}

impl Host {
    pub(crate) fn detect() -> Result<Self, String> {
        let uid = run(Command::new("id").arg("-u"), "")?;
        let uid = uid.trim().parse().map_err(|e| format!("`id -u` printed {uid:?}: {e}"))?;
        let run_as = if uid == 0 { Some(unprivileged_account()?) } else { None };
        Ok(Self { uid, run_as })
    }

    /// A command that runs in `folder` as the cluster's account, without `PG…` variables of the environment.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).env("LC_ALL", "C").env("PGCONNECT_TIMEOUT", "10");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        if let Some(account) = self.run_as {
            command.uid(account.uid).gid(account.gid);
        }
        command
    }

    /// Creates a folder that only the cluster's account and root can enter, unless it exists.
    pub(crate) fn make_folder(&self, folder: &Path) -> Result<(), String> {
        match DirBuilder::new().mode(0o700).create(folder) {
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => return Ok(()),
            made => made.map_err(failed_to("make the folder", folder))?,
        }
        if let Some(account) = self.run_as {
            chown(folder, Some(account.uid), Some(account.gid)).map_err(failed_to("hand over", folder))?;
        }
        Ok(())
    }

    /// The folder for the clusters of this user and this checkout. `POSTGRES_TESTBED_DIR` names another parent for it.
    ///
    /// Without durability it is in memory if there is room; with it, on a disk. It is not in `target/`, because the cluster's
    /// account often can't enter the folders above, and the path of a Unix socket is limited to about 100 bytes.
    pub(crate) fn base_folder(&self, durability: Durability) -> Result<PathBuf, String> {
        let place = match (std::env::var_os("POSTGRES_TESTBED_DIR"), durability) {
            (Some(place), _) => PathBuf::from(place),
            (None, Durability::Off) if has_room(Path::new("/dev/shm")) => PathBuf::from("/dev/shm"),
            (None, Durability::Off) => PathBuf::from("/tmp"),
            (None, Durability::Full) => PathBuf::from("/var/tmp"),
        };
        let mut checkout = DefaultHasher::new();
        env!("CARGO_MANIFEST_DIR").hash(&mut checkout);
        let folder = place.join(format!("todo-testbed-{}-{:08x}", self.uid, checkout.finish() & 0xffff_ffff));
        self.make_folder(&folder)?;
        Ok(folder)
    }
}

fn unprivileged_account() -> Result<Account, String> {
    let accounts = fs::read_to_string("/etc/passwd").map_err(failed_to("read", Path::new("/etc/passwd")))?;
    let find = |name: &str| {
        let mut fields =
            accounts.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?.split(':');
        fields.next();
        Some(Account { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? })
    };
    find("postgres").or_else(|| find("nobody")).ok_or_else(|| {
        "PostgreSQL does not run as root, and there is no account postgres or nobody".to_owned()
    })
}

/// Whether a cluster fits. Containers often limit /dev/shm to 64 MiB, which is too little.
fn has_room(folder: &Path) -> bool {
    const NEEDED_KIB: u64 = 1024 * 1024;
    let available = run(Command::new("df").arg("-Pk").arg(folder), "").ok();
    let available = available.as_deref().and_then(|table| table.lines().nth(1)?.split_whitespace().nth(3));
    available.and_then(|kib| kib.parse::<u64>().ok()).is_some_and(|kib| kib >= NEEDED_KIB)
}

/// A free port below the range of ephemeral ports, so that it is still free when a stopped cluster starts again.
pub(crate) fn free_port() -> Result<u16, String> {
    (0..100)
        .map(|_| 20_000 + u16::try_from(random() % 12_000).unwrap_or(0))
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .ok_or_else(|| "no free port between 20000 and 32000".to_owned())
}

/// A random number, good enough for unique names.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Runs a command with `input` as its standard input and returns its standard output. The error contains its standard error.
pub(crate) fn run(command: &mut Command, input: &str) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let failed = |problem: &dyn Display| format!("`{name}` failed: {problem}");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| failed(&e))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends without reading its input reports why on standard error.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(|e| failed(&e))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(failed(&String::from_utf8_lossy(&output.stderr).trim()))
    }
}

/// Makes an error message for `map_err`: the failed action, its path and the cause.
pub(crate) fn failed_to(action: &str, path: &Path) -> impl FnOnce(std::io::Error) -> String {
    move |e| format!("could not {action} {}: {e}", path.display())
}
