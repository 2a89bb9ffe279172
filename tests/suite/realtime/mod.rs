//! `/ws/todos`.

mod closing;
mod events;
mod handshake;
mod many_sockets;
mod replay;
