//! What the client sends, frame by frame.
//!
//! The codec is actix-http's. It asks for a whole frame before it looks at its length, so the length is looked at here
//! first: a client can't make the server keep more than one message and one read of the connection.

use actix_http::ws::{CloseCode, CloseReason, Codec, Frame, Item, ProtocolError};
use actix_web::web::{Bytes, BytesMut, Payload};
use bytestring::ByteString;
use futures_util::StreamExt;
use tokio_util::codec::Decoder;

/// The largest message a client may send, in bytes, in however many fragments.
pub const MESSAGE_MAX: usize = 4 * 1024;

/// One thing that arrived.
#[derive(Debug)]
pub enum Received {
    /// A text message.
    Text(ByteString),
    /// A binary message.
    Binary,
    /// A ping, to be answered with its payload.
    Ping(Bytes),
    /// A pong, or a fragment of a message that is to be continued: a sign of life.
    Life,
    /// The client closes.
    Close(Option<CloseReason>),
    /// The connection is no more.
    Gone,
    /// Something no client may send, and the code to close with.
    Fault(CloseCode, &'static str),
}

/// Reads frames and puts messages together.
pub struct Incoming {
    payload: Payload,
    buffer: BytesMut,
    codec: Codec,
    partial: Option<Partial>,
}

/// A message of which not all fragments have arrived.
struct Partial {
    text: bool,
    bytes: BytesMut,
}

impl Incoming {
    /// Reads from `payload`, whose HTTP part is over.
    pub fn new(payload: Payload) -> Self {
        let codec = Codec::new().max_size(MESSAGE_MAX);
        Self { payload, buffer: BytesMut::new(), codec, partial: None }
    }

    /// The next thing; nothing is lost when the future is dropped. After `Gone` or `Fault` there is no more.
    pub async fn next(&mut self) -> Received {
        loop {
            if announced(&self.buffer).is_some_and(|length| length > MESSAGE_MAX as u64) {
                return TOO_LARGE;
            }
            match self.codec.decode(&mut self.buffer) {
                Ok(Some(frame)) => return self.take(frame),
                Ok(None) => match self.payload.next().await {
                    Some(Ok(bytes)) if self.buffer.is_empty() => self.buffer = BytesMut::from(bytes),
                    Some(Ok(bytes)) => self.buffer.extend_from_slice(&bytes),
                    Some(Err(_)) | None => return Received::Gone,
                },
                Err(ProtocolError::Overflow) => return TOO_LARGE,
                Err(_) => return Received::Fault(CloseCode::Protocol, "not a frame of RFC 6455"),
            }
        }
    }

    fn take(&mut self, frame: Frame) -> Received {
        match frame {
            Frame::Text(bytes) => text(bytes),
            Frame::Binary(_) => Received::Binary,
            Frame::Ping(bytes) => Received::Ping(bytes),
            Frame::Pong(_) => Received::Life,
            Frame::Close(reason) => Received::Close(reason),
            Frame::Continuation(item) => self.fragment(item),
        }
    }

    /// The codec vouches for the order of fragments: a first one, then others, then the last.
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
            (None, None) => return Received::Fault(CloseCode::Protocol, "a fragment of no message"),
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
                Received::Life
            }
        }
    }
}

const TOO_LARGE: Received = Received::Fault(CloseCode::Size, "a message may have 4096 bytes");

fn text(bytes: Bytes) -> Received {
    match ByteString::try_from(bytes) {
        Ok(text) => Received::Text(text),
        Err(_) => Received::Fault(CloseCode::Invalid, "a text message must be UTF-8"),
    }
}

/// The length that the frame at the front of `buffer` says its payload has (RFC 6455 section 5.2); `None` until that
/// much of it is there.
fn announced(buffer: &[u8]) -> Option<u64> {
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
    fn the_length_of_a_frame_is_known_from_its_head() {
        assert_eq!(announced(&[0x81]), None);
        assert_eq!(announced(&[0x81, 0xfd]), Some(125));
        assert_eq!(announced(&[0x81, 0xfe, 0x10]), None);
        assert_eq!(announced(&[0x81, 0xfe, 0x10, 0x01]), Some(4097));
        assert_eq!(announced(&[0x81, 0xff, 0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(
            announced(&[0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            Some(u64::MAX >> 1)
        );
    }
}
