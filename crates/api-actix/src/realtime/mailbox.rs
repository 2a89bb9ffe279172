//! The bounded event queue between the hub and one socket.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::instances::Advance;
use domain::{SessionId, Stamp};
use tokio::sync::Notify;

use super::frame::Frame;

/// An event in the form in which the user's sockets send it.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The user's clock before the event.
    pub previous: Stamp,
    pub stamp: Stamp,
    /// The WebSocket frame. All sockets share its bytes.
    pub frame: Frame,
}

/// What a socket has to do next.
#[derive(Clone, Debug)]
pub enum Notice {
    Event(Delivery),
    /// The user's clock has advanced elsewhere, so the socket reads what changed from the store.
    Clock(Advance),
    /// The client may know changes that the database has lost.
    Ahead,
}

/// Why the server closes a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// The session has ended.
    Revoked,
    /// The server shuts down.
    ShuttingDown,
}

/// A queue that the hub fills from any thread without blocking, and one socket empties. It
/// keeps the latest of the clocks that it receives.
///
/// It overflows when an event arrives while [`Mailbox::CAPACITY`] events or [`Mailbox::CAPACITY_BYTES`]
/// wait: then it drops all events and accepts none until it is re-armed. While fewer wait, it accepts
/// all events of one commit together, so that one large batch does not make a fast socket appear slow.
#[derive(Debug)]
pub struct Mailbox {
    /// The session of the socket.
    pub session: Option<SessionId>,
    // A std mutex: held to move a few pointers, never across an await.
    state: Mutex<State>,
    /// The stamp up to which the client was sent every change, in microseconds.
    sent_up_to: AtomicI64,
    filled: Notify,
    closed: Notify,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Delivery>,
    /// The bytes of the frames in the queue.
    bytes: usize,
    /// All that was announced since the socket last asked.
    announced: Option<Advance>,
    /// The store had an earlier clock than the client was sent.
    ahead: bool,
    overflowed: bool,
    closing: Option<Closing>,
}

impl State {
    /// Drops the events that wait, and returns how many there were.
    fn clear(&mut self) -> usize {
        self.bytes = 0;
        std::mem::take(&mut self.queue).len()
    }
}

impl Mailbox {
    /// The number of waiting events at which the next one overflows the queue.
    pub const CAPACITY: usize = 256;

    /// The bytes of waiting events at which the next event overflows the queue.
    pub const CAPACITY_BYTES: usize = 1024 * 1024;

