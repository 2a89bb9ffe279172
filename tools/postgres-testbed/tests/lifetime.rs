//! A shared cluster lives exactly as long as a process uses it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "the helpers belong to the tests")]

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// Upper bound of every wait for a condition.
const TIMEOUT: Duration = Duration::from_mins(1);

/// A folder with the clusters of one test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = PathBuf::from(format!("/tmp/testbed-{name}-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        // PostgreSQL may run as another account.
        fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        Self(folder)
    }

    fn user(&self) -> User {
        let mut child = Command::new(env!("CARGO_BIN_EXE_postgres-testbed"))
            .env("POSTGRES_TESTBED_DIR", &self.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut url = String::new();
        stdout.read_line(&mut url).unwrap();
        let address = url.split('@').nth(1).and_then(|rest| rest.split('/').next()).expect(&url).to_owned();
        User { child, address, _stdout: Some(stdout) }
    }

    /// The folder that the testbed makes inside.
    fn base(&self) -> Option<PathBuf> {
        Some(fs::read_dir(&self.0).ok()?.next()?.ok()?.path())
    }

    fn clusters(&self) -> Vec<PathBuf> {
        let entries = self.base().and_then(|base| fs::read_dir(base).ok()).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
    }

    /// The watchdog removes the folder right after the server has ended.
    fn is_empty_soon(&self) -> bool {
        let deadline = Instant::now() + TIMEOUT;
        while Instant::now() < deadline {
            if self.clusters().is_empty() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // After a failure too, the cluster ends once the users are dropped.
        self.is_empty_soon();
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct User {
    child: Child,
    address: String,
    /// Kept open, because a process that can't print exits early.
    _stdout: Option<BufReader<ChildStdout>>,
}

impl User {
    fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Opens a connection that ends with the server.
fn witness(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream
}

fn ends(mut witness: TcpStream) -> bool {
    match witness.read(&mut [0]) {
        Ok(count) => count == 0,
        Err(e) => e.kind() == ErrorKind::ConnectionReset,
    }
}

#[test]
fn processes_share_a_cluster_that_outlives_the_first_and_ends_with_the_last_even_when_killed() {
    let folder = Folder::new("share");
    let first = folder.user();
    let second = folder.user();
    assert_eq!(first.address, second.address);
    let (address, server) = (first.address.clone(), witness(&first.address));

    first.kill();
    let third = folder.user();
    assert_eq!(third.address, address);
    second.end();
    third.kill();

    assert!(ends(server), "the server outlived its users");
    assert!(folder.is_empty_soon(), "left behind: {:?}", folder.clusters());
}

#[test]
fn many_processes_starting_at_once_get_one_cluster() {
    let folder = Folder::new("race");
    let users: Vec<User> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..6).map(|_| scope.spawn(|| folder.user())).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    assert!(users.iter().all(|user| user.address == users[0].address));
    assert_eq!(folder.clusters().len(), 1);
    let server = witness(&users[0].address);
    users.into_iter().for_each(User::kill);
    assert!(ends(server), "the server outlived its users");
    assert!(folder.is_empty_soon(), "left behind: {:?}", folder.clusters());
}

#[test]
fn a_folder_without_a_watchdog_is_removed() {
    let folder = Folder::new("stale");
    let user = folder.user();
    let stale = folder.base().unwrap().join("cluster-stale");
    fs::create_dir(&stale).unwrap();
    assert!(Command::new("mkfifo").arg(stale.join("liveness")).status().unwrap().success());
    fs::write(stale.join("ready"), "1").unwrap();

    folder.user().end();
    assert!(!Path::new(&stale).exists());
    user.end();
    assert!(folder.is_empty_soon(), "left behind: {:?}", folder.clusters());
}

#[test]
fn a_start_that_is_killed_leaves_nothing() {
    let folder = Folder::new("half");
    let user = Command::new(env!("CARGO_BIN_EXE_postgres-testbed"))
        .env("POSTGRES_TESTBED_DIR", &folder.0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map(|child| User { child, address: String::new(), _stdout: None })
        .unwrap();
    let deadline = Instant::now() + TIMEOUT;
    let started = || folder.clusters().iter().any(|cluster| cluster.join("data").exists());
    while !started() {
        assert!(Instant::now() < deadline, "initdb did not begin");
        std::thread::sleep(Duration::from_millis(20));
    }
    user.kill();
    assert!(folder.is_empty_soon(), "left behind: {:?}", folder.clusters());
}
