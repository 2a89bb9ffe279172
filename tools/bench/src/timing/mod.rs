//! Whether the time of an answer tells if an address has an account: `cargo xtask bench like-time`.
//!
//! Known and unknown addresses take turns in random order on one connection, and so do two groups of known ones: how far those are
//! apart is what chance does.

mod report;
mod stats;

use std::path::Path;
use std::time::{Duration, Instant};

use postgres_testbed::{Database, Durability, PrivateCluster};
use tempfile::TempDir;
use tokio::time::sleep;

use self::stats::{Group, Random};
use crate::load::Connection;
use crate::process::Served;
use crate::report::machine;
use crate::world::SECRET;
use crate::{Kind, Options, Result};

/// How often each group is asked for.
const ROUNDS: usize = 320;
/// The same for a quick look.
const QUICK_ROUNDS: usize = 60;
/// How many addresses each group has.
const ADDRESSES: usize = 20;
/// How long after a round the next begins: mails that were caused are on their way by then, and disturb nobody in particular.
const PAUSE: Duration = Duration::from_millis(20);
/// The password of every account.
const PASSWORD: &str = "Correct-Horse-7";

/// A request that must not tell.
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

    /// A wrong password, where one is asked for.
    fn body(self, address: &str) -> String {
        match self {
            Self::LogIn => format!(r#"{{"email":"{address}","password":"Wrong-Horse-7"}}"#),
            Self::ForgotPassword | Self::MagicLink => format!(r#"{{"email":"{address}"}}"#),
        }
    }
}

/// Whose address it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    /// An account's whose password was hashed before the cost was raised.
    Old,
    /// An account's.
    Known,
    /// Nobody's.
    Unknown,
}

const EVERYBODY: [Who; 3] = [Who::Old, Who::Known, Who::Unknown];

impl Who {
    /// All addresses are of one form and length.
    fn address(self, number: usize) -> String {
        let mixed =
            (number * EVERYBODY.len() + self as usize + 1).wrapping_mul(2_654_435_761) % 0x1_0000_0000;
        format!("user-{mixed:08x}@example.com")
    }
}

/// What one request took for each group.
struct Measured {
    kind: Kind,
    case: Case,
    old: Group,
    known: Group,
    unknown: Group,
}

/// Measures on the databases and renews `docs/timing.md` when that was both.
pub async fn all(options: &Options) -> Result<()> {
    let server = options.server()?;
    let rounds = if options.quick { QUICK_ROUNDS } else { ROUNDS };
    let mut measured = Vec::new();
    for kind in [Kind::Sqlite, Kind::Postgres] {
        if options.database.is_none_or(|only| only == kind) {
            measured.extend(on(kind, &server, rounds).await?);
        }
    }
    let machine = machine::describe(server.parent().ok_or("the server's binary lies nowhere")?)?;
    let text = report::text(&machine, &measured);
    println!("{text}");
    if options.database.is_none() && !options.quick { report::write(&text) } else { Ok(()) }
}

/// A database, and the cluster that it goes with.
enum Engine {
    Sqlite,
    Postgres(Database, #[expect(dead_code, reason = "it is kept for as long as it is used")] PrivateCluster),
}

async fn on(kind: Kind, program: &Path, rounds: usize) -> Result<Vec<Measured>> {
    // Beside the binary: a temporary folder may lie in memory.
    let folder =
        TempDir::with_prefix_in("timing-", program.parent().ok_or("the server's binary lies nowhere")?)?;
    let engine = match kind {
        Kind::Sqlite => Engine::Sqlite,
        Kind::Postgres => {
            let cluster = PrivateCluster::start(Durability::Full);
            Engine::Postgres(cluster.create_database("timing"), cluster)
        }
    };
    for (who, cost) in [(Who::Old, "10"), (Who::Known, "11")] {
        eprintln!("{kind:?}: registering {ADDRESSES} accounts at cost {cost}");
        let served = Served::start(program, folder.path(), &settings(&engine, cost), |_| Vec::new()).await?;
        let mut connection = Connection::open(served.address).await?;
        for number in 0..ADDRESSES {
            let address = who.address(number);
            let body = format!(r#"{{"email":"{address}","password":"{PASSWORD}"}}"#);
            connection.exchange(&post("/api/v1/auth/register", &body)).await?.expect(201)?;
        }
        served.stop().await?;
    }
    let served = Served::start(program, folder.path(), &settings(&engine, "11"), |_| Vec::new()).await?;
    let mut measured = Vec::new();
    for case in Case::ALL {
        eprintln!("{kind:?}: {}", case.path());
        measured.push(turns(kind, case, &served, rounds).await?);
    }
    served.stop().await?;
    Ok(measured)
}

/// The server's, beyond its defaults.
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

/// Round after round, each group once in each, the order drawn anew.
async fn turns(kind: Kind, case: Case, served: &Served, rounds: usize) -> Result<Measured> {
    let mut connection = Connection::open(served.address).await?;
    let mut random = Random(0x1234_5678_9abc_def1);
    let mut took: [Vec<Duration>; EVERYBODY.len()] = Default::default();
    // The first requests find caches cold, and do not count.
    for round in 0..rounds + ADDRESSES {
        let mut order = EVERYBODY;
        random.shuffle(&mut order);
        for who in order {
            // Nobody is asked for more often than anybody else.
            let request = post(case.path(), &case.body(&who.address(round % ADDRESSES)));
            let began = Instant::now();
            connection.exchange(&request).await?.expect(case.status())?;
            if round >= ADDRESSES {
                took[who as usize].push(began.elapsed());
            }
        }
        sleep(PAUSE).await;
    }
    let [old, known, unknown] = took.map(Group::new);
    Ok(Measured { kind, case, old, known, unknown })
}
