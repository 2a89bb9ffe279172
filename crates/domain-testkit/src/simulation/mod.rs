//! A simulation of one user's devices on a faulty network.
//!
//! Devices edit todos offline and sync. The network loses requests and answers, repeats requests
//! and delivers them late and out of order; clocks are skewed and set back; other clients change
//! todos in between; devices are away for months; quotas are reached; the database is restored from
//! backups, announced or not. A seed determines the whole run, so that a failing run can be
//! repeated.
//!
//! # Laws
//!
//! A run fails unless all of these hold ([`laws`]):
//!
//! - **No conflict alone.** A device that is the user's only client never meets a conflict,
//!   whatever requests and answers it loses.
//! - **Convergence.** Once the network is reliable and the devices have synced, every device holds
//!   exactly the server's live todos, and the same digest.
//! - **Nothing is lost silently.** Each value that a user typed is in place, or was replaced or
//!   deleted by an author who knew it, or was shown to its user in a conflict or a rejection.
//! - **Nothing comes back silently.** A todo whose deletion was acknowledged is live again only if
//!   the author of the restoration knew of the deletion, or edited the todo.
//! - **Devices heal a server.** Both hold after the database was restored from a backup, for all
//!   that a device or the backup holds. An announced epoch in which nothing was lost refuses no
//!   cursor. Healing ends.
//! - **One change at a time.** An accepted change alters what it names and nothing else, raises the
//!   version by one, and is published once, in stamp order ([`shadow`]).
//! - **Progress.** Each page advances the cursor, and the devices have nothing left to send after a
//!   bounded number of rounds.
//!
//! # Parts
//!
//! - [`wire`]: the messages; a test over HTTP implements [`wire::Server`] to run the same devices
//! - [`device`], [`outbox`], [`profile`], [`user`]: the devices, how they differ, and what their
//!   users do
//! - [`network`]: the faults
//! - [`in_process`], [`interrupted`], [`convert`]: the domain in process as the server
//! - [`ghosts`], [`token`], [`shadow`]: who knew what
//! - [`run`], [`scenario`], [`disaster`], [`laws`], [`stats`], [`trace`]: runs, circumstances, laws,
//!   and what is reported
//! - [`values`], [`digest`], [`random`]: values, their digest, and random numbers
//!
//! Deliberately absent: the machine's clock, and any source of randomness other than the seed.

pub mod convert;
pub mod device;
pub mod digest;
pub mod disaster;
pub mod ghosts;
pub mod in_process;
pub mod interrupted;
pub mod laws;
pub mod network;
pub mod outbox;
pub mod profile;
pub mod random;
pub mod run;
pub mod scenario;
pub mod shadow;
pub mod stats;
pub mod token;
pub mod trace;
pub mod user;
pub mod values;
pub mod wire;

use domain::Stamp;

use self::device::Device;
use self::ghosts::Ghosts;
use self::network::Network;
use self::profile::Profile;
use self::random::Random;
use self::scenario::Scenario;
use self::trace::{Trace, exchange_line, request_line};
use self::user::{Names, act};
use self::wire::Server;

pub use run::{Report, Run};

/// Devices that are used and sync, one step at a time.
pub struct Simulation<S> {
    pub network: Network<S>,
    pub devices: Vec<Device>,
    pub names: Names,
    pub trace: Trace,
}

impl<S: Server> Simulation<S> {
    /// The number of rounds after which the devices must have nothing left to send.
    const MAX_ROUNDS: usize = 100;

    /// Devices of arbitrary profiles on `server`.
    pub fn new(server: S, ghosts: &Ghosts, scenario: &Scenario, trace: Trace, random: &mut Random) -> Self {
        let strategies = scenario.strategies(random);
        let count = scenario.devices(random);
        let profiles = (0..count).map(|number| Profile::any(number, &strategies, random));
        let devices: Vec<_> = profiles.map(|profile| Device::new(profile, ghosts.clone())).collect();
        let delays = scenario.delays(devices.iter().map(|device| &device.profile));
        let network = Network::new(server, delays, scenario.forgets());
        Self { network, devices, names: Names::new(5, scenario.shares_ids()), trace }
    }

    /// Performs one step: a user acts, a device syncs, or a late request arrives. `now` is the
    /// server's time.
    pub async fn step(&mut self, random: &mut Random, now: Stamp) {
        let index = usize::try_from(random.below(self.devices.len() as u64)).expect("an index");
        match random.below(100) {
            0..45 => {
                let device = &mut self.devices[index];
                let done = act(device, &mut self.names, random, now);
                self.trace.record(|| format!("{} {done}", device.profile.name));
            }
            45..52 => {
                let device = &mut self.devices[index];
                if let Some(id) = random.pick_any(&device.decidable()) {
                    device.decide(id, random, now);
                    self.trace.record(|| format!("{} decides {}", device.profile.name, id.0.as_u128()));
                }
            }
            52..92 => self.exchange(index, random).await,
            _ => {
                let late = self.network.deliver_late(random).await;
                self.trace
                    .record(|| format!("late: {}", late.as_ref().map(request_line).unwrap_or_default()));
            }
        }
    }

    /// Makes the network reliable, and lets the users decide and the devices sync until they have
    /// nothing left to send or to learn.
    pub async fn run_to_quiescence(&mut self, random: &mut Random, now: Stamp) {
        self.trace.record(|| "--- the network is reliable".to_owned());
        self.network.become_reliable(random).await;
        for _ in 0..Self::MAX_ROUNDS {
            let before: Vec<_> = self.devices.iter().map(Device::cursor).collect();
            for index in 0..self.devices.len() {
                for id in self.devices[index].decidable() {
                    self.devices[index].decide(id, random, now);
                    self.trace.record(|| format!("device {index} decides {}", id.0.as_u128()));
                }
                self.exchange(index, random).await;
            }
            let after: Vec<_> = self.devices.iter().map(Device::cursor).collect();
            if before == after && self.devices.iter().all(Device::is_quiet) {
                return;
            }
        }
        panic!("the devices always have something left to send");
    }

    async fn exchange(&mut self, index: usize, random: &mut Random) {
        let device = &mut self.devices[index];
        let request = device.request(random);
        let reply = self.network.exchange(&request, random).await;
        self.trace.record(|| exchange_line(&request, &reply));
        if let Ok(reply) = reply {
            device.take(&request, reply);
        }
    }
}
