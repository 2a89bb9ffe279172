//! Black-box tests: the real binary on SQLite and on PostgreSQL, over HTTP and WebSocket.
#![expect(clippy::expect_used, reason = "a test that can't go on fails")]
#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes the snapshots")]

mod accounts;
mod better_auth;
mod concurrency;
mod contracts;
mod crash;
mod errors;
mod failover;
mod guides;
mod hostile;
mod instances;
mod isolation;
mod mail;
mod oauth;
mod operations;
mod overload;
mod pooler;
mod realtime;
mod row_security;
mod schemathesis;
mod secrets;
mod support;
mod sync;
mod todos;
mod two_devices;
mod typescript;
mod web;
