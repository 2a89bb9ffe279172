//! A simulation of one user's devices on a faulty network.
//!
//! Devices edit todos offline and sync. The network loses requests and answers, repeats requests
//! and delivers them late and out of order; clocks are skewed and set back; other clients change
//! todos in between. A seed determines the whole run, so that a failing run can be repeated.
//!
//! # Properties
//!
//! A run fails unless all of these hold:
//!
//! - **Convergence.** Once the network is reliable and the devices have synced, every device holds
//!   exactly the todos that the server sends to a new device ([`Simulation::assert_converged`]).
//! - **Completeness.** After each answer, a device holds every change up to its cursor.
//! - **No lost acknowledgement.** Every value that the server acknowledged is in the version that
//!   it acknowledged, and the stored todos are the last accepted versions ([`history`]).
//! - **No silent overwrite.** No change replaces a value that it did not know, unless the strategy
//!   permits it, and no accepted edit is hidden in a tombstone ([`history`]).
//! - **One outcome.** Each edit ends in exactly one way: accepted, dropped by the user after a
//!   conflict, or rejected.
//! - **Events.** Each accepted change is published once, in stamp order.
//! - **Progress.** Each page advances the cursor, stamps and versions rise, and the devices have
//!   nothing left to send after a bounded number of rounds.
//!
//! # Parts
//!
//! - [`wire`]: the messages; a test over HTTP implements [`wire::Server`] to run the same devices
//! - [`device`], [`profile`], [`user`]: the devices, how they differ, and what their users do
//! - [`network`]: the faults
//! - [`in_process`], [`recording_store`], [`history`]: the server in process, and the checks on its
//!   record
//! - [`stats`], [`random`]: counts, and the random numbers
//!
//! Deliberately absent: the machine's clock, and any source of randomness other than the seed.

pub mod device;
pub mod history;
pub mod in_process;
pub mod network;
pub mod profile;
pub mod random;
pub mod recording_store;
pub mod stats;
pub mod user;
pub mod wire;

use std::collections::BTreeMap;

use domain::{Clock, Stamp, TodoId};

use self::device::Device;
use self::history::{History, holds};
use self::in_process::InProcess;
use self::network::{Faults, Network};
use self::profile::Profile;
use self::random::Random;
use self::stats::DeviceStats;
use self::user::{Ids, act};
use self::wire::{Lost, Reply, Row, Server};

/// Devices that are used and sync, one step at a time.
pub struct Simulation<S> {
    pub network: Network<S>,
    pub devices: Vec<Device>,
    ids: Ids,
    random: Random,
}

impl<S: Server> Simulation<S> {
    /// The number of rounds after which the devices must have nothing left to send.
    const MAX_ROUNDS: usize = 100;

    /// Two to five devices of arbitrary profiles on `server`.
    pub fn new(server: S, mut random: Random) -> Self {
        let count = 2 + usize::try_from(random.below(4)).expect("a small number");
        let devices = (0..count).map(|number| Device::new(Profile::any(number, &mut random))).collect();
        Self { network: Network::new(server), devices, ids: Ids::default(), random }
    }

    /// Performs one step: a user edits, a device syncs, or a late request arrives. `now` is the
    /// server's time. Returns the index of the device that got an answer.
    pub async fn step(&mut self, now: Stamp) -> Option<usize> {
        let count = self.devices.len() as u64;
        let index = usize::try_from(self.random.below(count)).expect("an index");
        match self.random.below(100) {
            0..50 => {
                act(&mut self.devices[index], &mut self.ids, &mut self.random, now);
                None
            }
            50..92 => self.exchange(index).await.then_some(index),
            _ => {
                self.network.deliver_late(&mut self.random).await;
                None
            }
        }
    }

    /// Makes the network reliable, and lets the devices sync until they have nothing left to send
    /// or to learn.
    pub async fn run_to_quiescence(&mut self) {
        self.network.become_reliable(&mut self.random).await;
        for _ in 0..Self::MAX_ROUNDS {
            let before: Vec<_> = self.devices.iter().map(Device::cursor).collect();
            for index in 0..self.devices.len() {
                self.exchange(index).await;
            }
            let after: Vec<_> = self.devices.iter().map(Device::cursor).collect();
            if before == after && self.devices.iter().all(Device::is_quiet) {
                return;
            }
        }
        panic!("the devices always have something left to send: {:#?}", self.devices);
    }

