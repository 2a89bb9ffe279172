//! Long work gives way every now and then.
//!
//! On a busy machine, the kernel lets a thread run for a whole time slice, 3 to 4 ms, before it
//! runs one that has just become ready. Work that takes longer than a fraction of that offers the
//! processor in between, so that the short requests of others wait for a fraction of a slice only.
//! Where nothing else is ready, that costs a system call of less than a microsecond.

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

/// How long work runs before it gives way.
const STRETCH: Duration = Duration::from_micros(100);
/// How many bytes are written in about that time.
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

/// Gives way to other threads, and to the other requests of the worker.
pub async fn give_way() {
    thread::yield_now();
    tokio::task::yield_now().await;
}

/// Bytes whose writer gives way to other threads.
#[derive(Default)]
pub struct PacedBytes {
    bytes: Vec<u8>,
    /// The length at which the writer gave way.
    paced: usize,
}

impl PacedBytes {
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl Write for PacedBytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() - self.paced >= STRETCH_BYTES {
            self.paced = self.bytes.len();
            thread::yield_now();
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
