//! Many devices of one user, a bad network between them and the server, and the proof that they all end up with the same todos
//! and that nothing acknowledged was lost on the way.
//!
//! - [`wire`]: what devices and server say; [`wire::Server`] is what a test over HTTP implements to run the same devices
//! - [`device`], [`habits`]: the devices and their users
//! - [`tally`]: what devices remember for the tests
//! - [`network`]: what goes wrong between them and the server
//! - [`local`], [`recorder`], [`history`]: the server in process, and what its record has to show
//!
//! A seed determines everything: no clock of the machine and no other source of chance is asked.

pub mod device;
pub mod habits;
pub mod history;
pub mod local;
pub mod network;
pub mod random;
pub mod recorder;
pub mod tally;
pub mod wire;

use std::collections::BTreeMap;

use domain::{Clock, Stamp, TodoId};

use self::device::Device;
use self::habits::{Habits, Ids, act};
use self::history::{History, holds};
use self::local::Local;
use self::network::{Faults, Network};
use self::random::Random;
use self::tally::Tally;
use self::wire::{Lost, Reply, Row, Server};

/// Devices that work and sync, one step at a time.
pub struct Simulation<S> {
    /// What lies between the devices and the server.
    pub network: Network<S>,
    /// The devices.
    pub devices: Vec<Device>,
    ids: Ids,
    random: Random,
}

impl<S: Server> Simulation<S> {
    /// How often all devices may take turns before they have to be quiet.
    const PATIENCE: usize = 100;

    /// Two to five devices of whatever habits on `server`.
    pub fn new(server: S, mut random: Random) -> Self {
        let count = 2 + usize::try_from(random.below(4)).expect("a small number");
        let devices = (0..count).map(|number| Device::new(Habits::any(number, &mut random))).collect();
        Self { network: Network::new(server), devices, ids: Ids::default(), random }
    }

    /// One of the devices is used, or syncs, or a request that was under way arrives. Gives the device that got an answer.
    /// `now` is the server's time.
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

    /// Mends the network and lets the devices sync until none of them has anything to say or to learn.
    pub async fn heal(&mut self) {
        self.network.heal(&mut self.random).await;
        for _ in 0..Self::PATIENCE {
            let before: Vec<_> = self.devices.iter().map(Device::cursor).collect();
            for index in 0..self.devices.len() {
                self.exchange(index).await;
            }
            let after: Vec<_> = self.devices.iter().map(Device::cursor).collect();
            if before == after && self.devices.iter().all(Device::is_quiet) {
                return;
            }
        }
        panic!("the devices never fall quiet: {:#?}", self.devices);
    }

    /// What the server holds, shown to a device that was never seen before; fails where another device holds anything else.
    pub async fn agreed(&mut self) -> BTreeMap<TodoId, Row> {
        let index = self.devices.len();
        self.devices.push(Device::new(Habits { limit: 3, ..Habits::any(index, &mut self.random) }));
        while self.devices[index].is_behind() {
            assert!(self.exchange(index).await, "the network is healed");
        }
        let fresh = self.devices.pop().expect("was pushed above");
        for device in &self.devices {
            let name = &device.habits;
            agree(fresh.rows(), device.rows(), name);
            agree(fresh.rows(), &device.view(), name);
            let Tally { made, accepted, dropped, rejected, .. } = device.tally;
            assert_eq!(made, accepted + dropped + rejected, "each edit comes to one end: {name:?}");
        }
        fresh.rows().clone()
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

fn agree(all: &BTreeMap<TodoId, Row>, held: &BTreeMap<TodoId, Row>, by: &Habits) {
    assert!(
        all.len() == held.len() && all.values().zip(held.values()).all(|(a, b)| a.says(b)),
        "the server holds {all:#?} and {by:?} holds {held:#?}"
    );
}

/// What a simulation met.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// Of all devices together.
    pub tally: Tally,
    /// What the network did.
    pub faults: Faults,
    /// Accepted changes.
    pub accepted: u64,
}

impl Report {
    /// Adds what another simulation met.
    pub fn add(&mut self, other: &Self) {
        self.tally.add(&other.tally);
        self.faults.add(&other.faults);
        self.accepted += other.accepted;
    }
}

/// Simulates devices on the domain in process; fails where a promise is broken.
pub async fn run(seed: u64) -> Report {
    let mut random = Random::new(seed);
    let server = Local::new(random.pick(&[4, 1000, 1000, 1000])).await;
    let mut simulation = Simulation::new(server, Random::new(random.next()));
    for _ in 0..30 + random.below(60) {
        let server = &simulation.network.server;
        server.pass_time(&mut random);
        if random.chance(8) {
            server.meddle(&mut random).await;
        }
        let now = server.clock().now();
        if let Some(index) = simulation.step(now).await {
            knows_all(&simulation.devices[index], &simulation.network.server.rows().await);
        }
    }
    simulation.heal().await;
    let rows = simulation.agreed().await;
    let server = &simulation.network.server;
    let history = History::of(&server.recorder.records());
    let last = history.versions.keys().filter_map(|id| history.last(*id)).map(|todo| Row::from(&**todo));
    assert_eq!(rows, last.map(|row| (row.id, row)).collect(), "what is stored is what was accepted last");
    let told: Vec<_> = server.bus.so_far(server.user).into_iter().map(|event| event.todo).collect();
    assert_eq!(told, history.accepted, "each accepted change is told once and in order");
    let mut report = Report { faults: simulation.network.faults, ..Report::default() };
    report.accepted = history.accepted.len() as u64;
    for device in &simulation.devices {
        report.tally.add(&device.tally);
        for receipt in device.receipts.iter().filter(|receipt| receipt.version > 0) {
            let version = usize::try_from(receipt.version - 1).expect("an index");
            let kept = &history.versions[&receipt.id][version];
            assert!(holds(kept, &receipt.fields), "{receipt:?} was acknowledged, and {kept:?} is kept");
        }
    }
    report
}

/// Fails where a device that was just answered lacks anything up to its cursor. `all` is what the server holds.
fn knows_all(device: &Device, all: &BTreeMap<TodoId, Row>) {
    for row in all.values().filter(|row| row.updated_at <= device.cursor()) {
        let held = device.rows().get(&row.id);
        let knows = held.is_some_and(|held| held.says(row)) || device.awaits(row.id);
        assert!(knows, "{:?} holds {held:?} of {row:?}", device.habits);
    }
    assert!(device.rows().keys().all(|id| all.contains_key(id)), "{:?} made something up", device.habits);
    let complete = all.values().all(|row| row.updated_at <= device.cursor());
    assert!(complete || device.is_behind(), "{:?} is not behind and lacks something", device.habits);
}
