//! The account endpoints of v1, in the whole application over the reference store.

#![expect(clippy::expect_used, reason = "helpers of tests report a failure by panicking")]

mod account;
mod bodies;
mod data;
mod fakes;
mod limits;
mod mail;
mod oauth;
mod server;
mod turns;
