//! The socket at `/ws/todos`, on a real port.

mod client;
mod closing;
mod handshake;
mod limits;
mod memory;
mod messages;
mod replay;
mod server;
