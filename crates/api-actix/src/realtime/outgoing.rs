//! What is written to the client: the body of the answer that upgraded the connection.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::ws::CloseReason;
use actix_web::web::Bytes;
use futures_util::Stream;
use tokio::sync::mpsc;

use super::hub::Slot;
use super::protocol;

/// How many frames may wait for the connection to take them, beside what the server's and the system's buffers hold.
const WAITING: usize = 16;

/// Why nothing more can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwritten {
    /// The connection is no more.
    Gone,
    /// The client takes nothing.
    Stalled,
}

/// The socket's end.
pub struct Outgoing {
    frames: mpsc::Sender<Bytes>,
    farewell: mpsc::Sender<Bytes>,
    stall: Duration,
}

/// The connection's end. It holds the connection's slot: a client that takes no more bytes and does not go away keeps
/// its slot, and so can't fill the server with connections.
pub struct Outflow {
    frames: mpsc::Receiver<Bytes>,
    farewell: mpsc::Receiver<Bytes>,
    _slot: Slot,
}

/// Both ends. [`Outgoing::send`] gives a client up that takes nothing for `stall`.
pub fn outgoing(slot: Slot, stall: Duration) -> (Outgoing, Outflow) {
    let (frames, waiting) = mpsc::channel(WAITING);
    let (farewell, last) = mpsc::channel(1);
    (Outgoing { frames, farewell, stall }, Outflow { frames: waiting, farewell: last, _slot: slot })
}

impl Outgoing {
    /// Writes a frame as soon as there is room.
    pub async fn send(&self, frame: Bytes) -> Result<(), Unwritten> {
        match tokio::time::timeout(self.stall, self.frames.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Unwritten::Gone),
            Err(_) => Err(Unwritten::Stalled),
        }
    }

    /// Waits until the connection is no more.
    pub async fn gone(&self) {
        self.frames.closed().await;
    }

    /// Leaves `message` and a close frame for the connection to write after all that was sent, whenever the client takes
    /// it, and then to end; waits for nothing.
    pub fn end(self, message: Option<Bytes>, close: CloseReason) {
        let mut last = message.map_or_else(Vec::new, |frame| frame.to_vec());
        last.extend_from_slice(&protocol::close(close));
        // It fails when the connection is gone: then there is nobody to tell.
        drop(self.farewell.try_send(last.into()));
    }
}

impl Stream for Outflow {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.frames.poll_recv(cx) {
            Poll::Ready(None) => self.farewell.poll_recv(cx).map(|last| last.map(Ok)),
            frame => frame.map(|frame| frame.map(Ok)),
        }
    }
}
