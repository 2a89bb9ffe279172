//! Simulations of devices that sync, over many seeds.
//!
//! By default, the scenarios of [`OFTEN`] run 10,000 seeds and the others of [`Scenario::EVERY`] 500. This
//! runs 10,000 seeds of each, in minutes:
//!
//! `CARGO_PROFILE_DEV_OPT_LEVEL=2 SIMULATION_SEEDS=10000 cargo test -p domain-testkit --test simulation`
//!
//! More in the environment:
//! - `SIMULATION_SCENARIO=alone` runs one scenario only
//! - `SIMULATION_SEED=7` runs one seed only, and prints what happened
//!
//! A failing seed is printed with the fewest steps that still fail.

#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::thread;
use std::time::Instant;

use domain_testkit::simulation::scenario::Scenario;
use domain_testkit::simulation::trace::Trace;
use domain_testkit::simulation::{Report, Run};
use futures_util::FutureExt;

/// The scenarios of the two main laws, and the one whose law fails most quietly: a device alone meets no
/// conflict, several devices lose no edit silently, and epochs that lose nothing cost nothing.
const OFTEN: [&str; 3] = ["alone", "plain", "epochs"];
const THREADS: usize = 2;

#[test]
fn devices_agree_and_lose_nothing_whatever_happens() {
    let scenarios = match std::env::var("SIMULATION_SCENARIO") {
        Ok(name) => vec![Scenario::named(&name).unwrap_or_else(|| panic!("no scenario is named {name}"))],
        Err(_) => Scenario::EVERY.to_vec(),
    };
    let seeds = |scenario: Scenario| {
        if let Some(seed) = setting("SIMULATION_SEED") {
            return seed..seed + 1;
        }
        let usual = if OFTEN.contains(&scenario.name) { 10_000 } else { 500 };
        0..setting("SIMULATION_SEEDS").unwrap_or(usual)
    };
    let print = take_hook();
    set_hook(Box::new(|_| {}));
    let results = scenarios.iter().map(|scenario| (*scenario, run_all(*scenario, seeds(*scenario))));
    let results: Vec<_> = results.collect();
    set_hook(print);
    let mut failures = Vec::new();
    for (scenario, outcome) in results {
        println!("{}: {:#?}", scenario.name, outcome.report);
        println!(
            "{}: {} seeds, {:.0} a second, {} failed",
            scenario.name,
            outcome.report.seeds,
            outcome.rate,
            outcome.failed.len()
        );
        if !outcome.failed.is_empty() {
            println!(
                "{}: failed seeds {:?}",
                scenario.name,
                outcome.failed.iter().map(|run| run.seed).collect::<Vec<_>>()
            );
        }
        failures.extend(outcome.failed.first().map(explain));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn a_seed_determines_everything() {
    for scenario in Scenario::EVERY {
        for seed in 0..5 {
            let trace = || {
                let trace = Trace::recording();
                perform(&Run::of(scenario, seed), trace.clone());
                trace.lines()
            };
            assert_eq!(trace(), trace());
        }
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}

fn perform(run: &Run, trace: Trace) -> Report {
    run.perform(trace).now_or_never().expect("a simulation in process never waits")
}

/// The result of the seeds of one scenario.
#[derive(Default)]
struct Outcome {
    report: Report,
    failed: Vec<Run>,
    rate: f64,
}

fn run_all(scenario: Scenario, seeds: std::ops::Range<u64>) -> Outcome {
    let mut outcome = Outcome::default();
    let started = Instant::now();
    thread::scope(|scope| {
        let part = |first| {
            let seeds = seeds.clone().skip(first).step_by(THREADS);
            scope.spawn(move || {
                seeds.map(|seed| Run::of(scenario, seed)).map(|run| (fails(&run), run)).collect()
            })
        };
        let parts: Vec<_> = (0..THREADS).map(part).collect();
        for part in parts {
            let results: Vec<(Result<Report, String>, Run)> = part.join().expect("failures are caught");
            for (result, run) in results {
                match result {
                    Ok(report) => outcome.report.add(&report),
                    Err(_) => outcome.failed.push(run),
                }
            }
        }
    });
    let count = f64::from(u32::try_from(seeds.end - seeds.start).expect("not that many"));
    outcome.rate = count / started.elapsed().as_secs_f64();
    outcome.failed.sort_unstable_by_key(|run| run.steps.len());
    outcome
}

/// Performs the run. The error is the message of the failure.
fn fails(run: &Run) -> Result<Report, String> {
    catch_unwind(AssertUnwindSafe(|| perform(run, Trace::default()))).map_err(|cause| {
        let text = cause.downcast_ref::<String>().cloned();
        text.or_else(|| cause.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
    })
}

/// The failure of the fewest steps that fail in the same way, with what happened in them.
fn explain(run: &Run) -> String {
    let kind = |run: &Run| fails(run).err().map(|message| kind_of(&message));
    let wanted = kind(run);
    let print = take_hook();
    set_hook(Box::new(|_| {}));
    let mut run = run.clone();
    for size in [16, 8, 4, 2, 1, 1] {
        let mut start = 0;
        while start < run.steps.len() {
            let mut shorter = run.clone();
            shorter.steps.drain(start..(start + size).min(run.steps.len()));
            if kind(&shorter) == wanted { run = shorter } else { start += size }
        }
    }
    let message = fails(&run).err().unwrap_or_default();
    let trace = Trace::recording();
    let _: Result<_, _> = catch_unwind(AssertUnwindSafe(|| perform(&run, trace.clone())));
    set_hook(print);
    format!(
        "{} {}: {message}\n  {}\n(SIMULATION_SCENARIO={} SIMULATION_SEED={} cargo test -p domain-testkit --test simulation)",
        run.scenario.name,
        run.seed,
        trace.lines().join("\n  "),
        run.scenario.name,
        run.seed
    )
}

/// What a message is about, without its details.
fn kind_of(message: &str) -> String {
    const KINDS: [&str; 6] =
        ["lost silently", "comes back silently", "holds", "repairs", "conflict", "left to send"];
    let kind = KINDS.into_iter().find(|kind| message.contains(kind));
    kind.map_or_else(|| message.chars().take(30).collect(), str::to_owned)
}
