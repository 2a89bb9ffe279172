//! The socket at `/ws/todos`, on a real port, over the in-memory store.

#![expect(clippy::expect_used, reason = "helpers of tests report a failure by panicking")]

mod client;
mod closing;
mod handshake;
mod limits;
mod messages;
mod replay;
mod server;
