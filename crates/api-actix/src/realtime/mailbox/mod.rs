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
mod tests;
