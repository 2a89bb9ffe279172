//! Black-box tests: the real binary on SQLite and on PostgreSQL, over HTTP and WebSocket.

mod two_devices;
