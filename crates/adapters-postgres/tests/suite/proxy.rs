//! A proxy before PostgreSQL that reads along what the client sends and cuts connections where a test wants it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// What happens to the next COMMIT; the one after it passes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum NextCommit {
    /// It passes.
    Passes,
    /// The connection is cut before the server gets it.
    IsLost,
    /// The server does it, and the connection is cut before it can say so.
    IsNotAnswered,
}

pub struct Proxy {
    port: u16,
    state: Arc<State>,
}

struct State {
    next: Mutex<NextCommit>,
    /// Whether new connections are cut at once, from the next cut on.
    then_refuse: AtomicBool,
    refusing: AtomicBool,
    statements: Mutex<Vec<String>>,
}

impl Proxy {
    /// Before the server that `url` names.
    pub async fn before(url: &str) -> (Self, String) {
        let (start, rest) = url.split_once('@').expect("a user");
        let (place, database) = rest.split_once('/').expect("a database");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let state = Arc::new(State {
            next: Mutex::new(NextCommit::Passes),
            then_refuse: AtomicBool::new(false),
            refusing: AtomicBool::new(false),
            statements: Mutex::default(),
        });
        let (of_proxy, place) = (Arc::clone(&state), place.to_owned());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if of_proxy.refusing.load(Ordering::SeqCst) {
                    continue;
                }
                let server = TcpStream::connect(&place).await.expect("PostgreSQL listens");
                tokio::spawn(relay(client, server, Arc::clone(&of_proxy)));
            }
        });
        let url = format!("{start}@127.0.0.1:{port}/{database}?sslmode=disable");
        (Self { port, state }, url)
    }

    pub fn next_commit(&self, next: NextCommit) {
        *self.state.next.lock().expect("not poisoned") = next;
    }

    /// From the cut on nobody gets through, until [`Self::heal`].
    pub fn refuse_after_cut(&self) {
        self.state.then_refuse.store(true, Ordering::SeqCst);
    }

    pub fn heal(&self) {
        self.state.then_refuse.store(false, Ordering::SeqCst);
        self.state.refusing.store(false, Ordering::SeqCst);
    }

    /// What was sent since the last call: simple queries by their text, executions of prepared statements as `execute`.
    pub fn statements(&self) -> Vec<String> {
        std::mem::take(&mut *self.state.statements.lock().expect("not poisoned"))
    }
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "proxy on port {}", self.port)
    }
}

async fn relay(client: TcpStream, server: TcpStream, state: Arc<State>) {
    let (client_reads, client_writes) = client.into_split();
    let (server_reads, server_writes) = server.into_split();
    let cut = Arc::new(AtomicBool::new(false));
    // Whichever ends first takes both sides with it.
    tokio::select! {
        _ = requests(client_reads, server_writes, &state, &cut) => {}
        _ = answers(server_reads, client_writes, &cut) => {}
    }
    if cut.load(Ordering::SeqCst) && state.then_refuse.load(Ordering::SeqCst) {
        state.refusing.store(true, Ordering::SeqCst);
    }
}

/// Passes on message by message: a byte that tells the kind (but for the first), the length, the content.
async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    state: &State,
    cut: &AtomicBool,
) -> io::Result<()> {
    let mut first = true;
    loop {
        let kind = if first { None } else { Some(from.read_u8().await?) };
        first = false;
        let length = from.read_u32().await?;
        let mut content = vec![0; usize::try_from(length).expect("fits") - 4];
        from.read_exact(&mut content).await?;
        let mut swallow = false;
        if kind == Some(b'E') {
            state.statements.lock().expect("not poisoned").push("execute".to_owned());
        }
        if kind == Some(b'Q') {
            let text = String::from_utf8_lossy(&content).trim_end_matches('\0').to_owned();
            if text == "COMMIT" {
                let mut next = state.next.lock().expect("not poisoned");
                match std::mem::replace(&mut *next, NextCommit::Passes) {
                    NextCommit::Passes => {}
                    NextCommit::IsLost => {
                        cut.store(true, Ordering::SeqCst);
                        return Ok(());
                    }
                    NextCommit::IsNotAnswered => swallow = true,
                }
            }
            state.statements.lock().expect("not poisoned").push(text);
        }
        if swallow {
            cut.store(true, Ordering::SeqCst);
        }
        if let Some(kind) = kind {
            to.write_u8(kind).await?;
        }
        to.write_u32(length).await?;
        to.write_all(&content).await?;
    }
}

async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, cut: &AtomicBool) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 || cut.load(Ordering::SeqCst) {
            return Ok(());
        }
        to.write_all(&buffer[..count]).await?;
    }
}
