//! More idle connections than the process has file descriptors.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use blackbox_tests::binary::todo_server;
use blackbox_tests::server::SECRET_KEY;
use blackbox_tests::{Client, Wire};
use tempfile::TempDir;

/// The hard limit of the server. Its soft limit is far lower.
const OPEN_FILES: usize = 256;

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both calls fail if the process has already exited.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(folder: &TempDir) -> (Running, String) {
    let limits = format!("ulimit -S -n 64 && ulimit -H -n {OPEN_FILES} && exec \"$0\"");
    let mut child = Command::new("sh")
        .args(["-c", &limits])
        .arg(todo_server())
        .current_dir(folder.path())
        .env_clear()
        .envs([("PORT", "0"), ("SECRET_KEY", SECRET_KEY), ("LOG_LEVEL", "error")])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let url =
        lines.map_while(Result::ok).find_map(|line| Some(line.split_once("listening on ")?.1.to_owned()));
    (Running(child), url.expect("it listens"))
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_beyond_the_limit_of_open_files_keep_nobody_out() {
    let folder = TempDir::new().expect("a temporary folder");
    let (server, url) = start(&folder);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.0.id())).expect("its limits");
    let files = limits.lines().find(|line| line.starts_with("Max open files")).expect("the line");
    let soft = files.split_whitespace().nth(3).expect("the soft limit");
    assert_eq!(soft, OPEN_FILES.to_string(), "the server raises the soft limit");

    // A request that is still arriving is not idle.
    let mut busy = Wire::connect(&url).await;
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                Connection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    busy.send(head.as_bytes()).await;
    busy.read_continue().await;
    let address = url.trim_start_matches("http://").to_owned();
    let mut idle = Vec::new();
    for n in 0..2 * OPEN_FILES {
        idle.push(TcpStream::connect(&address).expect("it is accepted"));
        if n % 64 == 0 {
            Client::new(&url).get("/health/ready").await.expect(200);
        }
    }
    Client::new(&url).get("/health/ready").await.expect(200);
    idle[0].set_read_timeout(Some(Duration::from_secs(30))).expect("set");
    assert_eq!(idle[0].read(&mut [0; 1]).unwrap_or(0), 0, "the longest idle connection is closed");
    busy.send(b"{}").await;
    assert_eq!(busy.answer().await.status, 422, "the busy one is served");
}
