//! The socket at `/ws/todos`, on a real port, over the in-memory store.

mod client;
mod closing;
mod handshake;
mod limits;
mod messages;
mod replay;
mod server;
