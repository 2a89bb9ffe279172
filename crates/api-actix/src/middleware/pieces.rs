//! Bodies in pieces that keep the buffer of a connection small.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;

use crate::connection::PIECE;

/// A body, compressed or not, in pieces of at most [`PIECE`] bytes. They share the body's memory until the
/// connection copies them.
pub struct Pieces<B> {
    body: B,
    rest: Bytes,
}

impl<B> Pieces<B> {
    pub(super) const fn new(body: B) -> Self {
        Self { body, rest: Bytes::new() }
    }
}

impl<B: MessageBody + Unpin> MessageBody for Pieces<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_next(cx)) {
                Some(Ok(bytes)) if bytes.len() > PIECE => this.rest = bytes,
                other => return Poll::Ready(other),
            }
        }
        let piece = this.rest.split_to(PIECE.min(this.rest.len()));
        Poll::Ready(Some(Ok(piece)))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use actix_web::body::BodyStream;
    use futures_util::stream;

    use super::*;

    async fn lengths<B: MessageBody<Error: std::fmt::Debug> + Unpin>(body: B) -> Vec<usize> {
        let mut pieces = Pieces::new(body);
        let mut lengths = Vec::new();
        while let Some(piece) = poll_fn(|cx| Pin::new(&mut pieces).poll_next(cx)).await {
            lengths.push(piece.expect("a piece").len());
        }
        lengths
    }

    #[actix_web::test]
    async fn no_piece_is_longer_than_the_buffer_of_a_connection_has_room_for() {
        assert_eq!(lengths(vec![0; 2 * PIECE + 1]).await, [PIECE, PIECE, 1]);
        assert_eq!(lengths(vec![0; PIECE]).await, [PIECE]);
        let parts = [1, PIECE + 1, 5].map(|length| Ok::<_, std::io::Error>(Bytes::from(vec![0; length])));
        assert_eq!(lengths(BodyStream::new(stream::iter(parts))).await, [1, PIECE, 1, 5]);
    }

    #[actix_web::test]
    async fn pieces_have_the_size_and_the_bytes_of_the_body_and_share_its_memory() {
        let bytes: Bytes = (0..PIECE * 3).map(|n| u8::try_from(n % 251).expect("small")).collect();
        let mut pieces = Pieces::new(bytes.clone());
        assert_eq!(pieces.size(), BodySize::Sized(bytes.len() as u64));
        for start in [0, PIECE, 2 * PIECE] {
            let piece =
                poll_fn(|cx| Pin::new(&mut pieces).poll_next(cx)).await.expect("a piece").expect("bytes");
            assert_eq!(piece, bytes.slice(start..start + PIECE));
            assert_eq!(piece.as_ptr(), bytes[start..].as_ptr());
        }
    }
}
