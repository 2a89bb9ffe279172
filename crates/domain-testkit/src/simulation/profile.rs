//! The differences between devices.

use domain::todo::Strategy;

use super::random::Random;

/// The behaviour of a device, of its clock and of its user.
#[derive(Clone, Debug)]
pub struct Profile {
    pub name: String,
    /// The strategy that the device asks for.
    pub strategy: Strategy,
    /// The maximum number of todos in an answer.
    pub limit: u32,
    /// How far the device's clock is ahead of the server's, in microseconds.
    pub clock_skew: i64,
    /// Whether the device sends whole todos instead of only the fields that its user changed.
    pub sends_whole_todos: bool,
    /// Whether the device sends each edit of a todo instead of one upload that combines them.
    pub sends_each_edit: bool,
    /// Whether the user repeats an edit that met a conflict, instead of dropping it.
    pub retries_conflicts: bool,
    /// The version that the device names for a todo that it creates.
    pub first_version: Option<i64>,
}

impl Profile {
    /// An arbitrary profile for device `number`.
    pub fn any(number: usize, random: &mut Random) -> Self {
        let hour = 3_600_000_000;
        Self {
            name: format!("device {number}"),
            strategy: random.pick(&Strategy::ALL),
            limit: random.pick(&[1, 2, 3, 1000]),
            clock_skew: random.pick(&[0, 0, 1_500_000, -1_500_000, hour, -hour]),
            sends_whole_todos: random.chance(30),
            sends_each_edit: random.chance(30),
            retries_conflicts: random.chance(50),
            first_version: random.pick(&[None, Some(0), Some(1)]),
        }
    }
}
