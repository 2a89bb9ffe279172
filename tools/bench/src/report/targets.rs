//! What is to be reached, and whether it is.

use crate::load::cases::{Case, Side};
use crate::load::flood::Flood;
use crate::run::{Contest, Measured};

/// One target on one database.
pub struct Verdict {
    pub wanted: &'static str,
    pub got: String,
    pub met: bool,
}

/// Every target whose figures are there.
pub fn verdicts(measured: &Measured) -> Vec<Verdict> {
    let patches = match measured.kind {
        crate::Kind::Sqlite => ("versioned patch at 64 connections: at least 2.5 × the floor", 2.5),
        crate::Kind::Postgres => ("versioned patch at 64 connections: at least 1.5 × the floor", 1.5),
    };
    [
        ratio(measured, Case::Get, &[16, 64], "one todo: at least 0.8 × the floor", 0.8),
        ratio(measured, Case::List, &[16, 64], "list of 50: at least 0.8 × the floor", 0.8),
        ratio(measured, Case::Patch, &[64], patches.0, patches.1),
        sync(measured),
        tasks(measured),
        events(measured),
        floods(measured),
        idle(measured),
        start(measured),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// How often the server's requests a second are the floor's, of each round, in ascending order.
pub fn rounds_to_floor(measured: &Measured, case: Case, connections: usize) -> Option<Vec<f64>> {
    let server = contest(measured, case, Side::Server, connections)?;
    let floor = contest(measured, case, Side::Floor, connections)?;
    let mut ratios: Vec<_> =
        server.rounds.iter().zip(&floor.rounds).map(|(own, floor)| own / floor).collect();
    ratios.sort_unstable_by(f64::total_cmp);
    Some(ratios)
}

/// The one in the middle: what else the machine does in a round or two does not move it.
pub fn median(ascending: &[f64]) -> Option<f64> {
    ascending.get(ascending.len() / 2).copied()
}

fn contest(measured: &Measured, case: Case, side: Side, connections: usize) -> Option<&Contest> {
    let same =
        |contest: &&Contest| (contest.case, contest.side, contest.connections) == (case, side, connections);
    measured.contests.iter().find(same)
}

fn ratio(
    measured: &Measured,
    case: Case,
    connections: &[usize],
    wanted: &'static str,
    least: f64,
) -> Option<Verdict> {
    let got: Option<Vec<_>> = connections
        .iter()
        .map(|count| Some((count, median(&rounds_to_floor(measured, case, *count)?)?)))
        .collect();
    let got = got?;
    let met = got.iter().all(|(_, ratio)| *ratio >= least);
    let got = got.iter().map(|(count, ratio)| format!("{ratio:.2} at {count}")).collect::<Vec<_>>();
    Some(Verdict { wanted, got: got.join(", "), met })
}

/// A sync and a patch each alone on the machine; the others show what the same costs where patches share their commits.
fn sync(measured: &Measured) -> Option<Verdict> {
    let got: Option<Vec<_>> = [1, 16, 64]
        .into_iter()
        .map(|count| {
            let patch = contest(measured, Case::Patch, Side::Server, count)?;
            let sync = contest(measured, Case::Sync, Side::Server, count)?;
            Some((count, patch.total.rate() / sync.total.rate()))
        })
        .collect();
    let got = got?;
    let met = got.first().is_some_and(|(_, times)| *times <= 10.0);
    let got = got.iter().map(|(count, times)| format!("{times:.1} at {count}")).collect::<Vec<_>>();
    Some(Verdict {
        wanted: "sync of 100 changes, alone on one connection: at most 10 × a patch",
        got: got.join(", "),
        met,
    })
}

fn events(measured: &Measured) -> Option<Verdict> {
    let delays = measured.deliveries.iter().map(|delivery| super::ms(&delivery.delay, 0.99));
    let slowest = delays.reduce(f64::max)?;
    Some(Verdict {
        wanted: "events to 1,000 sockets: p99 at most 100 ms",
        got: format!("{slowest:.1} ms"),
        met: slowest <= 100.0,
    })
}

fn tasks(measured: &Measured) -> Option<Verdict> {
    let slowest = contest(measured, Case::Tasks, Side::Server, 1)?.total.quantile(0.99);
    Some(Verdict {
        wanted: "1,000 tasks, on one connection: p99 well under 500 ms",
        got: format!("{slowest:.1} ms"),
        met: slowest <= 250.0,
    })
}

/// How many times its quiet value the slowest hundredth takes in a flood.
pub fn slowdown(flood: &Flood) -> f64 {
    flood.flooded.quantile(0.99) / flood.quiet.quantile(0.99).max(1e-3)
}

fn floods(measured: &Measured) -> Option<Verdict> {
    let worst = measured.floods.iter().map(slowdown).reduce(f64::max)?;
    Some(Verdict {
        wanted: "lists while 200 connections guess passwords: p99 below 3 × its quiet value",
        got: format!("{worst:.2} ×"),
        met: worst < 3.0,
    })
}

fn idle(measured: &Measured) -> Option<Verdict> {
    let mib = super::mib(measured.start.as_ref()?.idle);
    Some(Verdict {
        wanted: "idle memory: at most 40 MB",
        got: format!("{mib:.1} MiB"),
        met: mib * 1.048_576 <= 40.0,
    })
}

fn start(measured: &Measured) -> Option<Verdict> {
    let slowest = measured.start.as_ref()?.healthy.last()?.as_secs_f64();
    Some(Verdict {
        wanted: "start to healthy: at most 0.5 s",
        got: format!("{:.0} ms, the slowest of five", slowest * 1e3),
        met: slowest <= 0.5,
    })
}
