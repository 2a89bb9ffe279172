//! One account, within its limits, makes requests that cost much on many connections. Measured is what other
//! users notice.

mod accounts;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::Command;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use clap::ValueEnum;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::time::timeout_at;

use self::accounts::{DESCRIPTION, PASSWORD, fill, id};
use super::cases::{with_body, without_body};
use super::{Actor, Phases, round};
use crate::Result;
use crate::client::{Answer, Connection};
use crate::dataset::{Dataset, USERS};
use crate::process::Meter;

/// The connections of the attacking account.
const ATTACKERS: usize = 30;
/// The connections of other users that list, and those that write, with this pause after each response.
const OTHERS: usize = 4;
const PAUSE: Duration = Duration::from_millis(20);
/// The todos of one request that changes as much text as a request may have.
const CHANGED: usize = 300;

/// What the account does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Attack {
    /// Searches that nearly match
    Search,
    /// Deep pages
    DeepPages,
    /// Lists of tombstones
    Tombstones,
    /// Whole lists
    WholeLists,
    /// Exports
    Exports,
    /// Large bulk changes
    Writes,
    /// Large syncs
    Syncs,
    /// Bodies that never end
    UnfinishedBodies,
    /// Deletions of full accounts
    Deletion,
}

impl Attack {
    /// The name in the report.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Search => "searches for 99 words that nearly match",
            Self::DeepPages => "deep pages, sorted by text",
            Self::Tombstones => "lists of tombstones, sorted by text",
            Self::WholeLists => "`GET /api/tasks` of 48 MB",
            Self::Exports => "exports",
            Self::Writes => "bulk changes of 1.9 MB",
            Self::Syncs => "syncs of 1.9 MB",
            Self::UnfinishedBodies => "200 bodies of 2 MiB that never end",
            Self::Deletion => "deletions of accounts with 4,000 todos",
        }
    }

    fn request(self, out: &mut Vec<u8>, bearer: &str) {
        let mut get = |path: &str| without_body(out, format_args!("GET {path}"), bearer);
        match self {
            Self::Search => {
                let words: Vec<_> = (0..99).map(|n| format!("ab%E4%B8%{:02X}b", 0x80 + n % 64)).collect();
                get(&format!("/api/v1/todos?search={}", words.join("+")));
            }
            Self::DeepPages => get("/api/v1/todos?sort=alpha&page=90&per_page=100"),
            Self::Tombstones => {
                get("/api/v1/todos?include_deleted=true&sort=alpha&page=140&per_page=100");
            }
            Self::WholeLists => get("/api/tasks"),
            Self::Exports => get("/api/v1/users/me/export"),
            Self::Writes | Self::Syncs => {
                // A change of every byte each time.
                let letters = ["a", "b", "c", "d", "e", "f", "g"];
                let first = NUMBER.load(Ordering::Relaxed);
                let description =
                    letters[usize::try_from(first).unwrap_or(0) % letters.len()].repeat(DESCRIPTION);
                let mut body = String::from(r#"{"strategy":"client_wins","limit":1,"todos":["#);
                for todo in 0..CHANGED {
                    let comma = if todo == 0 { "" } else { "," };
                    // The text names a number that no earlier request had.
                    let _ = write!(
                        body,
                        r#"{comma}{{"id":"{}","text":"{}","description":"{description}"}}"#,
                        id(todo),
                        NUMBER.fetch_add(1, Ordering::Relaxed)
                    );
                }
                body.push_str("]}");
                let (method, path) = if self == Self::Writes { ("PATCH", "bulk") } else { ("POST", "sync") };
                with_body(out, format_args!("{method} /api/v1/todos/{path}"), bearer, &body);
            }
            // These two are not made of requests with answers.
            Self::UnfinishedBodies | Self::Deletion => get("/health/live"),
        }
    }
}

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// The number of responses by status.
type Answers = BTreeMap<u16, u64>;

