//! nginx with the sample of `deploy/`, in front of two instances that restart one after the other.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use blackbox_tests::client::http;
use blackbox_tests::server::TIMEOUT;
use blackbox_tests::{Client, Server, Socket, on_postgres};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use super::events::{creations, stamp};
use crate::support::{everything, id, items, text};

const CONFIGURATION: &str = include_str!("../../../deploy/nginx/todo-server.conf");

/// What the sample's own directives need around them.
const AROUND: &str = "daemon off;
worker_processes 2;
pid nginx.pid;
events {}
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include todo-server.conf;
}
";

/// A running nginx; it ends when this is dropped.
struct Nginx {
    process: Child,
    folder: TempDir,
    /// With TLS, without, and the port that leads to TLS.
    ports: [u16; 3],
    /// How often it has read its configuration.
    generation: u32,
}

impl Nginx {
    fn program() -> PathBuf {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
        let mut programs = folders.map(|folder| folder.join("nginx"));
        programs.find(|program| program.is_file()).expect(
            "nginx is needed: `apt-get install nginx`, or `cargo xtask test`, which installs it; the tests start their own",
        )
    }

    /// Starts it in front of these instances.
    async fn start(instances: &[&Server]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        fs::write(folder.path().join("nginx.conf"), AROUND).expect("written");
        let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        fs::write(folder.path().join("certificate.pem"), key.cert.pem()).expect("written");
        fs::write(folder.path().join("key.pem"), key.signing_key.serialize_pem()).expect("written");
        let free = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
        let ports = free.each_ref().map(|port| port.local_addr().expect("bound").port());
        drop(free);
        configure(folder.path(), ports, instances, None, 0);
        let mut command = Self::command(folder.path());
        let process = command.stdin(Stdio::null()).spawn().expect("nginx can be started");
        let nginx = Self { process, folder, ports, generation: 0 };
        nginx.reached(0).await;
        nginx
    }

