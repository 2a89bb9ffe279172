//! The course of a run.

use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::database::Testbed;
use crate::dataset::Dataset;
use crate::load::cases::{Case, Side};
use crate::load::flood::flood;
use crate::load::hostile::hostile;
use crate::load::sockets::{Sockets, deliver};
use crate::load::{Figures, Phases, round};
use crate::process::{Meter, Served};
use crate::report::{self, machine};
use crate::results::{Contender, Results, Start};
use crate::{Kind, Options, Part, Result, instances};

/// The number of measured starts.
const STARTS: usize = 5;
/// How long after its start the server counts as idle.
const IDLE_AFTER: Duration = Duration::from_secs(2);

struct Plan {
    rounds: usize,
    flood_rounds: usize,
    phases: Phases,
    deliveries: Phases,
}

impl Plan {
    fn new(options: &Options) -> Self {
        let phases = |warm, measured| Phases {
            warm: Duration::from_millis(warm),
            measured: Duration::from_millis(measured),
        };
        if options.quick {
            Self { rounds: 3, flood_rounds: 2, phases: phases(200, 500), deliveries: phases(300, 1_000) }
        } else {
            Self { rounds: 9, flood_rounds: 5, phases: phases(200, 800), deliveries: phases(500, 4_000) }
        }
    }
}

/// Measures what the options select, prints the report, and writes the document if nothing was left out.
pub async fn all(options: &Options) -> Result<()> {
    let began = Instant::now();
    let server = options.server()?;
    let mut results = Vec::new();
    for kind in [Kind::Sqlite, Kind::Postgres] {
        if options.database.is_none_or(|only| only == kind) {
            results.push(measure(kind, &server, options).await?);
        }
    }
    let machine = machine::describe(server.parent().ok_or("the server's binary has no folder")?)?;
    let text = report::text(&machine, &results, began.elapsed());
    println!("{text}");
    if !options.quick && options.only.is_none() && options.database.is_none() {
        report::write(&text)?;
    }
    Ok(())
}

async fn measure(kind: Kind, program: &Path, options: &Options) -> Result<Results> {
    let selected = |part| options.only.is_none_or(|only| only == part);
    let plan = Plan::new(options);
    eprintln!("{kind:?}: creating and filling a database");
    let testbed = Testbed::new(kind, program).await?;
    let (version, size) = (testbed.version()?, testbed.size()?);
    let mut healthy = Vec::new();
    if selected(Part::Start) {
        eprintln!("{kind:?}: starting the server");
        for _ in 0..STARTS {
            let served = testbed.serve().await?;
            healthy.push(served.start);
            served.stop().await?;
        }
        healthy.sort_unstable();
    }
    let served = testbed.serve().await?;
    let floor = testbed.serve_floor().await?;
    let meter = testbed.meter(&served);
    sleep(IDLE_AFTER).await;
    let idle_memory = meter.memory()?;

    let dataset = Dataset::new()?;
    let mut run = Run {
        testbed: &testbed,
        served: &served,
        floor: &floor,
        dataset: &dataset,
        plan: &plan,
        comparisons: Vec::new(),
    };
    let (own, floor) = (Side::Server, Side::Floor);
    for (part, connections, contenders) in [
        (Part::Get, &[16, 64][..], &[(Case::Get, own), (Case::Get, floor)][..]),
        (Part::List, &[16, 64], &[(Case::List, own), (Case::List, floor)]),
        (Part::Tasks, &[1, 16], &[(Case::Tasks, own)]),
        (Part::Patch, &[1, 16, 64], &[(Case::Patch, own), (Case::Patch, floor), (Case::Sync, own)]),
        (Part::Create, &[16, 64], &[(Case::Create, own), (Case::Create, floor)]),
    ] {
        for connections in connections.iter().filter(|_| selected(part)) {
            run.alternate(*connections, contenders).await?;
        }
    }
    let comparisons = run.comparisons;
    let deliveries = if selected(Part::Events) {
        eprintln!("{kind:?}: events to 1,000 sockets");
        let sockets = Sockets { instances: &[served.address], per_user: 1 };
        deliver(sockets, &dataset, &[1, 16], plan.deliveries, &meter).await?
    } else {
        Vec::new()
    };
    let instances = if selected(Part::Instances) && kind == Kind::Postgres {
        Some(instances::measure(&testbed, &served, &dataset, plan.deliveries).await?)
    } else {
        None
    };
    let floods = if selected(Part::Flood) {
        eprintln!("{kind:?}: lists while 200 connections guess passwords");
        flood(served.address, &dataset, (plan.flood_rounds, plan.deliveries), &meter).await?
    } else {
        Vec::new()
    };
    let start =
        selected(Part::Start).then_some(Start { healthy, idle_memory, final_memory: meter.memory()? });
    served.stop().await?;
    let hostile = if selected(Part::Hostile) {
        eprintln!("{kind:?}: other users while one account makes expensive requests");
        let served = testbed.serve_with_limits().await?;
        let phases = (plan.flood_rounds, plan.deliveries);
        let meter = testbed.meter(&served);
        let measured = hostile(served.address, &dataset, &options.attack, phases, &meter).await?;
        served.stop().await?;
        measured
    } else {
        Vec::new()
    };
    Ok(Results { kind, version, size, start, comparisons, deliveries, instances, floods, hostile })
}

/// A server and a baseline that are compared.
struct Run<'a> {
    testbed: &'a Testbed,
    served: &'a Served,
    floor: &'a Served,
    dataset: &'a Rc<Dataset>,
    plan: &'a Plan,
    comparisons: Vec<Contender>,
}

impl Run<'_> {
    /// Gives each contender a turn in every round, in rotating order.
    async fn alternate(&mut self, connections: usize, contenders: &[(Case, Side)]) -> Result<()> {
        let names: Vec<_> =
            contenders.iter().map(|(case, side)| format!("{case:?} of the {side:?}")).collect();
        eprintln!("{:?}: {}, {connections} connections", self.testbed.kind, names.join(", "));
        let mut turns = Vec::new();
        for (case, side) in contenders {
            let (total, rounds) = (Figures::none()?, Vec::new());
            turns.push(Contender { case: *case, side: *side, connections, total, rounds });
        }
        for _ in 0..self.plan.rounds {
            turns.rotate_left(1);
            for contender in &mut turns {
                let served = self.side(contender.side);
                let actors = contender.case.actors(contender.side, connections, self.dataset);
                let figures = round(served.0, actors, self.plan.phases, &served.1).await?;
                contender.rounds.push(figures.rate());
                contender.total.add(&figures)?;
            }
        }
        turns.sort_by_key(|contender| contenders.iter().position(|c| *c == (contender.case, contender.side)));
        self.comparisons.extend(turns);
        Ok(())
    }

    fn side(&self, side: Side) -> (std::net::SocketAddr, Meter) {
        let served = match side {
            Side::Server => self.served,
            Side::Floor => self.floor,
        };
        (served.address, self.testbed.meter(served))
    }
}
