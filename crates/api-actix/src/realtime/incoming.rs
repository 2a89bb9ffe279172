//! The frames that the client sends.
//!
//! The codec of actix-http buffers a whole frame before it checks the length. This module checks
//! the length first, so that a client can make the server buffer one message and one read of the
//! connection at most.

use std::rc::Rc;

use actix_http::ws::{CloseCode, CloseReason, Codec, Frame, Item, ProtocolError};
use actix_web::web::{Bytes, BytesMut, Payload};
use bytestring::ByteString;
use futures_util::StreamExt;
use tokio_util::codec::Decoder;

use crate::connection::Activity;

/// The largest message from a client, in bytes, over all its fragments.
pub const MESSAGE_MAX: usize = 4 * 1024;

/// What arrived.
#[derive(Debug)]
pub enum Received {
    Text(ByteString),
    Binary,
    /// A ping. The pong must have the same payload.
    Ping(Bytes),
    /// A pong or a non-final fragment: nothing to respond to, but the client is alive.
    KeepAlive,
    /// The client closes the socket.
    Close(Option<CloseReason>),
    /// The connection is closed.
    Disconnected,
    /// A violation of the protocol or of a limit, with the close code and reason.
    Violation(CloseCode, &'static str),
}

/// Reads frames and assembles messages.
pub struct Incoming {
    payload: Payload,
    activity: Option<Rc<Activity>>,
    buffer: BytesMut,
    codec: Codec,
    partial: Option<Partial>,
}

/// A message whose last fragment has not arrived.
struct Partial {
    text: bool,
    bytes: BytesMut,
}

impl Incoming {
    /// Reads from the payload of an upgraded request. The connection of `activity` keeps what is not read.
    pub fn new(payload: Payload, activity: Option<Rc<Activity>>) -> Self {
        let codec = Codec::new().max_size(MESSAGE_MAX);
        Self { payload, activity, buffer: BytesMut::new(), codec, partial: None }
    }

    /// The next message or control frame. Cancel-safe. Must not be called again after
    /// [`Received::Disconnected`] or [`Received::Violation`].
    pub async fn next(&mut self) -> Received {
        loop {
            if payload_length(&self.buffer).is_some_and(|length| length > MESSAGE_MAX as u64) {
                return TOO_LARGE;
            }
            match self.codec.decode(&mut self.buffer) {
                Ok(Some(frame)) => return self.take(frame),
                Ok(None) => match self.payload.next().await {
                    Some(Ok(bytes)) => self.receive(bytes),
                    Some(Err(_)) | None => return Received::Disconnected,
                },
                Err(ProtocolError::Overflow) => return TOO_LARGE,
                Err(_) => return Received::Violation(CloseCode::Protocol, "not a frame of RFC 6455"),
            }
        }
    }

    fn receive(&mut self, bytes: Bytes) {
        if let Some(activity) = &self.activity {
            activity.take(bytes.len());
        }
        if self.buffer.is_empty() {
            self.buffer = BytesMut::from(bytes);
        } else {
            self.buffer.extend_from_slice(&bytes);
        }
    }

    /// Waits for the client's close frame, and discards what comes before it.
    pub async fn closed(&mut self) {
        while !matches!(
            self.next().await,
            Received::Close(_) | Received::Disconnected | Received::Violation(..)
        ) {}
    }

    fn take(&mut self, frame: Frame) -> Received {
        match frame {
            Frame::Text(bytes) => text(bytes),
            Frame::Binary(_) => Received::Binary,
            Frame::Ping(bytes) => Received::Ping(bytes),
            Frame::Pong(_) => Received::KeepAlive,
            Frame::Close(reason) => Received::Close(reason),
            Frame::Continuation(item) => self.fragment(item),
        }
    }

    /// The codec has checked the order of fragments: first, continuations, last.
    fn fragment(&mut self, item: Item) -> Received {
        let (first, bytes, last) = match item {
            Item::FirstText(bytes) => (Some(true), bytes, false),
            Item::FirstBinary(bytes) => (Some(false), bytes, false),
            Item::Continue(bytes) => (None, bytes, false),
            Item::Last(bytes) => (None, bytes, true),
        };
        let mut partial = match (first, self.partial.take()) {
            (Some(text), _) => Partial { text, bytes: BytesMut::new() },
            (None, Some(partial)) => partial,
            (None, None) => {
                return Received::Violation(CloseCode::Protocol, "a continuation without a message");
            }
        };
        if partial.bytes.len() + bytes.len() > MESSAGE_MAX {
            return TOO_LARGE;
        }
        partial.bytes.extend_from_slice(&bytes);
        match (last, partial.text) {
            (true, true) => text(partial.bytes.freeze()),
            (true, false) => Received::Binary,
            (false, _) => {
                self.partial = Some(partial);
                Received::KeepAlive
            }
        }
    }
}

const TOO_LARGE: Received = Received::Violation(CloseCode::Size, "a message may be at most 4096 bytes long");

fn text(bytes: Bytes) -> Received {
    match ByteString::try_from(bytes) {
        Ok(text) => Received::Text(text),
        Err(_) => Received::Violation(CloseCode::Invalid, "a text message must be UTF-8"),
    }
}

/// The payload length in the head of the first frame in `buffer` (RFC 6455 section 5.2). `None` if
/// the head is incomplete.
fn payload_length(buffer: &[u8]) -> Option<u64> {
    match buffer.get(1)? & 0x7f {
        126 => Some(u16::from_be_bytes(buffer.get(2..4)?.try_into().ok()?).into()),
        127 => Some(u64::from_be_bytes(buffer.get(2..10)?.try_into().ok()?)),
        short => Some(short.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_frame_is_read_from_its_head() {
        assert_eq!(payload_length(&[0x81]), None);
        assert_eq!(payload_length(&[0x81, 0xfd]), Some(125));
        assert_eq!(payload_length(&[0x81, 0xfe, 0x10]), None);
        assert_eq!(payload_length(&[0x81, 0xfe, 0x10, 0x01]), Some(4097));
        assert_eq!(payload_length(&[0x81, 0xff, 0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(
            payload_length(&[0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            Some(u64::MAX >> 1)
        );
    }
}