/// What others noticed of an attack.
pub struct Hostile {
    pub attack: Attack,
    pub quiet: Others,
    pub attacked: Others,
    /// The number of responses to the attack by status.
    pub answers: Answers,
    /// How far resident memory grew during the attack, in bytes.
    pub grown: u64,
}

/// The requests of others.
#[derive(Default)]
pub struct Others {
    /// The 99th percentile of each round in milliseconds, of lists and of writes.
    pub lists: Vec<f64>,
    pub writes: Vec<f64>,
    /// Requests that were refused.
    pub refused: u64,
}

/// Measures the attacks, all if `only` names none, in rounds that alternate with quiet ones.
pub async fn hostile(
    address: SocketAddr,
    dataset: &Rc<Dataset>,
    only: &[Attack],
    (rounds, phases): (usize, Phases),
    meter: &Meter,
) -> Result<Vec<Hostile>> {
    let account = USERS - 1;
    let mut full_accounts = fill(address, dataset.bearer(account)).await?;
    let mut measured = Vec::new();
    let attacks = if only.is_empty() { Attack::value_variants() } else { only };
    for attack in attacks.iter().copied() {
        eprintln!("an account makes {}", attack.name());
        let mut answers = Answers::new();
        let (mut quiet, mut attacked) = (Others::default(), Others::default());
        let mut grown = 0;
        for _ in 0..rounds {
            others(address, dataset, phases, meter, &mut quiet).await?;
            let before = meter.reset_peak()?;
            let harm = Attacker {
                attack,
                address,
                bearer: dataset.bearer(account).to_owned(),
                // Filled beforehand, so that the rounds measure the deletion.
                deleted: if attack == Attack::Deletion {
                    std::mem::take(&mut full_accounts)
                } else {
                    Vec::new()
                },
            };
            let harm = harm.run_on_own_thread(phases);
            let (harmed, noticed) =
                tokio::join!(harm, others(address, dataset, phases, meter, &mut attacked));
            for (status, count) in harmed? {
                *answers.entry(status).or_default() += count;
            }
            noticed?;
            grown = grown.max(meter.peak()?.saturating_sub(before));
        }
        measured.push(Hostile { attack, quiet, attacked, answers, grown });
    }
    Ok(measured)
}

async fn others(
    address: SocketAddr,
    dataset: &Rc<Dataset>,
    phases: Phases,
    meter: &Meter,
    figures: &mut Others,
) -> Result<()> {
    let refused = Rc::new(RefCell::new(0));
    let actors = |writes| -> Vec<Box<dyn Actor>> {
        (0..OTHERS)
            .map(|_| -> Box<dyn Actor> {
                Box::new(Other { writes, dataset: dataset.clone(), refused: refused.clone() })
            })
            .collect()
    };
    let (lists, writes) = tokio::join!(
        round(address, actors(false), phases, meter),
        round(address, actors(true), phases, meter),
    );
    figures.lists.push(lists?.quantile(0.99));
    figures.writes.push(writes?.quantile(0.99));
    figures.refused += refused.take();
    Ok(())
}

struct Other {
    writes: bool,
    dataset: Rc<Dataset>,
    refused: Rc<RefCell<u64>>,
}

