//! What tests of every crate share: an in-memory store, fakes of the other ports, builders, and the
//! contract that every store is held to.
//!
//! - [`memory`]: the strict reference implementation of the store ports
//! - [`contract`]: one async function per guarantee; [`store_contract!`] names them all as tests
//! - [`build`]: changes, batches and ids in few words
//! - [`simulation`]: many devices, a bad network, and the proof that they agree
//! - [`bus`], [`fakes`]: an event bus that records, a clock that stands still, ids that count
//!
//! Deliberately absent: mocks. A fake that keeps the rules catches what a mock would let pass.

#![allow(clippy::missing_panics_doc, reason = "support for tests: panicking is how it reports a failure")]
#![allow(clippy::expect_used, reason = "support for tests: panicking is how it reports a failure")]

pub mod build;
pub mod bus;
pub mod contract;
pub mod fakes;
mod harness;
pub mod memory;
pub mod simulation;

pub use bus::RecordingBus;
pub use fakes::{FixedClock, PlainHasher, SequentialSecrets};
pub use harness::{Harness, Operator, all, check_each, in_time};
pub use memory::MemoryStore;
