//! A TCP proxy that a test can cut.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the path between two programs does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    Open,
    /// Nothing passes, in either direction, and no end learns of it.
    Cut,
}

/// A proxy on a port of this machine. Its connections end when it is dropped.
pub struct Proxy {
    port: u16,
    path: Arc<watch::Sender<Path>>,
}

impl Proxy {
    /// Starts a proxy for the server at `address`, such as `127.0.0.1:5432`.
    pub async fn start(address: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let path = Arc::new(watch::Sender::new(Path::Open));
        let (address, state) = (address.to_owned(), path.subscribe());
        tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = ended(state.clone()) => return,
                };
                let Ok((client, _)) = accepted else { return };
                let (address, state) = (address.clone(), state.clone());
                tokio::spawn(async move {
                    if opened(&mut state.clone()).await.is_some()
                        && let Ok(server) = TcpStream::connect(address).await
                    {
                        relay(client, server, state).await;
                    }
                });
            }
        });
        Self { port, path }
    }

    /// The address of the proxy.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Cuts the path. What is sent waits, as it does in a network that loses packets.
    pub fn cut(&self) {
        self.path.send_replace(Path::Cut);
    }

    /// Opens the path again.
    pub fn heal(&self) {
        self.path.send_replace(Path::Open);
    }
}

/// Waits until the path is open. `None` if the proxy was dropped.
async fn opened(state: &mut watch::Receiver<Path>) -> Option<()> {
    state.wait_for(|path| *path == Path::Open).await.ok().map(drop)
}

/// Waits until the proxy is dropped.
async fn ended(mut state: watch::Receiver<Path>) {
    while state.changed().await.is_ok() {}
}

async fn relay(client: TcpStream, server: TcpStream, state: watch::Receiver<Path>) {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let end = state.clone();
    tokio::select! {
        () = copy(from_client, to_server, state.clone()) => {}
        () = copy(from_server, to_client, state) => {}
        () = ended(end) => {}
    }
}

/// Copies one direction, and only while the path is open. A connection ends as a whole.
async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut state: watch::Receiver<Path>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read) = from.read(&mut buffer).await {
        if read == 0 || opened(&mut state).await.is_none() || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
