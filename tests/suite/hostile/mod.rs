//! Bad input gets a problem body, never a 5xx, and leaves no partial write.

mod bodies;
mod buffers;
mod descriptors;
mod fields;
mod memory;
mod metadata;
mod one_account;
mod pipelines;
mod readers;
mod refusals;
pub mod tokens;
mod unfinished;
mod wire;

use blackbox_tests::Server;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Resets the peak of the server's resident memory to its present size, and returns it in MiB.
fn reset_peak_memory(server: &Server) -> u64 {
    std::fs::write(format!("/proc/{}/clear_refs", server.pid()), "5").expect("it runs");
    peak_memory(server)
}

/// The peak of the server's resident memory, in MiB.
fn peak_memory(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a figure");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
}

/// Serves a document at every path until the test ends, and returns the address of its server.
/// `document` receives that address.
async fn publish(document: impl FnOnce(&str) -> Value) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let body = document(&address).to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            // Every request gets the same answer; a client may leave before it arrives.
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all((head + &body).as_bytes()).await;
        }
    });
    address
}