    fn command(folder: &Path) -> Command {
        let mut command = Command::new(Self::program());
        command.arg("-p").arg(folder).args(["-c", "nginx.conf", "-e", "error.log"]);
        command
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[1])
    }

    /// Sends new requests to these instances, `down` excepted, as an operator does around a
    /// restart.
    async fn use_instances(&mut self, instances: &[&Server], down: Option<usize>) {
        self.generation += 1;
        configure(self.folder.path(), self.ports, instances, down, self.generation);
        let done = Self::command(self.folder.path()).args(["-s", "reload"]).output().expect("nginx runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        self.reached(self.generation).await;
    }

    /// Waits until processes with this configuration answer.
    async fn reached(&self, generation: u32) {
        let (start, client) = (Instant::now(), http().pool_max_idle_per_host(0).build().expect("a client"));
        let asked = async || {
            let answer = client.get(format!("{}/generation", self.url())).send().await.ok()?;
            answer.text().await.ok()
        };
        while asked().await != Some(generation.to_string()) {
            let log = || fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default();
            assert!(start.elapsed() < TIMEOUT, "nginx does not answer: {}", log());
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Ends its worker processes too, which SIGKILL would leave behind.
        let stop = Self::command(self.folder.path()).args(["-s", "stop"]).stderr(Stdio::null()).status();
        if !stop.is_ok_and(|status| status.success()) {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

/// Writes the sample with the ports and certificate of this test.
fn configure(folder: &Path, ports: [u16; 3], instances: &[&Server], down: Option<usize>, generation: u32) {
    let [tls, plain, redirect] = ports;
    let mut replaced = CONFIGURATION.to_owned();
    let mut replace = |from: &str, to: &str| {
        assert_eq!(replaced.matches(from).count(), 1, "the sample has {from:?} once");
        replaced = replaced.replace(from, to);
    };
    for (n, instance) in instances.iter().enumerate() {
        let address = instance.base_url.trim_start_matches("http://");
        let down = if down == Some(n) { " down" } else { "" };
        replace(
            &format!("127.0.0.1:{} max_fails=1 fail_timeout=2s", 8001 + n),
            &format!("{address} max_fails=1 fail_timeout=2s{down}"),
        );
    }
    replace("listen [::]:443 ssl http2;", &format!("listen 127.0.0.1:{plain};"));
    replace("listen 443 ssl http2;", &format!("listen 127.0.0.1:{tls} ssl http2;"));
    replace("listen [::]:80;", "");
    replace("listen 80;", &format!("listen 127.0.0.1:{redirect};"));
    replace("/etc/ssl/todos.example.com.pem", "certificate.pem");
    replace("/etc/ssl/todos.example.com.key", "key.pem");
    replace(
        "    location = /metrics {",
        &format!("    location = /generation {{ return 200 {generation}; }}\n    location = /metrics {{"),
    );
    fs::write(folder.join("todo-server.conf"), replaced).expect("written");
}

/// Sends a request on a connection of its own: a reload of nginx closes idle ones.
async fn send(client: &Client, method: Method, path: &str, body: &Value, expected: u16) -> Value {
    let request = client.request(method, path).header("connection", "close");
    let request = if body.is_null() { request } else { request.json(body) };
    client.send(request).await.expect(expected).json()
}

/// Creates, changes and lists todos until `stop` is set. Each request must succeed at the first
/// attempt. Returns the ids of the created todos.
async fn write(client: Client, first: usize, stop: Arc<AtomicBool>) -> BTreeSet<String> {
    let mut created = BTreeSet::new();
    for n in first.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let todo = json!({"id": id(n), "text": format!("todo {n}")});
        send(&client, Method::POST, "/api/v1/todos", &todo, 201).await;
        created.insert(id(n));
        send(&client, Method::GET, "/api/v1/todos?per_page=5", &Value::Null, 200).await;
        sleep(Duration::from_millis(20)).await;
    }
    created
}

/// Receives events until the answer to a ping. The error is the code with which the server closes
/// the socket.
async fn until_pong(socket: &mut Socket, cursor: &mut String, events: &mut Vec<Value>) -> Result<(), u16> {
    socket.try_send(r#"{"type": "ping"}"#).await?;
    loop {
        let message = socket.next_or_close().await?;
        match text(&message["type"]) {
            "pong" => return Ok(()),
            "ready" => {}
            _ => {
                stamp(&message).clone_into(cursor);
                events.push(message);
            }
        }
    }
}

/// Receives events until there are as many as `count` says in the end. Opens another socket with
/// its cursor when the server closes one because it stops. Returns the events, and how many sockets
/// it took.
async fn follow(
    (mut socket, ready): (Socket, Value),
    url: String,
    token: String,
    count: Arc<AtomicUsize>,
) -> (Vec<Value>, usize) {
    let (mut cursor, mut events, mut sockets) = (text(&ready["sync_timestamp"]).to_owned(), Vec::new(), 1);
    while events.len() < count.load(Ordering::Relaxed) {
        match until_pong(&mut socket, &mut cursor, &mut events).await {
            Ok(()) => sleep(Duration::from_millis(100)).await,
            Err(code) => {
                // 1006: the connection ended before the ping, which the server no longer read.
                assert!([1012, 1006].contains(&code), "{code}");
                sockets += 1;
                socket = Socket::open(&url, &token, &format!("?since={cursor}")).await.expect("it opens");
            }
        }
    }
    (events, sockets)
}

/// How an operator restarts an instance.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Restart {
    /// After nginx was told to send it no more requests.
    TakenOut,
    /// With a signal alone.
    Plain,
}

/// Restarts both instances, one after the other, while clients write and listen through nginx.
async fn rolling_restart(server: &Server, restart: Restart) {
    let settings = [("DRAIN_SECONDS", "3"), ("TRUSTED_PROXIES", "127.0.0.1")];
    let start = || {
        Server::start_on(server.setting("DATABASE_URL"), server.setting("MIGRATION_DATABASE_URL"), &settings)
    };
    let mut instances = [start().await, start().await];
    let mut nginx = Nginx::start(&instances.each_ref()).await;
    let client = Client::new(&nginx.url());
    let (ann, _) = client.register("ann@example.com").await;

    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(usize::MAX)));
    let socket_url = format!("{}/ws/todos", nginx.url().replacen("http", "ws", 1));
    let mut followers = Vec::new();
    for _ in 0..4 {
        // Ready before the first write, whose event it would miss otherwise.
        let ready = Socket::ready(&socket_url, ann.token(), "").await;
        let followed = follow(ready, socket_url.clone(), ann.token().to_owned(), Arc::clone(&count));
        followers.push(tokio::spawn(followed));
    }
    let writer = |n: usize| tokio::spawn(write(ann.clone(), n * 100_000, Arc::clone(&stop)));
    let writers: Vec<_> = (0..3).map(writer).collect();
    for n in 0..2 {
        sleep(Duration::from_millis(500)).await;
        if restart == Restart::TakenOut {
            nginx.use_instances(&instances.each_ref(), Some(n)).await;
        }
        instances[n].terminate();
        assert_eq!(instances[n].ended().await.code(), Some(0), "{}", instances[n].logs());
        instances[n] = start().await;
        nginx.use_instances(&instances.each_ref(), None).await;
    }
    sleep(Duration::from_millis(500)).await;
    stop.store(true, Ordering::Relaxed);
    let mut created = BTreeSet::new();
    for writer in writers {
        created.extend(writer.await.expect("no request failed"));
    }
    count.store(created.len(), Ordering::Relaxed);
    let stored = everything(&instances[0].client().with_token(ann.token())).await;
    assert_eq!(items(&stored).len(), created.len());
    let mut sockets = 0;
    for follower in followers {
        let followed = timeout(TIMEOUT, follower).await.expect("no event is missing");
        let (events, opened) = followed.expect("its sockets stay open or are closed by a restart");
        let told: BTreeSet<_> = creations(&events).into_iter().collect();
        assert_eq!(told, created);
        sockets += opened;
    }
    assert!(sockets > 4, "restarts closed sockets");
}

on_postgres! {
    async fn a_rolling_restart_behind_nginx_fails_no_request_and_loses_no_event(server: Server) {
        rolling_restart(&server, Restart::TakenOut).await;
    }

    async fn a_signal_alone_behind_nginx_fails_no_request_and_loses_no_event(server: Server) {
        rolling_restart(&server, Restart::Plain).await;
    }

    async fn the_sample_for_nginx_hides_metrics_and_serves_tls(server: Server) {
        let nginx = Nginx::start(&[&server, &server]).await;
        Client::new(&nginx.url()).get("/metrics").await.expect(404);
        let redirected = http().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        let redirected = redirected.get(format!("http://127.0.0.1:{}/docs?a=1", nginx.ports[2])).send().await;
        assert_eq!(redirected.expect("an answer").headers()["location"], "https://127.0.0.1/docs?a=1");
        let tls = http().tls_danger_accept_invalid_certs(true).build().expect("a client");
        let ready = tls.get(format!("https://127.0.0.1:{}/health/ready", nginx.ports[0])).send().await;
        assert_eq!(ready.expect("an answer").status(), 200);
    }
}
