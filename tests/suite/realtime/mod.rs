//! `/ws/todos`.

mod closing;
mod crowd;
mod events;
mod handshake;
mod replay;
