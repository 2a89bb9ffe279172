//! The WebSocket at `/ws/todos`: a user's changes as they happen.
//!
//! - [`handshake`]: the handler of the route
//! - [`hub`]: the open sockets; stores publish events to it
//! - [`mailbox`]: the bounded event queue of one socket
//! - [`socket`]: one socket from its upgrade to its close
//! - [`end`]: why a socket ends
//! - [`replay`]: the changes while the client was disconnected
//! - [`incoming`], [`outgoing`]: frames from and to the client; [`mod@frame`]: one to the client, and its memory
//! - [`protocol`]: the messages, and [`mod@schemas`]: their schemas
//!
//! Deliberately absent: rules about todos. Events come from the store that committed them; a socket
//! reads through `SyncService`, to replay and to answer pings.

mod end;
mod frame;
mod handshake;
mod hub;
mod incoming;
mod mailbox;
mod outgoing;
mod protocol;
mod replay;
mod schemas;
mod socket;

pub use handshake::open;
pub use hub::{Heartbeat, Hub};
pub(crate) use schemas::{EVENTS, PING, SOCKET_SCHEMAS, schemas};
