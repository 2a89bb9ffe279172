//! The course of a run.

use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::database::Bed;
use crate::load::cases::{Case, Side};
use crate::load::flood::{Flood, flood};
use crate::load::sockets::{Delivery, deliver};
use crate::load::{Figures, Lengths, round};
use crate::process::{Meter, Served};
use crate::report::{self, machine};
use crate::world::World;
use crate::{Kind, Options, Part, Result};

/// How often the server is started.
const STARTS: usize = 5;
/// How long after its start it counts as idle.
const SETTLED: Duration = Duration::from_secs(2);

/// What was measured on one database.
pub struct Measured {
    pub kind: Kind,
    pub version: String,
    /// Of the filled database, in bytes.
    pub size: u64,
    pub start: Option<Start>,
    pub contests: Vec<Contest>,
    pub deliveries: Vec<Delivery>,
    pub floods: Vec<Flood>,
}

pub struct Start {
    /// From the process's start to its first healthy answer, ascending.
    pub healthy: Vec<Duration>,
    /// Resident, in bytes, idle.
    pub idle: u64,
    /// The same at the end of everything else.
    pub end: u64,
}

/// One who took turns with others.
pub struct Contest {
    pub case: Case,
    pub side: Side,
    pub connections: usize,
    pub total: Figures,
    /// Requests a second, of each round.
    pub rounds: Vec<f64>,
}

struct Plan {
    rounds: usize,
    flood_rounds: usize,
    lengths: Lengths,
    deliveries: Lengths,
}

impl Plan {
    fn of(options: &Options) -> Self {
        let lengths = |warm, measured| Lengths {
            warm: Duration::from_millis(warm),
            measured: Duration::from_millis(measured),
        };
        if options.quick {
            Self { rounds: 3, flood_rounds: 2, lengths: lengths(200, 500), deliveries: lengths(300, 1_000) }
        } else {
            Self { rounds: 9, flood_rounds: 5, lengths: lengths(200, 800), deliveries: lengths(500, 4_000) }
        }
    }
}

/// Measures what the options ask for, prints it, and renews the document when that was everything.
pub async fn all(options: &Options) -> Result<()> {
    let began = Instant::now();
    let server = options.server()?;
    let mut measured = Vec::new();
    for kind in [Kind::Sqlite, Kind::Postgres] {
        if options.database.is_none_or(|only| only == kind) {
            measured.push(on(kind, &server, options).await?);
        }
    }
    let machine = machine::describe(server.parent().ok_or("the server's binary lies nowhere")?)?;
    let text = report::text(&machine, &measured, began.elapsed());
    println!("{text}");
    if !options.quick && options.only.is_none() && options.database.is_none() {
        report::write(&text)?;
    }
    Ok(())
}

async fn on(kind: Kind, program: &Path, options: &Options) -> Result<Measured> {
    let wanted = |part| options.only.is_none_or(|only| only == part);
    let plan = Plan::of(options);
    eprintln!("{kind:?}: making and filling a database");
    let bed = Bed::new(kind, program).await?;
    let (version, size) = (bed.version()?, bed.size()?);
    let mut healthy = Vec::new();
    if wanted(Part::Start) {
        eprintln!("{kind:?}: starting the server");
        for _ in 0..STARTS {
            let served = bed.serve().await?;
            healthy.push(served.start);
            served.stop().await?;
        }
        healthy.sort_unstable();
    }
    let served = bed.serve().await?;
    let beneath = bed.serve_floor().await?;
    let meter = bed.meter(&served);
    sleep(SETTLED).await;
    let idle = meter.memory()?;

    let world = World::new()?;
    let mut run =
        Run { bed: &bed, served: &served, floor: &beneath, world: &world, plan: &plan, contests: Vec::new() };
    let (own, least) = (Side::Server, Side::Floor);
    for (part, connections, who) in [
        (Part::Get, &[16, 64][..], &[(Case::Get, own), (Case::Get, least)][..]),
        (Part::List, &[16, 64], &[(Case::List, own), (Case::List, least)]),
        (Part::Tasks, &[1, 16], &[(Case::Tasks, own)]),
        (Part::Patch, &[1, 16, 64], &[(Case::Patch, own), (Case::Patch, least), (Case::Sync, own)]),
        (Part::Create, &[16, 64], &[(Case::Create, own), (Case::Create, least)]),
    ] {
        for connections in connections.iter().filter(|_| wanted(part)) {
            run.turns(*connections, who).await?;
        }
    }
    let contests = run.contests;
    let deliveries = if wanted(Part::Events) {
        eprintln!("{kind:?}: events to 1,000 sockets");
        deliver(served.address, &world, &[1, 16], plan.deliveries, &meter).await?
    } else {
        Vec::new()
    };
    let floods = if wanted(Part::Flood) {
        eprintln!("{kind:?}: lists while 200 connections guess passwords");
        flood(served.address, &world, (plan.flood_rounds, plan.deliveries), &meter).await?
    } else {
        Vec::new()
    };
    let start = wanted(Part::Start).then_some(Start { healthy, idle, end: meter.memory()? });
    served.stop().await?;
    Ok(Measured { kind, version, size, start, contests, deliveries, floods })
}

/// What takes turns.
struct Run<'a> {
    bed: &'a Bed,
    served: &'a Served,
    floor: &'a Served,
    world: &'a Rc<World>,
    plan: &'a Plan,
    contests: Vec<Contest>,
}

impl Run<'_> {
    /// Round after round, each of `who` once in each, the order changing.
    async fn turns(&mut self, connections: usize, who: &[(Case, Side)]) -> Result<()> {
        let names: Vec<_> = who.iter().map(|(case, side)| format!("{case:?} of the {side:?}")).collect();
        eprintln!("{:?}: {}, {connections} connections", self.bed.kind, names.join(", "));
        let mut contests = Vec::new();
        for (case, side) in who {
            let (total, rounds) = (Figures::none()?, Vec::new());
            contests.push(Contest { case: *case, side: *side, connections, total, rounds });
        }
        for _ in 0..self.plan.rounds {
            contests.rotate_left(1);
            for contest in &mut contests {
                let served = self.side(contest.side);
                let actors = contest.case.actors(contest.side, connections, self.world);
                let figures = round(served.0, actors, self.plan.lengths, &served.1).await?;
                contest.rounds.push(figures.rate());
                contest.total.add(&figures)?;
            }
        }
        contests.sort_by_key(|contest| who.iter().position(|w| *w == (contest.case, contest.side)));
        self.contests.extend(contests);
        Ok(())
    }

    fn side(&self, side: Side) -> (std::net::SocketAddr, Meter) {
        let served = match side {
            Side::Server => self.served,
            Side::Floor => self.floor,
        };
        (served.address, self.bed.meter(served))
    }
}
