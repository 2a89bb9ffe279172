//! Backups, restores and new epochs.

use std::time::Duration;

use super::Simulation;
use super::device::Device;
use super::in_process::{Backup, InProcess};
use super::random::Random;
use super::scenario::Scenario;

/// What an operator did so far.
#[derive(Debug, Default)]
pub struct Disasters {
    backups: Vec<Backup>,
    restores: u32,
}

impl Disasters {
    /// Backups older than this are not restored: devices no longer have the tombstones of that time.
    const BACKUP_KEPT: Duration = Duration::from_hours(60 * 24);

    /// Takes a backup, restores one, or announces an epoch, now and then.
    pub fn happen(
        &mut self,
        simulation: &mut Simulation<InProcess>,
        scenario: &Scenario,
        random: &mut Random,
    ) {
        let server = &mut simulation.network.server;
        match random.below(100) {
            0..4 if !scenario.loses_nothing() => {
                self.backups.push(server.back_up());
                simulation.trace.record(|| "BACKUP".to_owned());
            }
            4..9 if self.restores < scenario.restores => {
                let oldest = server.now().minus(Self::BACKUP_KEPT);
                self.backups.retain(|backup| backup.taken_at > oldest);
                let Some(backup) = random.pick_any(&self.backups) else { return };
                self.restores += 1;
                server.restore(backup);
                let announced = !scenario.unannounced || (scenario.restores > 1 && random.chance(50));
                if announced {
                    server.begin_epoch();
                } else {
                    server.changed_since_copy.get_or_insert_default();
                }
                simulation.trace.record(|| format!("RESTORE, announced: {announced}"));
            }
            9..12 if scenario.epochs => {
                server.begin_epoch();
                simulation.trace.record(|| "NEW EPOCH".to_owned());
            }
            _ => {}
        }
        if self.restores > 0 {
            lose(simulation);
        }
    }
}

/// What neither a device nor the database holds is lost.
fn lose(simulation: &Simulation<InProcess>) {
    let server = &simulation.network.server;
    let held: Vec<_> = simulation.devices.iter().flat_map(Device::tokens).collect();
    server.ghosts.lose_all_but(server.tokens().chain(held));
}
