//! Ten thousand simulations. A failing seed is printed. `SIMULATION_SEED=<seed> cargo test -p
//! domain-testkit --test simulation` repeats it, and `SIMULATION_SEEDS=<count>` runs another number
//! of seeds.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use domain_testkit::simulation::{Report, run};
use futures_util::FutureExt;

const SEEDS: u64 = 10_000;
const THREADS: [u64; 2] = [0, 1];

#[test]
fn devices_agree_and_lose_nothing_whatever_the_network_does() {
    if let Some(seed) = setting("SIMULATION_SEED") {
        println!("seed {seed}: {:#?}", simulate(seed));
        return;
    }
    let seeds = setting("SIMULATION_SEEDS").unwrap_or(SEEDS);
    let mut report = Report::default();
    thread::scope(|scope| {
        let part = |first| scope.spawn(move || simulate_all((first..seeds).step_by(THREADS.len())));
        for part in THREADS.map(part) {
            report.add(&part.join().expect("a simulation failed; its seed is above"));
        }
    });
    println!("{seeds} seeds: {report:#?}");
    let Report { stats, faults, accepted } = report;
    let counts = [
        accepted,
        stats.conflicts,
        stats.dropped,
        stats.rejected,
        stats.pages,
        stats.merged,
        faults.lost,
        faults.unanswered,
        faults.repeated,
        faults.late,
        faults.refused,
    ];
    assert!(
        seeds < 100 || counts.iter().all(|count| *count > 0),
        "the simulation covers every case: {report:?}"
    );
}

#[test]
fn a_seed_determines_everything() {
    for seed in 0..20 {
        assert_eq!(format!("{:?}", simulate(seed)), format!("{:?}", simulate(seed)));
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}

fn simulate(seed: u64) -> Report {
    let Some(report) = run(seed).now_or_never() else { panic!("a simulation in process never waits") };
    report
}

fn simulate_all(seeds: impl Iterator<Item = u64>) -> Report {
    let mut report = Report::default();
    for seed in seeds {
        let Ok(one) = catch_unwind(AssertUnwindSafe(|| simulate(seed))) else {
            panic!(
                "seed {seed} failed: SIMULATION_SEED={seed} cargo test -p domain-testkit --test simulation"
            )
        };
        report.add(&one);
    }
    report
}
