//! Black-box tests: the real binary on SQLite and on PostgreSQL, over HTTP and WebSocket.
#![expect(clippy::expect_used, reason = "a test that can't go on fails")]

mod two_devices;
