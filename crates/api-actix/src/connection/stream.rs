//! A TCP stream with time limits.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::input::{READ_AHEAD, READ_SIZE};
use super::standing::Leave;
use super::{Activity, Timeouts};

/// A stream that fails with [`ErrorKind::TimedOut`] when its client exceeds one of the
/// [`Timeouts`], or keeps the server waiting while others need room, and with
/// [`ErrorKind::OutOfMemory`] when there is no memory for an incomplete head. It gives the framework a
/// request only after the client has read the responses before.
pub struct TimedStream<T> {
    stream: T,
    next_head: Duration,
    activity: Rc<Activity>,
    /// Wakes the reader at the earliest moment at which the next request head can be overdue.
    next_head_timer: Pin<Box<Sleep>>,
    write_timer: WriteTimer,
    /// The bytes that were read since the framework last looked for a request in them.
    read: usize,
}

impl<T> TimedStream<T> {
    pub fn new(stream: T, timeouts: Timeouts, activity: Rc<Activity>) -> Self {
        Self {
            stream,
            next_head: timeouts.next_head,
            activity,
            next_head_timer: Box::pin(sleep(timeouts.next_head)),
            write_timer: WriteTimer::new(timeouts.write),
            read: 0,
        }
    }

    pub fn activity(&self) -> Rc<Activity> {
        self.activity.clone()
    }

    /// Ready when the head of the next request is overdue.
    fn poll_next_head_overdue(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.next_head_timer.as_mut().poll(cx));
            let now = Instant::now();
            let due = self.activity.idle_since().unwrap_or(now) + self.next_head;
            if due <= now {
                return Poll::Ready(());
            }
            self.next_head_timer.as_mut().reset(due);
        }
    }
}