impl Actor for Other {
    fn request(&mut self, out: &mut Vec<u8>) {
        let user = self.dataset.random(USERS / 2);
        let bearer = self.dataset.bearer(user);
        if self.writes {
            with_body(out, format_args!("POST /api/v1/todos"), bearer, r#"{"text":"Buy milk and bread"}"#);
        } else {
            without_body(out, format_args!("GET /api/v1/todos"), bearer);
        }
    }

    fn answered(&mut self, answer: &Answer<'_>) -> Result<()> {
        *self.refused.borrow_mut() += u64::from(![200, 201].contains(&answer.status));
        Ok(())
    }

    fn pause(&self) -> Duration {
        PAUSE
    }
}

/// The attacking account.
struct Attacker {
    attack: Attack,
    address: SocketAddr,
    /// Its `Authorization` line.
    bearer: String,
    /// Those of the accounts to delete.
    deleted: Vec<String>,
}

impl Attacker {
    /// Attacks for one round. On the thread of the measurement, the large requests and responses of the attack
    /// would delay those of others before they are sent and after they have come.
    async fn run_on_own_thread(self, phases: Phases) -> Result<Answers> {
        let (ended, end) = oneshot::channel();
        thread::spawn(move || {
            let attack = || -> Result<Answers> {
                run_when_idle()?;
                Builder::new_current_thread().enable_all().build()?.block_on(self.run(phases))
            };
            // Fails only if the measurement has failed.
            let _ = ended.send(attack().map_err(|error| error.to_string()));
        });
        Ok(end.await??)
    }

    async fn run(self, phases: Phases) -> Result<Answers> {
        let mut answers = Answers::new();
        match self.attack {
            Attack::UnfinishedBodies => {
                let mut open = Vec::new();
                for _ in 0..200 {
                    open.push(begin_body(self.address, &self.bearer).await?);
                }
                tokio::time::sleep(phases.warm + phases.measured).await;
            }
            Attack::Deletion => {
                for bearer in &self.deleted {
                    let mut connection = Connection::open(self.address).await?;
                    let mut request = Vec::new();
                    let body = format!(r#"{{"password":"{PASSWORD}"}}"#);
                    with_body(&mut request, format_args!("DELETE /api/v1/users/me"), bearer, &body);
                    *answers.entry(connection.exchange(&request).await?.status).or_default() += 1;
                }
                tokio::time::sleep(phases.warm + phases.measured).await;
            }
            _ => {
                let over = tokio::time::Instant::now() + phases.warm + phases.measured;
                let connections = (0..ATTACKERS).map(|_| self.attack_until(over));
                for result in futures_util::future::join_all(connections).await {
                    for (status, count) in result? {
                        *answers.entry(status).or_default() += count;
                    }
                }
            }
        }
        Ok(answers)
    }

    /// Sends requests on one connection, and cuts off the last one when the round is over.
    async fn attack_until(&self, over: tokio::time::Instant) -> Result<Answers> {
        let mut answers = Answers::new();
        let mut connection = Connection::open(self.address).await?;
        let mut request = Vec::new();
        while tokio::time::Instant::now() < over {
            request.clear();
            self.attack.request(&mut request, &self.bearer);
            let Ok(exchanged) = timeout_at(over, connection.exchange(&request)).await else { break };
            // The server refuses large bodies before it has read them, and closes the connection.
            let status = exchanged.ok().map(|answer| answer.status);
            match status {
                Some(status) => *answers.entry(status).or_default() += 1,
                None => connection = Connection::open(self.address).await?,
            }
            // A refused client that asks again at once would measure how fast refusals are.
            if status == Some(429) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Ok(answers)
    }
}

/// Lets this thread run only while no other one is ready: real attackers have processors of their own.
fn run_when_idle() -> Result<()> {
    let this = std::fs::read_link("/proc/thread-self")?;
    let thread = this.file_name().ok_or("a thread without a number")?;
    let done = Command::new("chrt").args(["--idle", "--pid", "0"]).arg(thread).status()?;
    if done.success() { Ok(()) } else { Err("chrt failed".into()) }
}

/// Sends all of a body but its last byte, as far as the server takes it.
async fn begin_body(address: SocketAddr, bearer: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    let length = 2 * 1024 * 1024;
    let head = format!(
        "POST /api/v1/todos/bulk HTTP/1.1\r\nHost: localhost\r\n{bearer}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let body = vec![b' '; length - 1];
    // The server may stop reading or close the connection.
    let _ = tokio::time::timeout(Duration::from_millis(20), stream.write_all(&body)).await;
    Ok(stream)
}
