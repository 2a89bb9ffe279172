//! Whether response times reveal that an address has an account: `cargo xtask bench timing`.
//!
//! Requests for known and unknown addresses alternate in random order on one connection. Two groups of known addresses show the effect
//! of chance alone.

mod report;
mod stats;

use std::path::Path;
use std::time::{Duration, Instant};

use postgres_testbed::{Database, Durability, PrivateCluster};
use tempfile::TempDir;
use tokio::time::sleep;

use self::stats::{Random, Sample};
use crate::client::Connection;
use crate::dataset::SECRET;
use crate::process::Served;
use crate::report::machine;
use crate::{Kind, Options, Result};

/// The number of requests per group.
const ROUNDS: usize = 320;
/// The number of requests per group with `--quick`.
const QUICK_ROUNDS: usize = 60;
/// The number of addresses per group.
const ADDRESSES: usize = 20;
/// The pause between rounds. By its end the emails of a round are sent, so they delay no group more than another.
const PAUSE: Duration = Duration::from_millis(20);
/// The password of every account.
const PASSWORD: &str = "Correct-Horse-7";

/// A request whose time must not reveal an account.
#[derive(Clone, Copy, Debug)]
enum Case {
    LogIn,
    ForgotPassword,
    MagicLink,
}

impl Case {
    const ALL: [Self; 3] = [Self::LogIn, Self::ForgotPassword, Self::MagicLink];

    const fn path(self) -> &'static str {
        match self {
            Self::LogIn => "/api/v1/auth/login",
            Self::ForgotPassword => "/api/v1/auth/forgot-password",
            Self::MagicLink => "/api/v1/auth/magic-link/request",
        }
    }

    const fn status(self) -> u16 {
        match self {
            Self::LogIn => 401,
            Self::ForgotPassword | Self::MagicLink => 202,
        }
    }

    /// The body; a login has a wrong password.
    fn body(self, address: &str) -> String {
        match self {
            Self::LogIn => format!(r#"{{"email":"{address}","password":"Wrong-Horse-7"}}"#),
            Self::ForgotPassword | Self::MagicLink => format!(r#"{{"email":"{address}"}}"#),
        }
    }
}

/// A group of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    /// Accounts whose passwords were hashed before the cost was raised.
    Old,
    /// Accounts with the current cost.
    Known,
    /// Addresses without accounts.
    Unknown,
}

const GROUPS: [Group; 3] = [Group::Old, Group::Known, Group::Unknown];

impl Group {
    /// All addresses have the same form and length.
    fn address(self, number: usize) -> String {
        let mixed = (number * GROUPS.len() + self as usize + 1).wrapping_mul(2_654_435_761) % 0x1_0000_0000;
        format!("user-{mixed:08x}@example.com")
    }
}

/// The times of one request for each group.
struct Measured {
    kind: Kind,
    case: Case,
    old: Sample,
    known: Sample,
    unknown: Sample,
}

/// Measures on the databases, and writes `docs/timing.md` if nothing was left out.
pub async fn all(options: &Options) -> Result<()> {
    let server = options.server()?;
    let rounds = if options.quick { QUICK_ROUNDS } else { ROUNDS };
    let mut measured = Vec::new();
    for kind in [Kind::Sqlite, Kind::Postgres] {
        if options.database.is_none_or(|only| only == kind) {
            measured.extend(measure(kind, &server, rounds).await?);
        }
    }
    let machine = machine::describe(server.parent().ok_or("the server's binary has no folder")?)?;
    let text = report::text(&machine, &measured);
    println!("{text}");
    if options.database.is_none() && !options.quick { report::write(&text) } else { Ok(()) }
}

/// A database with its cluster.
enum Engine {
    Sqlite,
    Postgres(Database, #[expect(dead_code, reason = "it lives as long as its database")] PrivateCluster),
}

async fn measure(kind: Kind, program: &Path, rounds: usize) -> Result<Vec<Measured>> {
    // Beside the binary, as the system's temporary folder may be in memory.
    let folder =
        TempDir::with_prefix_in("timing-", program.parent().ok_or("the server's binary has no folder")?)?;
    let engine = match kind {
        Kind::Sqlite => Engine::Sqlite,
        Kind::Postgres => {
            let cluster = PrivateCluster::start(Durability::Full);
            Engine::Postgres(cluster.create_database("timing"), cluster)
        }
    };
    for (group, cost) in [(Group::Old, "10"), (Group::Known, "11")] {
        eprintln!("{kind:?}: registering {ADDRESSES} accounts at cost {cost}");
        let served = Served::start(program, folder.path(), &settings(&engine, cost), |_| Vec::new()).await?;
        let mut connection = Connection::open(served.address).await?;
        for number in 0..ADDRESSES {
            let address = group.address(number);
            let body = format!(r#"{{"email":"{address}","password":"{PASSWORD}"}}"#);
            connection.exchange(&post("/api/v1/auth/register", &body)).await?.expect(201)?;
        }
        served.stop().await?;
    }
    let served = Served::start(program, folder.path(), &settings(&engine, "11"), |_| Vec::new()).await?;
    let mut measured = Vec::new();
    for case in Case::ALL {
        eprintln!("{kind:?}: {}", case.path());
        measured.push(alternate(kind, case, &served, rounds).await?);
    }
    served.stop().await?;
    Ok(measured)
}

/// The server's settings besides its defaults.
fn settings(engine: &Engine, cost: &str) -> Vec<(&'static str, String)> {
    let mut settings = vec![
        ("SECRET_KEY", SECRET.to_owned()),
        ("JSON_LOGS", "true".to_owned()),
        ("RATE_LIMIT_ENABLED", "false".to_owned()),
        ("BCRYPT_COST_FACTOR", cost.to_owned()),
    ];
    match engine {
        Engine::Sqlite => settings.push(("DATABASE_URL", "sqlite://./todos.db".to_owned())),
        Engine::Postgres(database, _) => {
            settings.push(("DATABASE_URL", database.app_url()));
            settings.push(("MIGRATION_DATABASE_URL", database.owner_url()));
        }
    }
    settings
}

fn post(path: &str, body: &str) -> Vec<u8> {
    let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json");
    format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Requests each group once per round, in random order.
async fn alternate(kind: Kind, case: Case, served: &Served, rounds: usize) -> Result<Measured> {
    let mut connection = Connection::open(served.address).await?;
    let mut random = Random(0x1234_5678_9abc_def1);
    let mut took: [Vec<Duration>; GROUPS.len()] = Default::default();
    // The first rounds warm caches and do not count.
    for round in 0..rounds + ADDRESSES {
        let mut order = GROUPS;
        random.shuffle(&mut order);
        for group in order {
            let request = post(case.path(), &case.body(&group.address(round % ADDRESSES)));
            let began = Instant::now();
            connection.exchange(&request).await?.expect(case.status())?;
            if round >= ADDRESSES {
                took[group as usize].push(began.elapsed());
            }
        }
        sleep(PAUSE).await;
    }
    let [old, known, unknown] = took.map(Sample::new);
    Ok(Measured { kind, case, old, known, unknown })
}
