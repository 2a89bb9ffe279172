//! The stores on a real PostgreSQL.

#![expect(clippy::expect_used, reason = "tests report a failure by panicking")]

mod commits;
mod contract;
mod cuts;
mod fences;
mod migrations;
mod proxy;
mod races;
mod support;
mod tls;
mod workers;
