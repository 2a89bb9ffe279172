//! Several instances on one PostgreSQL database: events to sockets of both, what the bus costs a
//! write, and how soon writes go on after a promotion.

use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use postgres_testbed::{Durability, PrivateCluster, Standby};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::Result;
use crate::client::Connection;
use crate::database::Testbed;
use crate::dataset::{Dataset, SECRET};
use crate::load::cases::{Case, Side, with_body};
use crate::load::sockets::{Delivery, Sockets, deliver};
use crate::load::{Figures, Phases, round};
use crate::process::Served;

/// The number of turns with the bus, and of those without.
const TURNS: usize = 9;
const WRITERS: usize = 16;
const PROMOTIONS: usize = 3;
/// Upper bound of the wait for a write after a promotion.
const TIMEOUT: Duration = Duration::from_mins(1);
/// An address at which no database listens.
const NOWHERE: &str = "postgres://nobody@127.0.0.1:1/nowhere";

/// The measurements.
pub struct Instances {
    /// Events to the same number of sockets; each with the number of instances.
    pub deliveries: Vec<(usize, Delivery)>,
    /// The turns of a server with the bus, and of one without.
    pub bus: [Vec<Figures>; 2],
    /// From the order to promote the standby to the first write that is accepted, each on a new
    /// cluster.
    pub promotions: Vec<Duration>,
}

/// Measures all of it. `first` serves the database of `testbed`.
pub async fn measure(
    testbed: &Testbed,
    first: &Served,
    dataset: &Rc<Dataset>,
    phases: Phases,
) -> Result<Instances> {
    eprintln!("{:?}: patches with and without the bus", testbed.kind);
    let bus = bus(testbed, first, dataset, phases).await?;
    eprintln!("{:?}: events to 5,000 sockets of one instance and of two", testbed.kind);
    let second = testbed.serve().await?;
    let mut deliveries = Vec::new();
    for instances in [&[first.address][..], &[first.address, second.address]] {
        let sockets = Sockets { instances, per_user: 5 };
        let delivered = deliver(sockets, dataset, &[1, 16], phases, &testbed.meter(first)).await?;
        deliveries.extend(delivered.into_iter().map(|delivery| (instances.len(), delivery)));
    }
    second.stop().await?;
    eprintln!("{:?}: promotions", testbed.kind);
    let mut promotions = Vec::new();
    for _ in 0..PROMOTIONS {
        promotions.push(promotion(testbed.server(), testbed.folder()).await?);
    }
    promotions.sort_unstable();
    Ok(Instances { deliveries, bus, promotions })
}

/// The same patches through a server that announces them to a second one, and through one that
/// can't reach the bus.
async fn bus(
    testbed: &Testbed,
    with: &Served,
    dataset: &Rc<Dataset>,
    phases: Phases,
) -> Result<[Vec<Figures>; 2]> {
    let without = testbed.serve_with(&[("DATABASE_LISTEN_URL", NOWHERE.to_owned())]).await?;
    let listening = testbed.serve().await?;
    let mut turns = [Vec::new(), Vec::new()];
    for _ in 0..TURNS {
        for (served, turns) in [with, &without].into_iter().zip(&mut turns) {
            let actors = Case::Patch.actors(Side::Server, WRITERS, dataset);
            turns.push(round(served.address, actors, phases, &testbed.meter(served)).await?);
        }
    }
    without.stop().await?;
    listening.stop().await?;
    Ok(turns)
}

/// Promotes a synchronous standby after the primary was killed, and writes until that is accepted.
async fn promotion(program: &Path, folder: &Path) -> Result<Duration> {
    let started = spawn_blocking(|| {
        let cluster = PrivateCluster::start(Durability::Full);
        let database = cluster.create_database("promotion");
        let standby = Standby::of(&cluster);
        standby.make_synchronous();
        let copy = standby.database(&database);
        (cluster, standby, database, copy)
    });
    let (cluster, standby, database, copy) = started.await?;
    let either = |url: &str, other: &str| -> Result<String> {
        let (start, name) = url.rsplit_once('/').ok_or("no name in the URL")?;
        let host =
            other.split_once('@').and_then(|(_, rest)| rest.split_once('/')).ok_or("no host in the URL")?;
        Ok(format!("{start},{}/{name}?target_session_attrs=read-write", host.0))
    };
    let settings = [
        ("SECRET_KEY", SECRET.to_owned()),
        ("DATABASE_URL", either(&database.app_url(), &copy.app_url())?),
        ("MIGRATION_DATABASE_URL", either(&database.owner_url(), &copy.owner_url())?),
    ];
    let served = Served::start(program, folder, &settings, |_| Vec::new()).await?;
    let mut connection = Connection::open(served.address).await?;
    let account = r#"{"email": "ann@example.com", "password": "Correct-Horse-7"}"#;
    let mut request = Vec::new();
    with_body(&mut request, format_args!("POST /api/v1/auth/register"), "", account);
    let registered = connection.exchange(&request).await?;
    registered.expect(201)?;
    let token = registered.quoted_after(r#""access_token":""#).ok_or("no token")?.to_owned();
    request.clear();
    let bearer = format!("Authorization: Bearer {token}\r\n");
    with_body(&mut request, format_args!("POST /api/v1/todos"), &bearer, r#"{"text": "Buy milk"}"#);
    connection.exchange(&request).await?.expect(201)?;

    let promoting = spawn_blocking(move || {
        cluster.stop_immediate();
        let ordered = Instant::now();
        standby.promote();
        (ordered, cluster, standby)
    });
    let (ordered, _cluster, _standby) = promoting.await?;
    while connection.exchange(&request).await?.status != 201 {
        if ordered.elapsed() > TIMEOUT {
            return Err("no write is accepted after the promotion".into());
        }
        sleep(Duration::from_millis(2)).await;
    }
    let took = ordered.elapsed();
    served.stop().await?;
    Ok(took)
}