impl<T: AsyncRead + Unpin> TimedStream<T> {
    /// Reads what the framework may have next.
    fn read_on(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if self.activity.holds_input() {
            self.activity.release(buf).map_err(|_| ErrorKind::OutOfMemory)?;
        } else {
            let room = buf.remaining().min(READ_SIZE - self.read);
            let mut part = ReadBuf::new(buf.initialize_unfilled_to(room));
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut part))?;
            let passed = self.activity.receive(part.filled()).map_err(|_| ErrorKind::OutOfMemory)?;
            buf.advance(passed);
        }
        self.read += buf.filled().len() - before;
        Poll::Ready(Ok(()))
    }

    /// Reads a little while the framework may have nothing, to notice that the client went away.
    fn read_ahead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.activity.wake_later(cx);
        if !self.activity.holds_input() {
            let mut bytes = [0; READ_AHEAD];
            let mut part = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut part))?;
            if part.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.activity.receive(part.filled()).map_err(|_| ErrorKind::OutOfMemory)?;
        }
        Poll::Pending
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for TimedStream<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.activity.ignores_input() {
            // As if the client had closed its side.
            return Poll::Ready(Ok(()));
        }
        let read = if this.activity.accepts_input() && this.write_timer.unread_since().is_none() {
            if this.read >= READ_SIZE {
                // The framework reads until nothing is left, and only then looks for a request.
                this.read = 0;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            this.read_on(cx, buf)
        } else {
            this.read_ahead(cx)
        };
        if read.is_pending() {
            this.read = 0;
            if this.activity.poll_close(cx).is_ready() {
                return Poll::Ready(Err(timed_out()));
            }
            ready!(this.poll_next_head_overdue(cx));
            return Poll::Ready(Err(timed_out()));
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for TimedStream<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let was_unread = this.write_timer.unread_since().is_some();
        let leave = this.activity.leave();
        if leave == Leave::AfterItsResponse {
            this.write_timer.hurry();
        }
        let written = this.write_timer.poll_write(&mut this.stream, cx, buf);
        match this.write_timer.unread_since() {
            Some(_) if leave == Leave::WhileItWaits => return Poll::Ready(Err(timed_out())),
            Some(since) if !was_unread => this.activity.unread(since),
            None if was_unread => {
                this.activity.read();
                this.activity.wake_if_held();
            }
            _ => {}
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

/// How long a client may accept no bytes of a response after which its connection closes to make room.
const HURRY: Duration = Duration::from_secs(1);

/// Measures how long the client accepts no bytes.
struct WriteTimer {
    limit: Duration,
    left: Duration,
    /// The start of the current wait, and the timer that ends it.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl WriteTimer {
    const fn new(limit: Duration) -> Self {
        Self { limit, left: limit, waiting: None }
    }

    /// Since when the client accepts no bytes; earlier by the time that it has not won back.
    fn unread_since(&self) -> Option<Instant> {
        let (since, _) = self.waiting.as_ref()?;
        Some(since.checked_sub(self.limit.saturating_sub(self.left)).unwrap_or(*since))
    }

    /// Others need room: the client has less time.
    fn hurry(&mut self) {
        self.left = self.left.min(HURRY);
        if let Some((since, timer)) = &mut self.waiting {
            timer.as_mut().reset(*since + self.left);
        }
    }

    fn poll_write<T: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut T,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(stream).poll_write(cx, bytes);
        if let Poll::Ready(written) = written {
            let count = u32::try_from(*written.as_ref().unwrap_or(&0)).unwrap_or(u32::MAX);
            let waited = self.waiting.take().map_or(Duration::ZERO, |(since, _)| since.elapsed());
            let won_back = Duration::from_secs(count.into()) / Timeouts::BYTES_PER_SECOND;
            self.left = (self.left.saturating_sub(waited) + won_back).min(self.limit);
            return Poll::Ready(written);
        }
        let left = self.left;
        let (_, timer) = self.waiting.get_or_insert_with(|| (Instant::now(), Box::pin(sleep(left))));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(timed_out()))
    }
}

fn timed_out() -> io::Error {
    ErrorKind::TimedOut.into()
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt as _, DuplexStream, duplex};
    use tokio::time::timeout;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(200);

    /// Writes `bytes` to a client with a buffer of 256 bytes and returns the result.
    async fn write(bytes: usize, client: impl AsyncFnOnce(DuplexStream)) -> io::Result<()> {
        let (mut stream, other) = duplex(256);
        let write = async {
            let mut timer = WriteTimer::new(LIMIT);
            let mut left = bytes;
            while left > 0 {
                left -= poll_fn(|cx| timer.poll_write(&mut stream, cx, &vec![0; left])).await?;
            }
            Ok(())
        };
        let both = async {
            tokio::select! {
                written = write => written,
                () = async { client(other).await; std::future::pending().await } => unreachable!(),
            }
        };
        timeout(Duration::from_secs(20), both).await.expect("the write ends")
    }

    #[actix_web::test]
    async fn a_client_that_does_not_read_is_disconnected_earlier_when_others_need_room() {
        let (mut stream, _other) = duplex(256);
        let began = Instant::now();
        let mut timer = WriteTimer::new(Duration::from_hours(1));
        let mut write = async |timer: &mut WriteTimer| {
            poll_fn(|cx| timer.poll_write(&mut stream, cx, &[0; 256])).await.map_err(|error| error.kind())
        };
        assert_eq!(write(&mut timer).await, Ok(256));
        assert!(timeout(LIMIT, write(&mut timer)).await.is_err(), "it waits");
        timer.hurry();
        assert_eq!(write(&mut timer).await, Err(ErrorKind::TimedOut));
        assert!(began.elapsed() >= HURRY);
    }

    /// Reads up to `bytes` every 10 ms.
    async fn read(mut stream: DuplexStream, bytes: usize) {
        let mut buffer = vec![0; bytes];
        while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
            sleep(Duration::from_millis(10)).await;
        }
    }

    #[actix_web::test]
    async fn a_client_that_reads_nothing_is_disconnected_at_the_limit() {
        let began = Instant::now();
        let written = write(257, async |stream| {
            sleep(Duration::from_mins(1)).await;
            drop(stream);
        })
        .await;
        assert_eq!(written.map_err(|error| error.kind()), Err(ErrorKind::TimedOut));
        assert!(began.elapsed() >= LIMIT);
    }

    #[actix_web::test]
    async fn a_byte_now_and_then_wins_too_little_time_back() {
        let written = write(10_000, async |stream| read(stream, 1).await).await;
        assert_eq!(written.map_err(|error| error.kind()), Err(ErrorKind::TimedOut));
    }

    #[actix_web::test]
    async fn a_client_that_reads_steadily_gets_everything_however_long_it_takes() {
        let began = Instant::now();
        // 256 bytes every 10 ms is three times the required rate.
        assert!(write(20_000, async |stream| read(stream, 256).await).await.is_ok());
        assert!(began.elapsed() > 2 * LIMIT);
    }
}
