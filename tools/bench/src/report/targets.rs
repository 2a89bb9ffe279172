//! The targets, and whether the results meet them.

use crate::load::cases::{Case, Side};
use crate::load::flood::Flood;
use crate::results::{Contender, Results};

/// One target on one database.
pub struct Verdict {
    pub target: &'static str,
    pub measured: String,
    pub met: bool,
}

/// The verdict on each target that was measured.
pub fn verdicts(results: &Results) -> Vec<Verdict> {
    let patches = match results.kind {
        crate::Kind::Sqlite => ("versioned patch at 64 connections: at least 2.5 × the floor", 2.5),
        crate::Kind::Postgres => ("versioned patch at 64 connections: at least 1.5 × the floor", 1.5),
    };
    [
        ratio(results, Case::Get, &[16, 64], "one todo: at least 0.8 × the floor", 0.8),
        ratio(results, Case::List, &[16, 64], "list of 50: at least 0.8 × the floor", 0.8),
        ratio(results, Case::Patch, &[64], patches.0, patches.1),
        sync(results),
        tasks(results),
        events(results),
        floods(results),
        idle(results),
        start(results),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The ratio of the server's rate to the baseline's in each round, ascending.
pub fn rounds_to_floor(results: &Results, case: Case, connections: usize) -> Option<Vec<f64>> {
    let server = contender(results, case, Side::Server, connections)?;
    let floor = contender(results, case, Side::Floor, connections)?;
    let mut ratios: Vec<_> =
        server.rounds.iter().zip(&floor.rounds).map(|(own, floor)| own / floor).collect();
    ratios.sort_unstable_by(f64::total_cmp);
    Some(ratios)
}

/// The median, which a disturbance of one or two rounds does not move.
pub fn median(ascending: &[f64]) -> Option<f64> {
    ascending.get(ascending.len() / 2).copied()
}

fn contender(results: &Results, case: Case, side: Side, connections: usize) -> Option<&Contender> {
    let same = |contender: &&Contender| {
        (contender.case, contender.side, contender.connections) == (case, side, connections)
    };
    results.comparisons.iter().find(same)
}

fn ratio(
    results: &Results,
    case: Case,
    connections: &[usize],
    target: &'static str,
    minimum: f64,
) -> Option<Verdict> {
    let got: Option<Vec<_>> = connections
        .iter()
        .map(|count| Some((count, median(&rounds_to_floor(results, case, *count)?)?)))
        .collect();
    let got = got?;
    let met = got.iter().all(|(_, ratio)| *ratio >= minimum);
    let got = got.iter().map(|(count, ratio)| format!("{ratio:.2} at {count}")).collect::<Vec<_>>();
    Some(Verdict { target, measured: got.join(", "), met })
}

/// Compares a sync with a patch, each alone on the machine. With more connections, patches share their commits.
fn sync(results: &Results) -> Option<Verdict> {
    let got: Option<Vec<_>> = [1, 16, 64]
        .into_iter()
        .map(|count| {
            let patch = contender(results, Case::Patch, Side::Server, count)?;
            let sync = contender(results, Case::Sync, Side::Server, count)?;
            Some((count, patch.total.rate() / sync.total.rate()))
        })
        .collect();
    let got = got?;
    let met = got.first().is_some_and(|(_, times)| *times <= 10.0);
    let got = got.iter().map(|(count, times)| format!("{times:.1} at {count}")).collect::<Vec<_>>();
    Some(Verdict {
        target: "sync of 100 changes, alone on one connection: at most 10 × a patch",
        measured: got.join(", "),
        met,
    })
}

fn events(results: &Results) -> Option<Verdict> {
    let delays = results.deliveries.iter().map(|delivery| super::ms(&delivery.delay, 0.99));
    let slowest = delays.reduce(f64::max)?;
    Some(Verdict {
        target: "events to 1,000 sockets: p99 at most 100 ms",
        measured: format!("{slowest:.1} ms"),
        met: slowest <= 100.0,
    })
}

fn tasks(results: &Results) -> Option<Verdict> {
    let slowest = contender(results, Case::Tasks, Side::Server, 1)?.total.quantile(0.99);
    Some(Verdict {
        target: "1,000 tasks on one connection: p99 at most 250 ms",
        measured: format!("{slowest:.1} ms"),
        met: slowest <= 250.0,
    })
}

/// The ratio of the 99th percentile in a flood to that without one.
pub fn slowdown(flood: &Flood) -> f64 {
    flood.flooded.quantile(0.99) / flood.quiet.quantile(0.99).max(1e-3)
}

fn floods(results: &Results) -> Option<Verdict> {
    let worst = results.floods.iter().map(slowdown).reduce(f64::max)?;
    Some(Verdict {
        target: "lists while 200 connections guess passwords: p99 below 3 × its quiet value",
        measured: format!("{worst:.2} ×"),
        met: worst < 3.0,
    })
}

fn idle(results: &Results) -> Option<Verdict> {
    let mib = super::mib(results.start.as_ref()?.idle_memory);
    Some(Verdict {
        target: "idle memory: at most 40 MB",
        measured: format!("{mib:.1} MiB"),
        met: mib * 1.048_576 <= 40.0,
    })
}

fn start(results: &Results) -> Option<Verdict> {
    let slowest = results.start.as_ref()?.healthy.last()?.as_secs_f64();
    Some(Verdict {
        target: "start to healthy: at most 0.5 s",
        measured: format!("{:.0} ms at most in five starts", slowest * 1e3),
        met: slowest <= 0.5,
    })
}
