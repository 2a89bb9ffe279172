//! The frames that the server sends: the body of the response that upgraded the connection.

use std::cell::Cell;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::ws::CloseReason;
use actix_web::web::Bytes;
use futures_util::Stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::frame::Frame;
use super::hub::Slot;
use super::protocol;
use crate::connection::Activity;

/// How many frames may wait in addition to the buffers of the server and the system.
const QUEUE: usize = 16;

/// How many bytes may wait there. A longer frame waits alone.
const QUEUE_BYTES: u32 = 64 * 1024;

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
    frames: mpsc::Sender<Queued>,
    /// The bytes of the queue that are free.
    room: Arc<Semaphore>,
    last: mpsc::Sender<Bytes>,
    write_timeout: Duration,
    at_once: Rc<Cell<bool>>,
}

/// The connection's end. It holds the connection's slot, so that a client that neither reads nor
/// disconnects keeps counting against its user's limit.
pub struct OutgoingBody {
    frames: mpsc::Receiver<Queued>,
    /// The frame that the connection got last. The connection copies a frame, and asks for the next
    /// one only when it has written most of the copy, so the memory counts until then.
    in_writing: Option<Frame>,
    last: mpsc::Receiver<Bytes>,
    at_once: Rc<Cell<bool>>,
    activity: Option<Rc<Activity>>,
    _slot: Option<Slot>,
}

/// A frame in the queue, and its part of the queue's bytes.
struct Queued {
    frame: Frame,
    _room: OwnedSemaphorePermit,
}

/// A socket whose close frame is queued. The connection ends when this is dropped and the client
/// has read the frame.
pub struct Closing {
    _last: mpsc::Sender<Bytes>,
    at_once: Rc<Cell<bool>>,
}

/// Both ends of a new channel. [`Outgoing::send`] waits for at most `write_timeout`.
pub fn outgoing(
    slot: Option<Slot>,
    write_timeout: Duration,
    activity: Option<Rc<Activity>>,
) -> (Outgoing, OutgoingBody) {
    let (frames, queued) = mpsc::channel(QUEUE);
    let (last, queued_last) = mpsc::channel(1);
    let at_once = Rc::default();
    let body = OutgoingBody {
        frames: queued,
        in_writing: None,
        last: queued_last,
        at_once: Rc::clone(&at_once),
        activity,
        _slot: slot,
    };
    let room = Arc::new(Semaphore::new(QUEUE_BYTES as usize));
    (Outgoing { frames, room, last, write_timeout, at_once }, body)
}

impl Outgoing {
    /// Queues a frame as soon as there is room.
    pub async fn send(&self, frame: impl Into<Frame>) -> Result<(), SendError> {
        let queued = tokio::time::timeout(self.write_timeout, self.queue(frame.into())).await;
        queued.map_err(|_| SendError::TimedOut)?
    }

    async fn queue(&self, frame: Frame) -> Result<(), SendError> {
        let bytes = u32::try_from(frame.bytes().len()).unwrap_or(u32::MAX).min(QUEUE_BYTES);
        let room = Arc::clone(&self.room).acquire_many_owned(bytes).await;
        let queued = Queued { frame, _room: room.map_err(|_| SendError::Disconnected)? };
        self.frames.send(queued).await.map_err(|_| SendError::Disconnected)
    }

    /// Waits until the connection is closed.
    pub async fn disconnected(&self) {
        self.frames.closed().await;
    }

    /// Queues `message` and a close frame after all frames sent so far, and returns at once.
    pub fn close(self, message: Option<Bytes>, close: CloseReason) -> Closing {
        let mut last = message.map_or_else(Vec::new, |frame| frame.to_vec());
        last.extend_from_slice(&protocol::close(close));
        // Fails if the connection is already closed.
        drop(self.last.try_send(last.into()));
        Closing { _last: self.last, at_once: self.at_once }
    }
}

impl Closing {
    /// Ends the connection as soon as the client has read the close frame, without reading more
    /// from the client.
    pub fn end_at_once(self) {
        self.at_once.set(true);
    }
}

impl Stream for OutgoingBody {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.in_writing = None;
        let frame = match self.frames.poll_recv(cx) {
            Poll::Ready(None) => self.last.poll_recv(cx),
            Poll::Ready(Some(Queued { frame, .. })) => {
                let bytes = frame.bytes().clone();
                self.in_writing = Some(frame);
                Poll::Ready(Some(bytes))
            }
            Poll::Pending => Poll::Pending,
        };
        if let (Poll::Ready(None), true, Some(activity)) = (&frame, self.at_once.get(), &self.activity) {
            activity.ignore_input();
        }
        frame.map(|frame| frame.map(Ok))
    }
}
