//! Reports the results as Markdown.

pub mod machine;
mod targets;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::instances::Instances;
use crate::load::Figures;
use crate::load::cases::Side;
use crate::load::flood::Origin;
use crate::load::hostile::Hostile;
use crate::load::sockets::Delivery;
use crate::results::{Contender, Results, Start};
use crate::{Kind, Result};

const ABOUT: &str = include_str!("about.md");
/// Authors write the part of the document after this line, and a run keeps that part.
const NOTES: &str = "## Notes\n";

/// The quantile of the delays in milliseconds.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn ms(delays: &Histogram<u64>, part: f64) -> f64 {
    delays.value_at_quantile(part) as f64 / 1_000.0
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}

/// The report without the notes.
pub fn text(machine: &[(&str, String)], results: &[Results], took: Duration) -> String {
    // Writing to a string does not fail.
    let mut out = String::from("# Benchmarks\n\n");
    let _ = writeln!(out, "{}", ABOUT.trim_end());
    let _ = writeln!(out, "\n## Measured on\n\n| | |\n|---|---|");
    for (name, value) in machine {
        let _ = writeln!(out, "| {name} | {value} |");
    }
    for result in results {
        let _ = writeln!(out, "| database | {}, {:.0} MiB filled |", result.version, mib(result.size));
    }
    let _ = writeln!(out, "| the run | {:.1} minutes |", took.as_secs_f64() / 60.0);
    targets_table(&mut out, results);
    for result in results {
        database(&mut out, result);
    }
    out
}

fn targets_table(out: &mut String, results: &[Results]) {
    let _ = writeln!(out, "\n## Targets\n\n| target | database | measured | |\n|---|---|---|---|");
    for result in results {
        for verdict in targets::verdicts(result) {
            let met = if verdict.met { "met" } else { "**missed**" };
            let _ = writeln!(
                out,
                "| {} | {} | {} | {met} |",
                verdict.target,
                name(result.kind),
                verdict.measured
            );
        }
    }
}

const fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => "SQLite",
        Kind::Postgres => "PostgreSQL",
    }
}

fn database(out: &mut String, results: &Results) {
    let _ = writeln!(out, "\n## {}", name(results.kind));
    if !results.comparisons.is_empty() {
        let _ = writeln!(
            out,
            "\n| request | connections | program | req/s | p50 ms | p95 ms | p99 ms | CPU µs, HTTP process | CPU µs, database | \
             × floor (rounds) |\n|---|--:|---|--:|--:|--:|--:|--:|--:|--:|"
        );
    }
    for contender in &results.comparisons {
        row(out, results, contender);
    }
    deliveries(out, results);
    instances(out, results);
    floods(out, results);
    hostile(out, results);
    if let Some(Start { healthy, idle_memory, final_memory }) = &results.start {
        let median = healthy.get(healthy.len() / 2).copied().unwrap_or_default();
        let slowest = healthy.last().copied().unwrap_or_default();
        let _ = writeln!(
            out,
            "\nWith this database the server is healthy {:.0} ms after its start (median of {}; the slowest start took {:.0} ms). \
             It uses {:.1} MiB of resident memory when idle and {:.0} MiB after all of the above.",
            median.as_secs_f64() * 1e3,
            healthy.len(),
            slowest.as_secs_f64() * 1e3,
            mib(*idle_memory),
            mib(*final_memory)
        );
    }
}

fn row(out: &mut String, results: &Results, contender: &Contender) {
    let Contender { case, side, connections, total, .. } = contender;
    let program = match side {
        Side::Server => "server",
        Side::Floor => "floor",
    };
    let ratio = match side {
        Side::Server => against_floor(results, contender),
        Side::Floor => String::new(),
    };
    let database = match results.kind {
        Kind::Sqlite => "included".to_owned(),
        Kind::Postgres => format!("{:.0}", total.per_request(total.database)),
    };
    let _ = writeln!(
        out,
        "| {} | {connections} | {program} | {:.0} | {:.2} | {:.2} | {:.2} | {:.0} | {database} | {ratio} |",
        case.name(),
        total.rate(),
        total.quantile(0.5),
        total.quantile(0.95),
        total.quantile(0.99),
        total.per_request(total.http),
    );
}

const DELAYS: &str = "patches/s | p50 ms | p95 ms | p99 ms | slowest ms";

fn deliveries(out: &mut String, results: &Results) {
    if !results.deliveries.is_empty() {
        let _ = writeln!(
            out,
            "\n| events to 1,000 sockets: patching connections | {DELAYS} | server's memory |\n|--:|--:|--:|--:|--:|--:|--:|"
        );
    }
    for delivery in &results.deliveries {
        let _ = writeln!(out, "| {}", delays(delivery));
    }
}

/// The cells of a delivery: connections, rate, delays and memory.
fn delays(delivery: &Delivery) -> String {
    let part = |part| ms(&delivery.delay, part);
    format!(
        "{} | {:.0} | {:.2} | {:.2} | {:.2} | {:.2} | {:.0} MiB |",
        delivery.connections,
        delivery.patches.rate(),
        part(0.5),
        part(0.95),
        part(0.99),
        part(1.0),
        mib(delivery.memory)
    )
}

