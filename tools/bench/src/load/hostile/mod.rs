//! One account, within its limits, makes requests that cost much on many connections. Measured is what other
//! users notice.

mod accounts;
mod attacker;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::ValueEnum;

use self::accounts::{DESCRIPTION, fill, id};
use self::attacker::Attacker;
use super::cases::{with_body, without_body};
use super::{Actor, Phases, round};
use crate::Result;
use crate::client::Answer;
use crate::dataset::{Dataset, USERS};
use crate::process::Meter;

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
