//! One simulation of the domain in process, from a seed.

use std::time::Duration;

use super::Simulation;
use super::device::Device;
use super::disaster::Disasters;
use super::in_process::InProcess;
use super::laws;
use super::network::Faults;
use super::random::Random;
use super::scenario::Scenario;
use super::stats::DeviceStats;
use super::trace::Trace;

/// What happened in one or several simulations, as counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// The sum over all devices.
    pub stats: DeviceStats,
    pub faults: Faults,
    pub seeds: u64,
}

impl Report {
    /// Adds the counts of another report.
    pub const fn add(&mut self, other: &Self) {
        self.stats.add(&other.stats);
        self.faults.add(&other.faults);
        self.seeds += other.seeds;
    }
}

/// A simulation to run.
#[derive(Clone, Debug)]
pub struct Run {
    pub scenario: Scenario,
    pub seed: u64,
    /// The steps to perform. Each has random numbers of its own, so that the others do the same
    /// without it.
    pub steps: Vec<u64>,
}

impl Run {
    /// All steps of a seed.
    #[must_use]
    pub fn of(scenario: Scenario, seed: u64) -> Self {
        let steps = Random::new(seed).pick(&[12, 25, 50, 80]);
        Self { scenario, seed, steps: (0..steps).collect() }
    }

    /// Runs the simulation, and fails if a law does not hold.
    pub async fn perform(&self, trace: Trace) -> Report {
        let Self { scenario, seed, steps } = self;
        let mut random = Random::new(*seed);
        let server = InProcess::new(scenario.limits(&mut random)).await;
        let ghosts = server.ghosts.clone();
        let mut simulation = Simulation::new(server, &ghosts, scenario, trace, &mut random);
        let mut disasters = Disasters::default();
        for step in steps {
            let mut random = Random::for_step(*seed, *step);
            pass_time(&mut simulation, scenario, &mut random).await;
            disasters.happen(&mut simulation, scenario, &mut random);
            let now = simulation.network.server.now();
            simulation.step(&mut random, now).await;
        }
        let now = simulation.network.server.now();
        simulation.run_to_quiescence(&mut random, now).await;
        laws::check(&simulation, scenario);
        let mut report = Report { faults: simulation.network.faults, seeds: 1, ..Report::default() };
        for device in &simulation.devices {
            report.stats.add(&device.stats);
        }
        report
    }
}

/// Lets time pass, and another client change something.
async fn pass_time(simulation: &mut Simulation<InProcess>, scenario: &Scenario, random: &mut Random) {
    let server = &mut simulation.network.server;
    let days = |days: u64| Duration::from_hours(24 * days);
    match random.below(100) {
        0..4 => server.set_clock_back(Duration::from_secs(2)),
        // Nothing is promised of a repair that lasts longer than tombstones are kept.
        4..10 if scenario.away && !simulation.devices.iter().any(Device::is_repairing) => {
            server.pass_time(days(random.pick(&[8, 30, 60, 95]))).await;
            simulation.network.time_out();
        }
        _ => server.pass_time(Duration::from_micros(random.below(3_000_000))).await,
    }
    let server = &mut simulation.network.server;
    if !scenario.alone && random.chance(8) {
        server.change_from_elsewhere(&mut simulation.names, random).await;
    }
    let before = server.now().minus(InProcess::KEPT);
    simulation.devices.iter_mut().for_each(|device| device.forget_tombstones(before));
}