fn instances(out: &mut String, results: &Results) {
    let Some(Instances { deliveries, bus, promotions }) = &results.instances else { return };
    let _ = writeln!(
        out,
        "\n| events to 5,000 sockets: instances | patching connections | {DELAYS} | memory of the first |\n\
         |--:|--:|--:|--:|--:|--:|--:|--:|"
    );
    for (instances, delivery) in deliveries {
        let _ = writeln!(out, "| {instances} | {}", delays(delivery));
    }
    let _ = writeln!(
        out,
        "\n| patches on 16 connections, medians of nine turns | patches/s | p50 ms | p99 ms | CPU µs, server | CPU µs, database |\n\
         |---|--:|--:|--:|--:|--:|"
    );
    for (name, turns) in ["announced to a second instance", "without the bus"].into_iter().zip(bus) {
        let median = |figure: &dyn Fn(&Figures) -> f64| {
            let mut figures: Vec<_> = turns.iter().map(figure).collect();
            figures.sort_by(f64::total_cmp);
            targets::median(&figures).unwrap_or_default()
        };
        let _ = writeln!(
            out,
            "| {name} | {:.0} | {:.2} | {:.2} | {:.0} | {:.0} |",
            median(&Figures::rate),
            median(&|turn| turn.quantile(0.5)),
            median(&|turn| turn.quantile(0.99)),
            median(&|turn| turn.per_request(turn.http)),
            median(&|turn| turn.per_request(turn.database)),
        );
    }
    let seconds: Vec<_> = promotions.iter().map(|took| format!("{:.2}", took.as_secs_f64())).collect();
    let _ = writeln!(
        out,
        "\nThe primary was killed and a synchronous standby promoted: the first write was accepted {} s after the order to promote.",
        seconds.join(", ")
    );
}

fn floods(out: &mut String, results: &Results) {
    if !results.floods.is_empty() {
        let _ = writeln!(
            out,
            "\n| 16 connections list 50 todos while 200 guess a password every second | lists/s, quiet | lists/s, flooded | p99 ms, quiet | \
             p99 ms, flooded | × quiet p99 | responses to guesses |\n|---|--:|--:|--:|--:|--:|---|"
        );
    }
    for flood in &results.floods {
        let origin = match flood.origin {
            Origin::One => "one address",
            Origin::Everywhere => "an address and an account per guess",
        };
        let answers: Vec<_> =
            flood.answers.iter().map(|(status, count)| format!("{count} × {status}")).collect();
        let _ = writeln!(
            out,
            "| {origin} | {:.0} | {:.0} | {:.2} | {:.2} | **{:.2}** | {} |",
            flood.quiet.rate(),
            flood.flooded.rate(),
            flood.quiet.quantile(0.99),
            flood.flooded.quantile(0.99),
            targets::slowdown(flood),
            answers.join(", ")
        );
    }
}

fn hostile(out: &mut String, results: &Results) {
    if !results.hostile.is_empty() {
        let _ = writeln!(
            out,
            "\n| one account makes, on 30 connections | others' lists: p99 ms, quiet | attacked | × | others' writes: p99 ms, quiet | \
             attacked | × | refused | memory | responses to the account |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|---|"
        );
    }
    for Hostile { attack, quiet, attacked, answers, grown } in &results.hostile {
        let answers: Vec<_> = answers.iter().map(|(status, count)| format!("{count} × {status}")).collect();
        let _ = write!(out, "| {} ", attack.name());
        for (quiet, attacked) in [(&quiet.lists, &attacked.lists), (&quiet.writes, &attacked.writes)] {
            let [quiet, attacked] = [quiet, attacked].map(|rounds| {
                let mut rounds = rounds.clone();
                rounds.sort_by(f64::total_cmp);
                targets::median(&rounds).unwrap_or_default()
            });
            let _ = write!(out, "| {quiet:.2} | {attacked:.2} | **{:.2}** ", attacked / quiet.max(1e-3));
        }
        let _ = writeln!(
            out,
            "| {} | +{:.0} MiB | {} |",
            quiet.refused + attacked.refused,
            mib(*grown),
            answers.join(", ")
        );
    }
}

/// The ratio of the server's rate to the baseline's: the median of all rounds, and the range.
fn against_floor(results: &Results, contender: &Contender) -> String {
    let ratios = targets::rounds_to_floor(results, contender.case, contender.connections).unwrap_or_default();
    let (Some(median), [least, .., greatest]) = (targets::median(&ratios), &ratios[..]) else {
        return String::new();
    };
    format!("**{median:.2}** ({least:.2}–{greatest:.2})")
}

/// Writes the document and keeps its notes.
pub fn write(text: &str) -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/benchmarks.md");
    let old = fs::read_to_string(&path).unwrap_or_default();
    let notes = old.find(NOTES).map_or(NOTES, |at| &old[at..]);
    fs::write(path, format!("{text}\n{notes}"))?;
    Ok(())
}
