//! The socket at `/ws/todos`: a user's changes, as they happen.
//!
//! - [`hub`]: who listens; stores publish to it
//! - [`mailbox`]: the bounded queue of one socket
//! - [`handshake`]: who may open a socket
//! - [`socket`]: the life of one socket
//! - [`replay`]: what changed while the client was away
//! - [`incoming`], [`outgoing`]: frames from and to the client
//! - [`protocol`]: the messages
//!
//! Deliberately absent: rules about todos, and any store but the one that replay reads. Events come from the store that
//! committed them; a socket never asks for what it was not told.

mod handshake;
mod hub;
mod incoming;
mod mailbox;
mod outgoing;
mod protocol;
mod replay;
mod socket;

pub use handshake::open;
pub use hub::{Hub, Pace};
