//! Long work gives way every now and then.
//!
//! On a busy machine, the kernel lets a thread run for a whole time slice, 3 to 4 ms, before it runs
//! one that has just become ready. Work on a thread of its own that takes longer than a fraction of
//! that offers the processor in between, so that the short requests of others wait for a fraction of
//! a slice only. Where nothing else is ready, that costs a system call of less than a microsecond.
//!
//! The stretches are not shorter, because each offer costs the thread the rest of its slice where
//! others are ready: it must end within its time limit on a busy server, too.

use std::thread;
use std::time::{Duration, Instant};

/// How long work runs before it gives way.
const STRETCH: Duration = Duration::from_micros(250);
/// How many bytes a worker writes before it serves other requests.
pub const STRETCH_BYTES: usize = 64 * 1024;

/// The pace of work in many steps.
pub struct Pace(Instant);

impl Pace {
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Gives way to other threads if the steps since the last time took long.
    pub fn step(&mut self) {
        if self.0.elapsed() >= STRETCH {
            thread::yield_now();
            self.0 = Instant::now();
        }
    }
}
