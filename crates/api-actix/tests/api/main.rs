//! The whole API over the in-memory store: statuses, bodies and headers of every surface, and the socket.
//!
//! What the stores decide is in the contract suite of `domain-testkit`; what needs a real database, process or
//! mail server is in `tests/suite`.

#![expect(clippy::expect_used, reason = "helpers of tests report a failure by panicking")]

mod accounts;
mod contracts;
mod failures;
mod harness;
mod health;
mod memory;
mod realtime;
