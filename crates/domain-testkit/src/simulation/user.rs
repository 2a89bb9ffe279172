//! The actions of the devices' users.

use domain::{Stamp, TodoId};
use uuid::Uuid;

use super::device::Device;
use super::random::Random;
use super::wire::{Fields, Row};

/// The ids of the todos in one simulation.
#[derive(Clone, Debug, Default)]
pub struct Ids(u128);

impl Ids {
    fn next(&mut self, random: &mut Random) -> TodoId {
        // Several devices choose some of the ids, as when each of them imports the same list.
        if random.chance(15) {
            return TodoId(Uuid::from_u128(u128::from(random.below(3))));
        }
        self.0 += 1;
        TodoId(Uuid::from_u128(1000 + self.0))
    }
}

/// The user of `device` creates, edits, deletes or restores a todo at the server's time `now`.
pub fn act(device: &mut Device, ids: &mut Ids, random: &mut Random, now: Stamp) {
    let view: Vec<_> = device.view().into_values().filter(|row| !row.text.is_empty()).collect();
    let with = |deleted: bool| view.iter().filter(|row| row.deleted == deleted).collect::<Vec<&Row>>();
    let (live, tombstones) = (with(false), with(true));
    match random.below(100) {
        0..60 if !live.is_empty() => {
            let id = random.pick(&live).id;
            device.edit(id, any_edit(random), now);
        }
        60..72 if !live.is_empty() => {
            let id = random.pick(&live).id;
            device.edit(id, Fields { deleted: Some(true), ..Fields::default() }, now);
        }
        72..78 if !tombstones.is_empty() => {
            // The server may have other values in the tombstone, so a restoration names them all.
            let tombstone = random.pick(&tombstones);
            device.edit(tombstone.id, Fields { deleted: Some(false), ..tombstone.fields() }, now);
        }
        _ => {
            let id = ids.next(random);
            let text = Some(any_text(random));
            device.edit(id, Fields { text, ..any_edit(random) }, now);
        }
    }
}

/// An edit of at least one field.
pub fn any_edit(random: &mut Random) -> Fields {
    let mut fields = Fields::default();
    loop {
        match random.below(3) {
            0 => fields.text = Some(any_text(random)),
            1 => fields.description = Some(random.chance(80).then(|| any_text(random))),
            _ => fields.completed = Some(random.chance(50)),
        }
        if random.chance(75) {
            return fields;
        }
    }
}

/// A text, in most cases a unique one, so that a lost edit is noticed.
fn any_text(random: &mut Random) -> String {
    if random.chance(20) {
        random.pick(&["bread", "milk"]).to_owned()
    } else {
        format!("todo {:x}", random.next())
    }
}
