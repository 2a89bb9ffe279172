//! A proxy in front of PostgreSQL that records what the client sends and cuts connections on demand.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// What happens to a `COMMIT`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum NextCommit {
    Passes,
    /// The connection is cut before the server receives it.
    Lost,
    /// The server commits, and the connection is cut before it answers.
    Unanswered,
}

pub struct Proxy {
    port: u16,
    state: Arc<State>,
}

struct State {
    /// What happens to the next ones. Later ones pass.
    commits: Mutex<VecDeque<NextCommit>>,
    /// How many new connections to refuse after the next cut.
    refuse_after_cut: AtomicUsize,
    /// How many new connections to refuse from now on.
    refuse: AtomicUsize,
    /// Connections with a number below this are forgotten: what is sent on them disappears.
    forgotten: AtomicUsize,
    /// Connections with a number below this are cut when the client sends something.
    cut_below: AtomicUsize,
    opened: AtomicUsize,
    statements: Mutex<Vec<String>>,
}

impl Proxy {
    /// Starts a proxy for the server in `url`, and returns it with the URL that leads through it.
    pub async fn start(url: &str) -> (Self, String) {
        let (user, rest) = url.split_once('@').expect("a user");
        let (server, database) = rest.split_once('/').expect("a database");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let state = Arc::new(State {
            commits: Mutex::default(),
            refuse_after_cut: AtomicUsize::new(0),
            refuse: AtomicUsize::new(0),
            forgotten: AtomicUsize::new(0),
            cut_below: AtomicUsize::new(0),
            opened: AtomicUsize::new(0),
            statements: Mutex::default(),
        });
        let (shared, server) = (Arc::clone(&state), server.to_owned());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let refuse = shared.refuse.load(Ordering::SeqCst);
                if refuse > 0 {
                    shared.refuse.store(refuse - 1, Ordering::SeqCst);
                    continue;
                }
                let upstream = TcpStream::connect(&server).await.expect("PostgreSQL listens");
                tokio::spawn(relay(client, upstream, Arc::clone(&shared)));
            }
        });
        let url = format!("{user}@127.0.0.1:{port}/{database}?sslmode=disable");
        (Self { port, state }, url)
    }

    pub fn next_commit(&self, next: NextCommit) {
        self.next_commits([next]);
    }

    pub fn next_commits(&self, next: impl IntoIterator<Item = NextCommit>) {
        *self.state.commits.lock().expect("not poisoned") = next.into_iter().collect();
    }

    /// Refuses every connection after the next cut, until [`Self::heal`].
    pub fn refuse_after_cut(&self) {
        self.state.refuse_after_cut.store(usize::MAX, Ordering::SeqCst);
    }

    /// Refuses the first connection after the next cut.
    pub fn refuse_one_after_cut(&self) {
        self.state.refuse_after_cut.store(1, Ordering::SeqCst);
    }

    pub fn heal(&self) {
        self.state.refuse_after_cut.store(0, Ordering::SeqCst);
        self.state.refuse.store(0, Ordering::SeqCst);
    }

    /// Forgets all connections, as a firewall does: it swallows what is sent on them, and closes none.
    pub fn forget_all(&self) {
        self.state.forgotten.store(self.state.opened.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// Cuts the open connections, each when the client next sends something.
    pub fn cut_at_next_statement(&self) {
        self.state.cut_below.store(self.state.opened.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// The number of connections so far.
    pub fn opened(&self) -> usize {
        self.state.opened.load(Ordering::SeqCst)
    }

    /// Returns the statements sent since the last call: the text of a simple query, or `execute` for a prepared
    /// statement.
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
    let number = state.opened.fetch_add(1, Ordering::SeqCst);
    // When one direction ends, both connections close.
    tokio::select! {
        _ = requests(client_reads, server_writes, &state, number, &cut) => {}
        _ = answers(server_reads, client_writes, &cut) => {}
    }
}

/// Relays the client's messages. Each has a kind byte (except the first one), a length and a content.
async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    state: &State,
    number: usize,
    cut: &AtomicBool,
) -> io::Result<()> {
    let mut first = true;
    loop {
        let kind = if first { None } else { Some(from.read_u8().await?) };
        first = false;
        let length = from.read_u32().await?;
        let mut content = vec![0; usize::try_from(length).expect("fits") - 4];
        from.read_exact(&mut content).await?;
        if number < state.cut_below.load(Ordering::SeqCst) {
            return Ok(());
        }
        if number < state.forgotten.load(Ordering::SeqCst) {
            continue;
        }
        let mut swallow = false;
        if kind == Some(b'E') {
            state.statements.lock().expect("not poisoned").push("execute".to_owned());
        }
        if kind == Some(b'Q') {
            let text = String::from_utf8_lossy(&content).trim_end_matches('\0').to_owned();
            if text == "COMMIT" {
                let next = state.commits.lock().expect("not poisoned").pop_front();
                let next = next.unwrap_or(NextCommit::Passes);
                if next != NextCommit::Passes {
                    let refuse = state.refuse_after_cut.swap(0, Ordering::SeqCst);
                    state.refuse.store(refuse, Ordering::SeqCst);
                }
                match next {
                    NextCommit::Passes => {}
                    NextCommit::Lost => return Ok(()),
                    NextCommit::Unanswered => swallow = true,
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
