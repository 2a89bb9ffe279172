//! How devices differ, and what their users do.

use domain::todo::Strategy;
use domain::{Stamp, TodoId};
use uuid::Uuid;

use super::device::Device;
use super::random::Random;
use super::wire::{Fields, Row};

/// What a device is like.
#[derive(Clone, Debug)]
pub struct Habits {
    /// Its name.
    pub name: String,
    /// What it lets decide about stale changes.
    pub strategy: Strategy,
    /// The most changes it takes at once.
    pub limit: u32,
    /// How far its clock is ahead of the server's, in microseconds.
    pub skew: i64,
    /// Whether it sends whole todos, or only the fields it changed.
    pub whole: bool,
    /// Whether it sends each edit of a todo, or their sum.
    pub journal: bool,
    /// Whether its user insists on an edit in conflict.
    pub insists: bool,
    /// The version it makes up for a todo that the server does not know.
    pub first_version: Option<i64>,
}

impl Habits {
    /// Habits of the device `number`.
    pub fn any(number: usize, random: &mut Random) -> Self {
        let strategies = [Strategy::Manual, Strategy::Merge, Strategy::LastWriteWins, Strategy::ClientWins];
        let hour = 3_600_000_000;
        Self {
            name: format!("device {number}"),
            strategy: random.pick(&strategies),
            limit: random.pick(&[1, 2, 3, 1000]),
            skew: random.pick(&[0, 0, 1_500_000, -1_500_000, hour, -hour]),
            whole: random.chance(30),
            journal: random.chance(30),
            insists: random.chance(50),
            first_version: random.pick(&[None, Some(0), Some(1)]),
        }
    }
}

/// The ids that the todos of one simulation get.
#[derive(Clone, Debug, Default)]
pub struct Ids(u128);

impl Ids {
    fn next(&mut self, random: &mut Random) -> TodoId {
        // Some todos are chosen by several devices alike, as when each imports the same list.
        if random.chance(15) {
            return TodoId(Uuid::from_u128(u128::from(random.below(3))));
        }
        self.0 += 1;
        TodoId(Uuid::from_u128(1000 + self.0))
    }
}

/// The user of `device` does something at `now` of the server's clock.
pub fn act(device: &mut Device, ids: &mut Ids, random: &mut Random, now: Stamp) {
    let view: Vec<_> = device.view().into_values().filter(|row| !row.text.is_empty()).collect();
    let of = |deleted: bool| view.iter().filter(|row| row.deleted == deleted).collect::<Vec<&Row>>();
    let (live, dead) = (of(false), of(true));
    match random.below(100) {
        0..60 if !live.is_empty() => {
            let id = random.pick(&live).id;
            device.edit(id, any_edit(random), now);
        }
        60..72 if !live.is_empty() => {
            let id = random.pick(&live).id;
            device.edit(id, Fields { deleted: Some(true), ..Fields::default() }, now);
        }
        72..78 if !dead.is_empty() => {
            let id = random.pick(&dead).id;
            device.edit(id, Fields { deleted: Some(false), ..Fields::default() }, now);
        }
        _ => {
            let id = ids.next(random);
            let text = Some(any_text(random));
            device.edit(id, Fields { text, ..any_edit(random) }, now);
        }
    }
}

/// An edit of one field at least.
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

/// Mostly a text that nobody else writes, so that a lost one is missed.
fn any_text(random: &mut Random) -> String {
    if random.chance(20) {
        random.pick(&["bread", "milk"]).to_owned()
    } else {
        format!("todo {:x}", random.next())
    }
}
