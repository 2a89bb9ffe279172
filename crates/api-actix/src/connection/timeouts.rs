//! How long clients may keep the server waiting.

use std::time::Duration;

/// The time limits of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From accepting the connection to the end of its first request head.
    pub first_head: Duration,
    /// From the end of a request head to the end of its body: a client that trickles a body in holds
    /// memory for it.
    pub body: Duration,
    /// How long a client may accept no bytes of a response. Every [`Timeouts::BYTES_PER_SECOND`]
    /// bytes that it does accept restore one second, up to this limit, so a client cannot keep a
    /// response alive by reading a byte now and then.
    pub write: Duration,
    /// From the end of a response to the first byte of the next request. This is longer than
    /// proxies keep their connections to a server; otherwise a proxy would send requests on a
    /// connection that is closing.
    pub keep_alive: Duration,
    /// From the end of a response to the end of the next request head, regardless of what arrives
    /// in between.
    pub next_head: Duration,
}

impl Timeouts {
    /// How many bytes of a response a client has to accept per second on average.
    pub const BYTES_PER_SECOND: u32 = 8 * 1024;
}

impl Default for Timeouts {
    fn default() -> Self {
        let secs = Duration::from_secs;
        Self {
            first_head: secs(5),
            body: secs(30),
            write: secs(30),
            keep_alive: secs(75),
            next_head: secs(90),
        }
    }
}
