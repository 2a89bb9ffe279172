//! Test support for every crate: an in-memory store, fakes of the other ports, builders, and the
//! contract that every store must satisfy.
//!
//! - [`memory`]: the strict reference implementation of the store ports
//! - [`contract`]: one async function per guarantee; [`store_contract!`] names them all as tests
//! - [`build`]: short constructors for changes, batches and ids
//! - [`simulation`]: many devices on a faulty network, and the check that they agree
//! - [`check_rate_limiter`]: the cases that every rate limiter passes
//! - [`bus`], [`fakes`]: an event bus that records, a clock that stands still, ids that count
//!
//! Deliberately absent: mocks. A fake that follows the rules detects mistakes that a mock would
//! hide.

#![allow(clippy::missing_panics_doc, reason = "support for tests: panicking is how it reports a failure")]
#![allow(clippy::expect_used, reason = "support for tests: panicking is how it reports a failure")]

pub mod build;
pub mod bus;
pub mod contract;
pub mod fakes;
mod harness;
mod limiter;
pub mod memory;
pub mod simulation;

pub use bus::RecordingBus;
pub use fakes::{ManualClock, PlainHasher, SequentialSecrets};
pub use harness::{Harness, Operator, all, check_each, in_time, run_contract};
pub use limiter::check_rate_limiter;
pub use memory::MemoryStore;
