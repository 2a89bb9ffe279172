//! The body of a response on its way to the client.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;
use tokio::task::yield_now;

use crate::connection::ActiveRequest;
use crate::memory_budget::Reservation;
use crate::pace::STRETCH_BYTES;

/// The maximum number of bytes per piece. Compression works piece by piece, so the server does not compress a
/// large body before the client reads it. Between two pieces, the worker serves other requests.
const PIECE: usize = STRETCH_BYTES;

/// A body in pieces, and the resources that the request occupies until the last piece has been
/// sent.
pub struct ResponseBody {
    body: BoxBody,
    size: BodySize,
    rest: Bytes,
    /// Ends when the next piece may follow.
    pause: Option<Pin<Box<dyn Future<Output = ()>>>>,
    _reservation: Option<Reservation>,
    _active: Option<ActiveRequest>,
}

impl ResponseBody {
    pub(super) fn new(
        body: BoxBody,
        reservation: Option<Reservation>,
        active: Option<ActiveRequest>,
    ) -> Self {
        let size = body.size();
        Self { body, size, rest: Bytes::new(), pause: None, _reservation: reservation, _active: active }
    }
}

impl MessageBody for ResponseBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        if let Some(pause) = &mut this.pause {
            ready!(pause.as_mut().poll(cx));
            this.pause = None;
        }
        if this.rest.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_next(cx)) {
                Some(Ok(bytes)) => this.rest = bytes,
                ended => return Poll::Ready(ended),
            }
        }
        let piece = this.rest.split_to(PIECE.min(this.rest.len()));
        if piece.len() == PIECE {
            this.pause = Some(Box::pin(yield_now()));
        }
        Poll::Ready(Some(Ok(piece)))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::rc::Rc;

    use actix_web::rt;

    use super::*;

    #[actix_web::test]
    async fn a_large_body_arrives_complete_in_small_pieces() {
        let bytes: Vec<u8> = (0..=PIECE * 2).map(|n| u8::try_from(n % 251).expect("small")).collect();
        let mut body = ResponseBody::new(BoxBody::new(bytes.clone()), None, None);
        assert_eq!(body.size(), BodySize::Sized(bytes.len() as u64));
        let mut pieces = Vec::new();
        while let Some(piece) = poll_fn(|cx| Pin::new(&mut body).poll_next(cx)).await {
            pieces.push(piece.expect("a piece"));
        }
        assert_eq!(pieces.iter().map(Bytes::len).collect::<Vec<_>>(), [PIECE, PIECE, 1]);
        assert_eq!(pieces.concat(), bytes);
    }

    #[actix_web::test]
    async fn other_tasks_of_the_worker_run_between_two_pieces() {
        let turns = Rc::new(Cell::new(0));
        let of_others = Rc::clone(&turns);
        rt::spawn(async move {
            loop {
                of_others.set(of_others.get() + 1);
                yield_now().await;
            }
        });
        let mut body = ResponseBody::new(BoxBody::new(vec![0; PIECE * 3]), None, None);
        for _ in 0..3 {
            let before = turns.get();
            poll_fn(|cx| Pin::new(&mut body).poll_next(cx)).await.expect("a piece").expect("bytes");
            yield_now().await;
            assert!(turns.get() > before);
        }
    }
}
