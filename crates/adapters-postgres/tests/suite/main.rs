//! The stores on a real PostgreSQL.

#![expect(clippy::expect_used, reason = "tests report a failure by panicking")]

mod contract;
mod support;
