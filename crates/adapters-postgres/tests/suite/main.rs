//! The stores on a real PostgreSQL.

#![expect(clippy::expect_used, reason = "tests report a failure by panicking")]

mod background_workers;
mod bus;
mod clocks;
mod commits;
mod contract;
mod deadlines;
mod defaults;
mod dropped_calls;
mod epochs;
mod lost_connections;
mod migrations;
mod proxy;
mod races;
mod row_security;
mod snapshot;
mod statements;
mod support;
mod tls;
mod upgrade;
