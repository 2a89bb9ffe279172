//! The differences between devices.

use domain::todo::Strategy;

use super::random::Random;

/// The behaviour of a device and of its clock.
#[derive(Clone, Debug)]
pub struct Profile {
    pub name: String,
    /// The strategy that the device asks for.
    pub strategy: Strategy,
    /// The maximum number of todos in an answer.
    pub limit: u32,
    /// The maximum number of changed todos in a request.
    pub batch: u32,
    /// How far the device's clock is ahead of the server's, in microseconds.
    pub clock_skew: i64,
    /// Whether the device sends whole todos instead of only the fields that its user changed.
    pub sends_whole_todos: bool,
    /// Whether the device sends each edit of a todo instead of one upload that combines them.
    pub sends_each_edit: bool,
    /// The version that the device names for a todo that it creates.
    pub first_version: Option<i64>,
}

impl Profile {
    /// An arbitrary profile for device `number`.
    pub fn any(number: usize, strategies: &[Strategy], random: &mut Random) -> Self {
        let hour = 3_600_000_000;
        Self {
            name: format!("device {number}"),
            strategy: random.pick(strategies),
            limit: random.pick(&[1, 2, 3, 1000]),
            batch: random.pick(&[1, 4, 4, 1000]),
            clock_skew: random.pick(&[0, 0, 1_500_000, -1_500_000, hour, -hour]),
            sends_whole_todos: random.chance(15),
            sends_each_edit: random.chance(30),
            first_version: random.pick(&[None, Some(0)]),
        }
    }
}
