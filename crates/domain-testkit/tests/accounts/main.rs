//! The services of accounts, on the in-memory store.

#![expect(clippy::expect_used, reason = "helpers of tests report a failure by panicking")]

mod administration;
mod deletions;
mod invitations;
mod limits;
mod logins;
mod operator_exports;
mod resets;
mod revoking;
mod services;
