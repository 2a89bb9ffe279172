//! The frames that the server sends: the body of the response that upgraded the connection.

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

/// How many frames may wait in addition to the buffers of the server and the system.
const QUEUE: usize = 16;

/// Why a frame could not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The connection is closed.
    Disconnected,
    /// The client does not read.
    TimedOut,
}

/// The socket's end of the channel to the connection.
pub struct Outgoing {
    frames: mpsc::Sender<Bytes>,
    last: mpsc::Sender<Bytes>,
    write_timeout: Duration,
}

/// The connection's end. It holds the connection's slot, so that a client that neither reads nor
/// disconnects keeps counting against its user's limit.
pub struct OutgoingBody {
    frames: mpsc::Receiver<Bytes>,
    last: mpsc::Receiver<Bytes>,
    _slot: Slot,
}

/// Both ends of a new channel. [`Outgoing::send`] waits for at most `write_timeout`.
pub fn outgoing(slot: Slot, write_timeout: Duration) -> (Outgoing, OutgoingBody) {
    let (frames, queued) = mpsc::channel(QUEUE);
    let (last, queued_last) = mpsc::channel(1);
    let body = OutgoingBody { frames: queued, last: queued_last, _slot: slot };
    (Outgoing { frames, last, write_timeout }, body)
}

impl Outgoing {
    /// Queues a frame as soon as there is room.
    pub async fn send(&self, frame: Bytes) -> Result<(), SendError> {
        match tokio::time::timeout(self.write_timeout, self.frames.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(SendError::Disconnected),
            Err(_) => Err(SendError::TimedOut),
        }
    }

    /// Waits until the connection is closed.
    pub async fn disconnected(&self) {
        self.frames.closed().await;
    }

    /// Queues `message` and a close frame after all frames sent so far, and returns at once. The
    /// connection ends when the client has read them.
    pub fn close(self, message: Option<Bytes>, close: CloseReason) {
        let mut last = message.map_or_else(Vec::new, |frame| frame.to_vec());
        last.extend_from_slice(&protocol::close(close));
        // Fails if the connection is already closed.
        drop(self.last.try_send(last.into()));
    }
}

impl Stream for OutgoingBody {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.frames.poll_recv(cx) {
            Poll::Ready(None) => self.last.poll_recv(cx).map(|last| last.map(Ok)),
            frame => frame.map(|frame| frame.map(Ok)),
        }
    }
}
