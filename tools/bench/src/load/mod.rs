//! The closed-loop load: connections that each have one request in flight at any time.

pub mod cases;
pub mod flood;
pub mod hostile;
pub mod sockets;

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::task::LocalSet;

use crate::Result;
use crate::client::{Answer, Connection};
use crate::process::Meter;

/// The behaviour of one connection.
pub trait Actor {
    /// Writes the next request.
    fn request(&mut self, out: &mut Vec<u8>);
    /// Checks the response. An error ends the benchmark.
    fn answered(&mut self, answer: &Answer<'_>) -> Result<()>;
    /// The pause before its next request.
    fn pause(&self) -> Duration {
        Duration::ZERO
    }
}

/// The measurements of one or more rounds.
#[derive(Clone)]
pub struct Figures {
    /// In microseconds.
    pub latency: Histogram<u64>,
    pub elapsed: Duration,
    /// Processor time of the HTTP process.
    pub http: Duration,
    /// Processor time of the database's processes.
    pub database: Duration,
}

impl Figures {
    pub fn none() -> Result<Self> {
        let latency = Histogram::new(3)?;
        let none = Duration::ZERO;
        Ok(Self { latency, elapsed: none, http: none, database: none })
    }

    pub fn add(&mut self, other: &Self) -> Result<()> {
        self.latency.add(&other.latency)?;
        self.elapsed += other.elapsed;
        self.http += other.http;
        self.database += other.database;
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub fn requests(&self) -> f64 {
        self.latency.len() as f64
    }

    pub fn rate(&self) -> f64 {
        self.requests() / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// A quantile of the latency in milliseconds.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub fn quantile(&self, part: f64) -> f64 {
        self.latency.value_at_quantile(part) as f64 / 1_000.0
    }

    /// Microseconds of `time` per request.
    pub fn per_request(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1e6 / self.requests().max(1.0)
    }
}

/// A phase of a round.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Warming,
    Measuring,
    Over,
}

/// The durations of the phases of a round.
#[derive(Clone, Copy)]
pub struct Phases {
    pub warm: Duration,
    pub measured: Duration,
}

/// Runs one round: each actor sends requests on its own connection.
pub async fn round(
    address: SocketAddr,
    actors: Vec<Box<dyn Actor>>,
    phases: Phases,
    meter: &Meter,
) -> Result<Figures> {
    let phase = Rc::new(Cell::new(Phase::Warming));
    let tasks = LocalSet::new();
    let running: Vec<_> =
        actors.into_iter().map(|actor| tasks.spawn_local(run(address, actor, phase.clone()))).collect();
    let measured = async {
        tokio::time::sleep(phases.warm).await;
        let (began, before) = (Instant::now(), meter.read()?);
        phase.set(Phase::Measuring);
        tokio::time::sleep(phases.measured).await;
        phase.set(Phase::Over);
        let (elapsed, after) = (began.elapsed(), meter.read()?);
        let mut figures = Figures::none()?;
        for task in running {
            figures.latency.add(task.await??)?;
        }
        figures.elapsed = elapsed;
        figures.http = after.http.saturating_sub(before.http);
        figures.database = after.database.saturating_sub(before.database);
        Ok(figures)
    };
    tasks.run_until(measured).await
}

async fn run(
    address: SocketAddr,
    mut actor: Box<dyn Actor>,
    phase: Rc<Cell<Phase>>,
) -> Result<Histogram<u64>> {
    let mut latency = Histogram::new(3)?;
    let mut connection = Connection::open(address).await?;
    let mut request = Vec::new();
    while phase.get() != Phase::Over {
        request.clear();
        actor.request(&mut request);
        let (sent, sent_in) = (Instant::now(), phase.get());
        let answer = connection.exchange(&request).await?;
        let took = sent.elapsed();
        actor.answered(&answer)?;
        if sent_in == Phase::Measuring && phase.get() == Phase::Measuring {
            latency.record(u64::try_from(took.as_micros())?)?;
        }
        if !actor.pause().is_zero() {
            tokio::time::sleep(actor.pause()).await;
        }
    }
    Ok(latency)
}