    /// Reads the server's todos through a new device, and fails if another device holds anything
    /// else.
    pub async fn assert_converged(&mut self) -> BTreeMap<TodoId, Row> {
        let index = self.devices.len();
        self.devices.push(Device::new(Profile { limit: 3, ..Profile::any(index, &mut self.random) }));
        while self.devices[index].is_behind() {
            assert!(self.exchange(index).await, "the network is reliable");
        }
        let new = self.devices.pop().expect("the device was pushed above");
        for device in &self.devices {
            let profile = &device.profile;
            assert_equal(new.rows(), device.rows(), profile);
            assert_equal(new.rows(), &device.view(), profile);
            let DeviceStats { made, accepted, dropped, rejected, .. } = device.stats;
            assert_eq!(made, accepted + dropped + rejected, "each edit ends in one way: {profile:?}");
        }
        new.rows().clone()
    }

    /// Whether the device got its answer.
    async fn exchange(&mut self, index: usize) -> bool {
        let device = &mut self.devices[index];
        let request = device.request();
        match self.network.exchange(&request, &mut self.random).await {
            Ok(Reply::Done(answer)) => {
                device.take(&request, answer);
                true
            }
            Ok(Reply::ResyncRequired) => {
                device.resync();
                false
            }
            Err(Lost) => false,
        }
    }
}

fn assert_equal(server: &BTreeMap<TodoId, Row>, held: &BTreeMap<TodoId, Row>, by: &Profile) {
    assert!(
        server.len() == held.len() && server.values().zip(held.values()).all(|(a, b)| a.equals(b)),
        "the server holds {server:#?} and {by:?} holds {held:#?}"
    );
}

/// What happened in one or several simulations, as counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// The sum over all devices.
    pub stats: DeviceStats,
    pub faults: Faults,
    /// Accepted changes.
    pub accepted: u64,
}

impl Report {
    /// Adds the counts of another report.
    pub fn add(&mut self, other: &Self) {
        self.stats.add(&other.stats);
        self.faults.add(&other.faults);
        self.accepted += other.accepted;
    }
}

/// Runs one simulation of the domain in process, and fails if a property does not hold.
pub async fn run(seed: u64) -> Report {
    let mut random = Random::new(seed);
    let server = InProcess::new(random.pick(&[4, 1000, 1000, 1000])).await;
    let mut simulation = Simulation::new(server, Random::new(random.next()));
    for _ in 0..30 + random.below(60) {
        let server = &simulation.network.server;
        server.pass_time(&mut random);
        if random.chance(8) {
            server.change_from_elsewhere(&mut random).await;
        }
        let now = server.clock().now();
        if let Some(index) = simulation.step(now).await {
            assert_up_to_date(&simulation.devices[index], &simulation.network.server.rows().await);
        }
    }
    simulation.run_to_quiescence().await;
    let rows = simulation.assert_converged().await;
    let server = &simulation.network.server;
    let history = History::of(&server.recorder.records());
    let last = history.versions.keys().filter_map(|id| history.last(*id)).map(|todo| Row::from(&**todo));
    assert_eq!(rows, last.map(|row| (row.id, row)).collect(), "the last accepted versions are stored");
    let published: Vec<_> = server.bus.so_far(server.user).into_iter().map(|event| event.todo).collect();
    assert_eq!(published, history.accepted, "each accepted change is published once and in order");
    let mut report = Report { faults: simulation.network.faults, ..Report::default() };
    report.accepted = history.accepted.len() as u64;
    for device in &simulation.devices {
        report.stats.add(&device.stats);
        for acknowledged in device.acknowledged.iter().filter(|acknowledged| acknowledged.version > 0) {
            let version = usize::try_from(acknowledged.version - 1).expect("an index");
            let stored = &history.versions[&acknowledged.id][version];
            let kept = holds(stored, &acknowledged.fields);
            assert!(kept, "{acknowledged:?} was acknowledged, but {stored:?} is stored");
        }
    }
    report
}

/// Fails if a device that was just answered lacks a change up to its cursor. `all` is what the
/// server holds.
fn assert_up_to_date(device: &Device, all: &BTreeMap<TodoId, Row>) {
    let profile = &device.profile;
    for row in all.values().filter(|row| row.updated_at <= device.cursor()) {
        let held = device.rows().get(&row.id);
        let knows = held.is_some_and(|held| held.equals(row)) || device.awaits(row.id);
        assert!(knows, "{profile:?} holds {held:?} instead of {row:?}");
    }
    assert!(device.rows().keys().all(|id| all.contains_key(id)), "{profile:?} holds a todo that never was");
    let complete = all.values().all(|row| row.updated_at <= device.cursor());
    assert!(complete || device.is_behind(), "{profile:?} lacks a change and does not know it");
}
