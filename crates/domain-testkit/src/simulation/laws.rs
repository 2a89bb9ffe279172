//! The laws that hold at the end of a run.

use std::collections::BTreeMap;

use domain::TodoId;

use super::Simulation;
use super::device::Device;
use super::ghosts::Closures;
use super::in_process::InProcess;
use super::scenario::Scenario;
use super::token::Token;
use super::values::{Key, Row};

/// Fails if a law does not hold for `simulation`, whose devices have nothing left to send.
pub fn check(simulation: &Simulation<InProcess>, scenario: &Scenario) {
    // A todo that is created again after its tombstone was removed looks like another history.
    let strange = simulation.devices.iter().any(|device| device.stats.strange > 0);
    for device in &simulation.devices {
        let (stats, name) = (&device.stats, &device.profile.name);
        assert!(!scenario.alone || stats.conflicts == 0, "{name} alone meets a conflict");
        if scenario.loses_nothing() {
            assert_eq!(stats.restored, 0, "{name} heals although nothing was lost");
            assert!(!strange || scenario.away, "{name} finds another history");
            assert!(stats.repairs == 0 || strange, "{name} repairs although nothing was lost");
        }
        assert!(!scenario.epochs || scenario.away || stats.forgotten == 0, "{name} reads everything again");
    }
    let server = &simulation.network.server;
    server.assert_published();
    let rows = server.shadow.rows();
    for device in &simulation.devices {
        let same = live(rows).eq(live(device.rows()));
        assert!(same, "{} holds {:?} where the server has {rows:?}", device.profile.name, device.rows());
    }
    // After an unannounced restore, a todo that was changed in the new history before its
    // device noticed keeps the new value: nothing is promised about the old one.
    for id in server.changed_since_copy.iter().flatten() {
        server.ghosts.excuse(*id);
    }
    let mut closures = Closures::new(&server.ghosts);
    for (id, key, token) in server.ghosts.claims() {
        match rows.get(&id) {
            row if key != Key::Deleted => {
                // A tombstone that was lost does not show in the digest.
                let held = |device: &Device| device.rows().get(&id).filter(|_| scenario.unannounced).cloned();
                let tombstones = simulation.devices.iter().filter_map(held).filter(Row::is_tombstone);
                let deletions = tombstones.map(|row| row.token(Key::Deleted));
                let deletions: Vec<_> = deletions.chain(server.ghosts.last_deletion(id)).collect();
                let kept = is_kept(&mut closures, row, &deletions, key, token);
                assert!(kept, "{token:?} of {key:?} of {} is lost silently: {row:?}", id.0.as_u128());
            }
            Some(row) if !row.is_tombstone() && server.ghosts.is_acknowledged_deletion(token) => {
                let known = closures.knows(row.token(Key::Deleted), token);
                assert!(known, "{} comes back silently after {token:?}: {row:?}", id.0.as_u128());
            }
            _ => {}
        }
    }
}

/// Whether the value in place, or a deletion, knows the value of `token`.
fn is_kept(closures: &mut Closures<'_>, row: Option<&Row>, swept: &[Token], key: Key, token: Token) -> bool {
    let deleted_before = swept.iter().any(|swept| closures.knows(*swept, token));
    let Some(row) = row.filter(|_| !deleted_before) else { return deleted_before };
    let in_place = !row.is_tombstone() && closures.knows(row.token(key), token);
    in_place || closures.knows(row.token(Key::Deleted), token)
}

fn live(rows: &BTreeMap<TodoId, Row>) -> impl Iterator<Item = (TodoId, i64, domain::Stamp, Vec<String>)> {
    rows.values().filter(|row| !row.is_tombstone()).map(|row| {
        let values = Key::ALL.into_iter().map(|key| format!("{:?}", row.value(key)));
        (row.id, row.version, row.updated_at, values.collect())
    })
}
