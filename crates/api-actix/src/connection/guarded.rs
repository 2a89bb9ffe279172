//! The stream with its deadlines.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::web::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::{Patience, Watch, refusal};
use crate::Api;

/// A stream that fails when its client keeps the server waiting for longer than [`Patience`] has it.
pub struct Guarded<T> {
    stream: T,
    api: Arc<Api>,
    watch: Rc<Watch>,
    /// Looks, now and then, whether the next request is overdue.
    next: Pin<Box<Sleep>>,
    credit: Credit,
    refusal: Option<Refusal>,
}

/// What is written in place of the framework's bare answer.
struct Refusal {
    /// What is left to be written.
    bytes: Bytes,
    /// The length of the bare answer.
    stands_for: usize,
}

impl<T> Guarded<T> {
    pub fn new(stream: T, api: Arc<Api>) -> Self {
        let patience = api.settings.patience;
        let next = Box::pin(sleep(patience.next));
        Self { stream, api, watch: Watch::new(), next, credit: Credit::full(patience.answer), refusal: None }
    }

    pub fn watch(&self) -> Rc<Watch> {
        self.watch.clone()
    }

    /// Ready when the next request is overdue.
    fn overdue(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.next.as_mut().poll(cx));
            let now = Instant::now();
            let due = self.watch.idle_since().unwrap_or(now) + self.api.settings.patience.next;
            if due <= now {
                return Poll::Ready(());
            }
            self.next.as_mut().reset(due);
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Guarded<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        if read.is_pending() {
            ready!(this.overdue(cx));
            return Poll::Ready(Err(too_slow()));
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Guarded<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        // While a request is under way, what is written is its answer.
        let bare = if this.watch.idle_since().is_some() { refusal::bare(buf) } else { None };
        if this.refusal.is_none()
            && let Some(bare) = bare.filter(|bare| bare.starts_at == 0)
        {
            let silent = this.watch.answered_already();
            let bytes = if silent { Bytes::new() } else { refusal::written(bare, &this.api) };
            this.refusal = Some(Refusal { bytes, stands_for: buf.len() });
        }
        while let Some(refusal) = &mut this.refusal {
            if refusal.bytes.is_empty() {
                let done = refusal.stands_for;
                this.refusal = None;
                return Poll::Ready(Ok(done));
            }
            let wrote = ready!(this.credit.write(&mut this.stream, cx, &refusal.bytes))?;
            drop(refusal.bytes.split_to(wrote));
        }
        let answers = bare.map_or(buf, |bare| &buf[..bare.starts_at]);
        this.credit.write(&mut this.stream, cx, answers)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

/// For how long a client may still keep the server waiting with bytes to write.
struct Credit {
    most: Duration,
    left: Duration,
    /// Since when nothing could be written, and the end of the credit.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Credit {
    const fn full(most: Duration) -> Self {
        Self { most, left: most, waiting: None }
    }

    fn write<T: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut T,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(stream).poll_write(cx, bytes);
        if let Poll::Ready(written) = written {
            let wrote = u32::try_from(*written.as_ref().unwrap_or(&0)).unwrap_or(u32::MAX);
            let waited = self.waiting.take().map_or(Duration::ZERO, |(since, _)| since.elapsed());
            let earned = Duration::from_secs(wrote.into()) / Patience::BYTES_A_SECOND;
            self.left = (self.left.saturating_sub(waited) + earned).min(self.most);
            return Poll::Ready(written);
        }
        let left = self.left;
        let (_, end) = self.waiting.get_or_insert_with(|| (Instant::now(), Box::pin(sleep(left))));
        ready!(end.as_mut().poll(cx));
        Poll::Ready(Err(too_slow()))
    }
}

fn too_slow() -> io::Error {
    ErrorKind::TimedOut.into()
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt as _, DuplexStream, duplex};
    use tokio::time::timeout;

    use super::*;

    const CREDIT: Duration = Duration::from_millis(200);

    /// Writes `bytes` to a client with room for 256, and tells how that ended.
    async fn written(bytes: usize, client: impl AsyncFnOnce(DuplexStream)) -> io::Result<()> {
        let (mut stream, other) = duplex(256);
        let write = async {
            let mut credit = Credit::full(CREDIT);
            let mut left = bytes;
            while left > 0 {
                left -= poll_fn(|cx| credit.write(&mut stream, cx, &vec![0; left])).await?;
            }
            Ok(())
        };
        let both = async {
            tokio::select! {
                written = write => written,
                () = async { client(other).await; std::future::pending().await } => unreachable!(),
            }
        };
        timeout(Duration::from_secs(20), both).await.expect("it ends")
    }

    /// Takes up to `bytes` every 10 ms.
    async fn take(mut stream: DuplexStream, bytes: usize) {
        let mut buffer = vec![0; bytes];
        while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
            sleep(Duration::from_millis(10)).await;
        }
    }

    #[actix_web::test]
    async fn a_client_that_takes_nothing_is_given_up_when_its_credit_is_used_up() {
        let begun = Instant::now();
        let ended = written(257, async |stream| {
            sleep(Duration::from_mins(1)).await;
            drop(stream);
        })
        .await;
        assert_eq!(ended.map_err(|error| error.kind()), Err(ErrorKind::TimedOut));
        assert!(begun.elapsed() >= CREDIT);
    }

    #[actix_web::test]
    async fn a_byte_now_and_then_earns_too_little() {
        let ended = written(10_000, async |stream| take(stream, 1).await).await;
        assert_eq!(ended.map_err(|error| error.kind()), Err(ErrorKind::TimedOut));
    }

    #[actix_web::test]
    async fn whoever_takes_enough_gets_all_however_long_it_takes() {
        let begun = Instant::now();
        // Of 256 bytes every 10 ms, which is more than enough.
        assert!(written(20_000, async |stream| take(stream, 256).await).await.is_ok());
        assert!(begun.elapsed() > 2 * CREDIT);
    }
}
