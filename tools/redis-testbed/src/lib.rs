//! Temporary Redis servers for tests. They need only the program `redis-server`.
//!
//! A [`RedisServer`] listens on a free port of 127.0.0.1, stores nothing on disk, and ends with its value. It can be
//! killed, started again without its data, and frozen.
//!
//! Deliberately absent: the use of a Redis that already runs, crates other than the standard library, and error
//! types. Only tests use this crate, so a failure panics with a message that says what to do.

#![allow(clippy::expect_used, reason = "support for tests: panicking is how it reports a failure")]

use std::env;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running Redis server.
#[derive(Debug)]
pub struct RedisServer {
    process: Child,
    port: u16,
    options: Vec<String>,
}

impl RedisServer {
    /// The program that `REDIS_SERVER` names, or the installed one.
    ///
    /// The error explains how to install it.
    pub fn program() -> Result<PathBuf, String> {
        let named = env::var_os("REDIS_SERVER").map(PathBuf::from);
        let path = env::var_os("PATH").unwrap_or_default();
        let mut folders = env::split_paths(&path).chain(["/usr/bin".into(), "/usr/local/bin".into()]);
        let installed =
            || folders.find_map(|folder| Some(folder.join("redis-server")).filter(|file| file.is_file()));
        named.filter(|program| program.is_file()).or_else(installed).ok_or_else(|| {
            "Redis is not installed: run `cargo xtask test`, which installs it, or `apt-get install redis-server`, \
             or name the program in REDIS_SERVER"
                .to_owned()
        })
    }

    /// Starts an empty server.
    ///
    /// # Panics
    /// If Redis is not installed or does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::launch(&[])
    }

    /// Starts an empty server that speaks only TLS, with the certificate and its key in this PEM file, and demands a
    /// password.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    #[must_use]
    pub fn start_with_tls(certificate: &Path, password: &str) -> Self {
        let file = certificate.display().to_string();
        let files = ["--tls-cert-file", &file, "--tls-key-file", &file, "--tls-auth-clients", "no"];
        Self::launch(&[&files[..], &["--requirepass", password]].concat())
    }

    fn launch(options: &[&str]) -> Self {
        let options: Vec<_> = options.iter().map(|option| (*option).to_owned()).collect();
        // Another program may take the port before Redis does.
        for _ in 0..20 {
            let port = free_port();
            let mut process = spawn(port, &options);
            if answers(&mut process, port, &options) {
                return Self { process, port, options };
            }
        }
        panic!("Redis does not start");
    }

    /// The host and the port.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `redis://…`, without TLS.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}/0", self.address())
    }

    /// Kills the server. What it held is lost.
    ///
    /// # Panics
    /// If it is not running.
    pub fn kill(&mut self) {
        self.process.kill().expect("Redis was running");
        self.process.wait().expect("Redis ends");
    }

    /// Starts a killed server again, empty, on the same port.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_again(&mut self) {
        self.process = spawn(self.port, &self.options);
        assert!(answers(&mut self.process, self.port, &self.options), "Redis does not start again");
    }

    /// Stops the process, which keeps its connections and answers nothing.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets a frozen process go on.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.process.id().to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "Redis has ended");
    }

    /// Runs a command, whose words contain no white space, and returns the answer as the protocol has it.
    ///
    /// # Panics
    /// If Redis does not answer, or speaks only TLS.
    #[must_use]
    pub fn command(&self, words: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("Redis is running");
        // The server closes the connection after the answer.
        write!(stream, "{words}\r\nQUIT\r\n").expect("Redis reads the command");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("Redis answers");
        answer.trim_end().trim_end_matches("+OK").trim_end().to_owned()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // Also ends a frozen process. Both fail if it was killed before.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(port: u16, options: &[String]) -> Child {
    let program = RedisServer::program().unwrap_or_else(|missing| panic!("{missing}"));
    let ports = if options.is_empty() {
        ["--port".to_owned(), port.to_string(), "--tls-port".to_owned(), "0".to_owned()]
    } else {
        ["--port".to_owned(), "0".to_owned(), "--tls-port".to_owned(), port.to_string()]
    };
    // An empty text after `--save` turns snapshots off.
    Command::new(program)
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no"])
        .args(ports)
        .args(options)
        .current_dir(env::temp_dir())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server can be started")
}

/// Whether the process itself takes connections on the port.
fn answers(process: &mut Child, port: u16, options: &[String]) -> bool {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if process.try_wait().expect("its status can be asked for").is_some() {
            return false;
        }
        if let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            if !options.is_empty() {
                return true;
            }
            // Another program on the port answers something else; this process has ended then.
            let mut answer = String::new();
            let asked = stream
                .write_all(b"INFO server\r\nQUIT\r\n")
                .and_then(|()| stream.read_to_string(&mut answer));
            if asked.is_ok() && answer.contains(&format!("process_id:{}\r", process.id())) {
                return true;
            }
        }
        sleep(Duration::from_millis(10));
    }
    false
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("it is bound").port()
}
