//! More connections that wait for their clients than the process has file descriptors. Those of the
//! attacker come from 127.0.0.2, and those of others from 127.0.0.1.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use blackbox_tests::binary::todo_server;
use blackbox_tests::server::{SECRET_KEY, TIMEOUT};
use blackbox_tests::{Client, Socket, Wire};
use socket2::{Domain, Type};
use tempfile::TempDir;

/// The hard limit of the server. Its soft limit is far lower.
const OPEN_FILES: usize = 256;
/// How many connections the attacker opens, one after the other.
const ATTACKS: usize = 2 * OPEN_FILES;
const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const NEIGHBOUR: Ipv4Addr = Ipv4Addr::LOCALHOST;

struct Running {
    process: Child,
    url: String,
    folder: TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both calls fail if the process has already exited.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Running {
    fn start() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let limits = format!("ulimit -S -n 64 && ulimit -H -n {OPEN_FILES} && exec \"$0\" 2> errors.log");
        let mut process = Command::new("sh")
            .args(["-c", &limits])
            .arg(todo_server())
            .current_dir(folder.path())
            .env_clear()
            .envs([("PORT", "0"), ("SECRET_KEY", SECRET_KEY), ("LOG_LEVEL", "error")])
            .envs([("BCRYPT_COST_FACTOR", "10"), ("RATE_LIMIT_ENABLED", "false")])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let url =
            lines.map_while(Result::ok).find_map(|line| Some(line.split_once("listening on ")?.1.to_owned()));
        Self { process, url: url.expect("it listens"), folder }
    }

    /// Connects from an address of this machine, with a minimal receive buffer.
    fn connect(&self, from: Ipv4Addr) -> TcpStream {
        let server: SocketAddr = self.url.trim_start_matches("http://").parse().expect("an address");
        let socket = socket2::Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_recv_buffer_size(4096).expect("an option");
        socket.bind(&SocketAddr::from((from, 0)).into()).expect("an address of this machine");
        socket.connect(&server.into()).expect("it is accepted");
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(TIMEOUT)).expect("an option");
        stream
    }

    /// The answer of a new client.
    async fn is_healthy(&self) {
        Client::new(&self.url).get("/health/ready").await.expect(200);
    }

    /// Opens connections of the attacker with `begin`, while others come and go, and returns them.
    async fn attack<C>(&self, mut begin: impl AsyncFnMut(TcpStream) -> C) -> Vec<C> {
        let mut connections = Vec::new();
        for n in 0..ATTACKS {
            connections.push(begin(self.connect(ATTACKER)).await);
            if n % 32 == 0 {
                self.is_healthy().await;
            }
        }
        self.is_healthy().await;
        connections
    }

    /// The server had a descriptor for everything.
    fn logged_no_error(&self) {
        let log = std::fs::read_to_string(self.folder.path().join("errors.log")).expect("a log");
        assert_eq!(log, "");
    }
}

/// A request whose body has not arrived.
async fn unfinished(url: &str) -> Wire {
    let mut wire = Wire::connect(url).await;
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                Connection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    wire.send(head.as_bytes()).await;
    wire.read_continue().await;
    wire
}

/// Whether the server has closed its side of the connection, or does so soon. The client itself would see that only
/// after everything that it has not read.
async fn is_closed(connection: &TcpStream) -> bool {
    const ESTABLISHED: &str = "01";
    let port = |address: std::io::Result<SocketAddr>| format!(":{:04X}", address.expect("an address").port());
    let (client, server) = (port(connection.local_addr()), port(connection.peer_addr()));
    let start = Instant::now();
    while start.elapsed() < TIMEOUT {
        let sockets = std::fs::read_to_string("/proc/net/tcp").expect("the system's sockets");
        let is_open = sockets.lines().any(|line| {
            let columns: Vec<_> = line.split_whitespace().skip(1).take(3).collect();
            matches!(columns[..], [local, remote, ESTABLISHED] if local.ends_with(&server) && remote.ends_with(&client))
        });
        if !is_open {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

/// Asks on a connection that stays open.
fn ask(connection: &mut TcpStream) {
    connection.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it is open");
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while !answer.ends_with(b"}") {
        let read = connection.read(&mut buffer).expect("an answer");
        assert!(read > 0, "the connection is closed");
        answer.extend_from_slice(&buffer[..read]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
}

/// Attacks, and expects that everybody else is served. Returns the attacker's connections.
async fn keeps_nobody_out(begin: impl Fn(&mut TcpStream)) -> Vec<TcpStream> {
    let server = Running::start();
    let mut upload = unfinished(&server.url).await;
    let mut idle = server.connect(NEIGHBOUR);
    ask(&mut idle);
    let connections = server
        .attack(async |mut connection: TcpStream| {
            begin(&mut connection);
            connection
        })
        .await;
    upload.send(b"{}").await;
    assert_eq!(upload.answer().await.status, 422, "another client's upload goes on");
    ask(&mut idle);
    server.logged_no_error();
    connections
}

/// As [`keeps_nobody_out`], with connections that wait in the order in which they began.
async fn closes_the_first(begin: impl Fn(&mut TcpStream)) {
    let connections = keeps_nobody_out(begin).await;
    assert!(is_closed(&connections[0]).await, "the one that has waited longest is closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_raises_its_limit_of_open_files() {
    let server = Running::start();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.process.id())).expect("limits");
    let files = limits.lines().find(|line| line.starts_with("Max open files")).expect("the line");
    assert_eq!(files.split_whitespace().nth(3), Some(OPEN_FILES.to_string().as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_beyond_the_limit_of_open_files_keep_nobody_out() {
    closes_the_first(|_| ()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_heads_beyond_the_limit_of_open_files_keep_nobody_out() {
    closes_the_first(|connection| connection.write_all(b"GET / HTTP/1.1\r\nHost:").expect("it is open"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_bodies_beyond_the_limit_of_open_files_keep_nobody_out() {
    closes_the_first(|connection| {
        let head =
            b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                     Content-Length: 2\r\n\r\n{";
        connection.write_all(head).expect("it is open");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_responses_beyond_the_limit_of_open_files_keep_nobody_out() {
    keeps_nobody_out(|connection| {
        let request = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
        // The system's buffers take one response, but not several.
        connection.write_all(&request.repeat(20)).expect("it is open");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_beyond_the_limit_of_open_files_keep_nobody_out() {
    const SOCKETS_PER_USER: usize = 20;
    let server = Running::start();
    let url = format!("{}/ws/todos", server.url.replacen("http", "ws", 1));
    let client = Client::new(&server.url);
    let (ann, _) = client.register("ann@example.com").await;
    let (mut neighbour, _) = Socket::ready(&url, ann.token(), "").await;
    let mut tokens = Vec::new();
    for n in 0..ATTACKS.div_ceil(SOCKETS_PER_USER) {
        let (attacker, _) = client.register(&format!("attacker-{n}@example.com")).await;
        tokens.push(attacker.token().to_owned());
    }
    drop(client);
    let mut next = 0;
    let mut sockets = server
        .attack(async |connection: TcpStream| {
            next += 1;
            let token = &tokens[next / SOCKETS_PER_USER];
            Socket::over(connection, &url, token).await
        })
        .await;
    assert_eq!(sockets[0].closed().await, 1013, "the attacker's longest silent socket is closed");
    neighbour.drain().await;
    assert_eq!(neighbour.drain().await.len(), 0, "another client's socket is open");
    server.logged_no_error();
}
