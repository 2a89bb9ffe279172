//! The actions of the devices' users.

use domain::{Stamp, TodoId};
use uuid::Uuid;

use super::device::Device;
use super::random::Random;
use super::values::{Key, Row, Value};

/// The ids and the texts of one simulation.
#[derive(Clone, Debug, Default)]
pub struct Names {
    ids: u32,
    words: u32,
    /// The number of todos that are made; further ones are not.
    max_ids: u32,
    /// Whether several devices choose some of the ids.
    shares_ids: bool,
}

impl Names {
    /// Ids for up to `max_ids` todos. If `shares_ids`, several devices choose some ids, as when each
    /// of them imports the same list.
    #[must_use]
    pub fn new(max_ids: u32, shares_ids: bool) -> Self {
        Self { max_ids, shares_ids, ..Self::default() }
    }

    fn id(&mut self, random: &mut Random) -> Option<TodoId> {
        if self.shares_ids && random.chance(15) {
            return Some(TodoId(Uuid::from_u128(u128::from(1 + random.below(2)))));
        }
        (self.ids < self.max_ids).then(|| {
            self.ids += 1;
            TodoId(Uuid::from_u128(u128::from(1000 + self.ids)))
        })
    }

    /// A text, in most cases a unique one, so that a lost edit is noticed.
    fn word(&mut self, random: &mut Random) -> Value {
        if random.chance(15) {
            return Value::Word(u32::try_from(random.below(3)).expect("a small number"));
        }
        self.words += 1;
        Value::Word(100 + self.words)
    }

    /// New values for at least one field of a todo.
    pub fn any_edit(&mut self, random: &mut Random) -> Vec<(Key, Value)> {
        let mut values = Vec::new();
        loop {
            let key = random.pick(&[Key::Text, Key::Description, Key::Metadata(0), Key::Metadata(1)]);
            let (key, value) = match random.below(6) {
                0..4 if key != Key::Text && random.chance(20) => (key, Value::Absent),
                0..4 => (key, self.word(random)),
                _ => (Key::Completed, Value::Flag(random.chance(50))),
            };
            values.retain(|(named, _)| *named != key);
            values.push((key, value));
            if random.chance(75) {
                return values;
            }
        }
    }
}

/// The user of `device` creates, edits, deletes or restores a todo at the server's time `now`.
pub fn act(device: &mut Device, names: &mut Names, random: &mut Random, now: Stamp) -> String {
    let (tombstones, live): (Vec<_>, Vec<_>) = device.editable().into_iter().partition(Row::is_tombstone);
    match random.below(100) {
        0..60 if !live.is_empty() => {
            let (id, values) = (random.pick(&live).id, names.any_edit(random));
            device.edit(id, &values, now);
            format!("edits {} {values:?}", id.0.as_u128())
        }
        60..74 if !live.is_empty() => {
            let id = random.pick(&live).id;
            device.delete(id, now);
            format!("deletes {}", id.0.as_u128())
        }
        74..80 if !tombstones.is_empty() => {
            let id = random.pick(&tombstones).id;
            device.restore(id, now);
            format!("restores {}", id.0.as_u128())
        }
        _ => {
            let Some(id) = names.id(random).filter(|id| device.is_new(*id)) else {
                return "does nothing".to_owned();
            };
            let mut values = if random.chance(40) { names.any_edit(random) } else { Vec::new() };
            values.retain(|(key, _)| *key != Key::Text);
            values.push((Key::Text, names.word(random)));
            device.edit(id, &values, now);
            format!("creates {} {values:?}", id.0.as_u128())
        }
    }
}