    /// An empty mailbox.
    pub fn new(session: Option<SessionId>) -> Self {
        let sent_up_to = AtomicI64::new(i64::MIN);
        Self { session, state: Mutex::default(), sent_up_to, filled: Notify::new(), closed: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues the events of one commit. Returns the number of events lost, including
    /// those that waited.
    pub fn push(&self, deliveries: &[Delivery]) -> usize {
        let lost = {
            let mut state = self.state();
            if state.closing.is_some() {
                return 0;
            }
            if state.overflowed {
                deliveries.len()
            } else if state.queue.len() >= Self::CAPACITY || state.bytes >= Self::CAPACITY_BYTES {
                state.overflowed = true;
                state.clear() + deliveries.len()
            } else {
                state.bytes += deliveries.iter().map(|delivery| delivery.frame.bytes().len()).sum::<usize>();
                state.queue.extend(deliveries.iter().cloned());
                0
            }
        };
        self.filled.notify_one();
        lost
    }

    /// Notes that the client was sent every change up to `at`.
    pub fn sent_up_to(&self, at: Stamp) {
        self.sent_up_to.store(at.as_micros(), Ordering::Relaxed);
    }

    /// Notes how far the user's clock has come. A socket that is as far is not woken.
    pub fn announce(&self, advance: Advance) {
        if advance.clock.as_micros() <= self.sent_up_to.load(Ordering::Relaxed) {
            return;
        }
        {
            let mut state = self.state();
            state.announced.get_or_insert(advance).merge(advance);
        }
        self.filled.notify_one();
    }

    /// Notes where the user's clock was in the store. A client that was sent later changes may have
    /// been sent them since that read, so the socket reads the store.
    pub fn polled(&self, clock: Stamp) {
        if clock.as_micros() < self.sent_up_to.load(Ordering::Relaxed) {
            self.state().ahead = true;
            self.filled.notify_one();
        } else {
            self.announce(Advance::polled(clock));
        }
    }

    /// Asks the socket to close. The first reason counts.
    pub fn close(&self, closing: Closing) {
        {
            let mut state = self.state();
            state.closing.get_or_insert(closing);
            state.clear();
        }
        self.closed.notify_one();
    }

    /// Accepts events again after an overflow.
    pub fn rearm(&self) {
        self.state().overflowed = false;
    }

    /// Whether events were lost since the mailbox was last re-armed.
    pub fn has_overflowed(&self) -> bool {
        self.state().overflowed
    }

    /// What comes next, events first, or `None` after an overflow. Only one task may wait here or
    /// in [`Mailbox::overflow`] at a time.
    pub async fn next(&self) -> Option<Notice> {
        loop {
            {
                let mut state = self.state();
                if state.overflowed {
                    return None;
                }
                if let Some(delivery) = state.queue.pop_front() {
                    state.bytes -= delivery.frame.bytes().len();
                    return Some(Notice::Event(delivery));
                }
                if let Some(advance) = state.announced.take() {
                    return Some(Notice::Clock(advance));
                }
                if std::mem::take(&mut state.ahead) {
                    return Some(Notice::Ahead);
                }
                // Free the memory that one large commit needed.
                if state.queue.capacity() > Self::CAPACITY {
                    state.queue = VecDeque::new();
                }
            }
            self.filled.notified().await;
        }
    }

    /// Waits for an overflow.
    pub async fn overflow(&self) {
        while !self.has_overflowed() {
            self.filled.notified().await;
        }
    }

    /// Waits for a request to close.
    pub async fn closing(&self) -> Closing {
        loop {
            if let Some(closing) = self.state().closing {
                return closing;
            }
            self.closed.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::web::Bytes;
    use futures_util::FutureExt;
    use uuid::Uuid;

    use super::*;

    fn mailbox() -> Mailbox {
        Mailbox::new(Some(SessionId(Uuid::nil())))
    }

    fn deliveries(count: usize) -> Vec<Delivery> {
        let at = Stamp::EPOCH;
        (0..count).map(|_| Delivery { previous: at, stamp: at, frame: Bytes::new().into() }).collect()
    }

    #[test]
    fn events_of_a_megabyte_overflow_the_mailbox_once_they_wait() {
        let mailbox = mailbox();
        let long =
            |bytes: usize| Delivery { frame: Bytes::from(vec![0; bytes]).into(), ..deliveries(1)[0].clone() };
        // One commit is accepted whole.
        assert_eq!(mailbox.push(&[long(Mailbox::CAPACITY_BYTES), long(1)]), 0);
        assert!(matches!(mailbox.next().now_or_never(), Some(Some(_))));
        assert_eq!(mailbox.push(&[long(Mailbox::CAPACITY_BYTES - 1)]), 0);
        assert_eq!(mailbox.push(&[long(0)]), 3, "a megabyte waits");
        mailbox.rearm();
        assert_eq!(mailbox.push(&[long(1)]), 0);
    }

    #[test]
    fn an_overflow_loses_all_events_until_the_mailbox_is_rearmed() {
        let mailbox = mailbox();
        for one in deliveries(Mailbox::CAPACITY) {
            assert_eq!(mailbox.push(&[one]), 0);
        }
        assert!(!mailbox.has_overflowed());
        assert_eq!(mailbox.push(&deliveries(1)), Mailbox::CAPACITY + 1);
        assert!(matches!(mailbox.next().now_or_never(), Some(None)));
        assert_eq!(mailbox.push(&deliveries(3)), 3);
        mailbox.rearm();
        assert_eq!(mailbox.push(&deliveries(1)), 0);
        assert!(matches!(mailbox.next().now_or_never(), Some(Some(_))));
        assert!(mailbox.next().now_or_never().is_none());
    }

    #[test]
    fn a_large_commit_does_not_overflow_an_empty_mailbox() {
        let mailbox = mailbox();
        assert_eq!(mailbox.push(&deliveries(1_000)), 0);
        assert_eq!(mailbox.push(&deliveries(1)), 1_001);
    }

    #[test]
    fn a_waiting_socket_is_woken_by_an_event_a_clock_an_overflow_and_a_close() {
        let mailbox = mailbox();
        let mut next = Box::pin(mailbox.next());
        assert!((&mut next).now_or_never().is_none());
        mailbox.push(&deliveries(1));
        assert!(matches!(next.now_or_never(), Some(Some(_))));

        let (first, second) = (Stamp::EPOCH, Stamp::EPOCH.next());
        mailbox.sent_up_to(first);
        mailbox.announce(Advance::polled(first));
        mailbox.polled(first);
        assert!(mailbox.next().now_or_never().is_none(), "it is as far");
        mailbox.polled(second);
        let polled = mailbox.next().now_or_never();
        assert!(matches!(polled, Some(Some(Notice::Clock(advance))) if advance == Advance::polled(second)));
        mailbox.sent_up_to(second);
        mailbox.polled(first);
        assert!(matches!(mailbox.next().now_or_never(), Some(Some(Notice::Ahead))));
        assert!(mailbox.next().now_or_never().is_none());
        mailbox.sent_up_to(first);
        mailbox.announce(Advance { previous: second, clock: second.next() });
        mailbox.announce(Advance { previous: first, clock: second });
        let both = Advance { previous: first, clock: second.next() };
        let announced = mailbox.next().now_or_never();
        assert!(matches!(announced, Some(Some(Notice::Clock(advance))) if advance == both));
        assert!(mailbox.next().now_or_never().is_none());

        let mut overflow = Box::pin(mailbox.overflow());
        assert!((&mut overflow).now_or_never().is_none());
        mailbox.push(&deliveries(Mailbox::CAPACITY));
        mailbox.push(&deliveries(1));
        assert!(overflow.now_or_never().is_some());

        let mut closing = Box::pin(mailbox.closing());
        assert!((&mut closing).now_or_never().is_none());
        mailbox.close(Closing::Revoked);
        mailbox.close(Closing::ShuttingDown);
        assert_eq!(closing.now_or_never(), Some(Closing::Revoked));
    }
}
