//! Caddy with the sample of `deploy/`, in front of two instances.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use blackbox_tests::server::TIMEOUT;
use blackbox_tests::{Client, Server, Socket, on_postgres};
use serde_json::json;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::support::{add, python_program, text};

const CONFIGURATION: &str = include_str!("../../../deploy/caddy/Caddyfile");

/// A running Caddy; it ends when this is dropped.
struct Caddy {
    process: Child,
    folder: TempDir,
    url: String,
}

impl Caddy {
    /// Starts it in front of these instances, without TLS.
    async fn start(instances: [&Server; 2]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", free.local_addr().expect("bound"));
        drop(free);
        // Without the endpoint on a fixed port by which an operator reloads it.
        let mut configuration = format!("{{\n\tadmin off\n}}\n{CONFIGURATION}");
        for (name, instance) in ["app1:8000", "app2:8000"].into_iter().zip(instances) {
            assert_eq!(configuration.matches(name).count(), 1, "the sample has {name} once");
            configuration = configuration.replace(name, instance.base_url.trim_start_matches("http://"));
        }
        fs::write(folder.path().join("Caddyfile"), configuration).expect("written");
        let log = fs::File::create(folder.path().join("log")).expect("a log file");
        let mut command = Command::new(python_program("caddy"));
        command.args(["run", "--config", "Caddyfile"]).current_dir(&folder).stdin(Stdio::null()).stderr(log);
        // Where it keeps its certificates and configuration.
        command.env("HOME", folder.path()).env_remove("XDG_DATA_HOME").env_remove("XDG_CONFIG_HOME");
        let process = command.env("TODO_HOST", &url).spawn().expect("Caddy can be started");
        let caddy = Self { process, folder, url };
        caddy.answers().await;
        caddy
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Waits until it has found both instances ready.
    async fn answers(&self) {
        let start = Instant::now();
        let client = Client::new(&self.url);
        while client.request(reqwest::Method::GET, "/health").send().await.is_err() {
            assert!(start.elapsed() < TIMEOUT, "Caddy does not answer: {}", self.log());
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Caddy {
    #[expect(clippy::print_stderr, reason = "a failing test shows what Caddy did")]
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("--- Caddy's log\n{}", self.log());
        }
    }
}

on_postgres! {
    async fn an_instance_behind_caddy_stops_without_a_failed_request(server: Server) {
        let settings = [("DRAIN_SECONDS", "5"), ("TRUSTED_PROXIES", "127.0.0.1")];
        let (url, owner) = (server.setting("DATABASE_URL"), server.setting("MIGRATION_DATABASE_URL"));
        let mut leaving = Server::start_on(url, owner, &settings).await;
        let staying = Server::start_on(url, owner, &settings).await;
        let caddy = Caddy::start([&leaving, &staying]).await;
        let (ann, _) = Client::new(&caddy.url).register("ann@example.com").await;
        ann.get("/metrics").await.expect(404);

        // Caddy gives the next socket to the instance with fewer, so that each has one.
        let socket_url = format!("{}/ws/todos", caddy.url.replacen("http", "ws", 1));
        let (mut first, _) = Socket::ready(&socket_url, ann.token(), "").await;
        let (mut second, _) = Socket::ready(&socket_url, ann.token(), "").await;
        let todo = add(&ann, "told to both").await;
        for socket in [&mut first, &mut second] {
            let event = socket.next().await;
            assert_eq!(text(&event["todo"]["id"]), text(&todo["id"]), "{event}");
        }

        leaving.terminate();
        let ended = tokio::spawn(async move { leaving.ended().await });
        let mut written = 0;
        while !ended.is_finished() {
            ann.post("/api/v1/todos", json!({"text": format!("todo {written}")})).await.expect(201);
            written += 1;
            sleep(Duration::from_millis(20)).await;
        }
        assert!(ended.await.expect("no panic").success());
        for n in 0..20 {
            ann.post("/api/v1/todos", json!({"text": format!("later {n}")})).await.expect(201);
        }
        assert!(written > 0);
    }
}
