//! The bounded queue between the hub and one socket.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use actix_web::web::Bytes;
use domain::{SessionId, Stamp};
use tokio::sync::Notify;

/// An event, ready to be written to any socket of its user.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The stamp of the change.
    pub stamp: Stamp,
    /// The WebSocket frame that tells of it; its bytes are shared by all who get it.
    pub frame: Bytes,
}

/// Why the server takes an open socket back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// Its session or token was ended.
    Revoked,
    /// The server stops.
    ShuttingDown,
}

/// Filled by the hub from any thread, without blocking; emptied by one socket.
///
/// Once more than [`Mailbox::CAPACITY`] events wait it has overflowed: it forgets them all and takes no more until it is
/// re-armed. The events of one commit are taken whole when fewer than that wait, so that a socket that keeps up is not
/// taken for a slow one because a batch is large.
#[derive(Debug)]
pub struct Mailbox {
    /// The session the socket belongs to.
    pub session: Option<SessionId>,
    // A std lock: held to move a few pointers, never across an await.
    state: Mutex<State>,
    filled: Notify,
    closed: Notify,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Delivery>,
    overflowed: bool,
    closing: Option<Closing>,
}

impl Mailbox {
    /// How many events may wait.
    pub const CAPACITY: usize = 256;

    /// An empty one.
    pub fn new(session: Option<SessionId>) -> Self {
        Self { session, state: Mutex::default(), filled: Notify::new(), closed: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues the events of one commit; gives how many are lost by it, those that waited included.
    pub fn push(&self, deliveries: &[Delivery]) -> usize {
        let lost = {
            let mut state = self.state();
            if state.closing.is_some() {
                return 0;
            }
            if state.overflowed {
                deliveries.len()
            } else if state.queue.len() >= Self::CAPACITY {
                state.overflowed = true;
                std::mem::take(&mut state.queue).len() + deliveries.len()
            } else {
                state.queue.extend(deliveries.iter().cloned());
                0
            }
        };
        self.filled.notify_one();
        lost
    }

    /// Tells the socket to close; the first reason stands.
    pub fn close(&self, closing: Closing) {
        {
            let mut state = self.state();
            state.closing.get_or_insert(closing);
            state.queue = VecDeque::new();
        }
        self.closed.notify_one();
    }

    /// Takes events again after an overflow.
    pub fn rearm(&self) {
        self.state().overflowed = false;
    }

    /// Whether events were lost since it was last armed.
    pub fn has_overflowed(&self) -> bool {
        self.state().overflowed
    }

    /// The next event; `None` once it has overflowed. Only one caller may wait here or in [`Mailbox::overflow`].
    pub async fn next(&self) -> Option<Delivery> {
        loop {
            {
                let mut state = self.state();
                if state.overflowed {
                    return None;
                }
                if let Some(delivery) = state.queue.pop_front() {
                    return Some(delivery);
                }
                // What one large commit needed is not kept for the life of the socket.
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

    /// Waits to be told to close.
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
    use futures_util::FutureExt;
    use uuid::Uuid;

    use super::*;

    fn mailbox() -> Mailbox {
        Mailbox::new(Some(SessionId(Uuid::nil())))
    }

    fn deliveries(count: usize) -> Vec<Delivery> {
        (0..count).map(|_| Delivery { stamp: Stamp::EPOCH, frame: Bytes::new() }).collect()
    }

    #[test]
    fn one_event_more_than_fits_loses_them_all_until_it_is_rearmed() {
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
    fn a_large_commit_is_taken_whole_by_a_socket_that_keeps_up() {
        let mailbox = mailbox();
        assert_eq!(mailbox.push(&deliveries(1_000)), 0);
        assert_eq!(mailbox.push(&deliveries(1)), 1_001);
    }

    #[test]
    fn whoever_waits_is_woken_by_an_event_an_overflow_and_a_close() {
        let mailbox = mailbox();
        let mut next = Box::pin(mailbox.next());
        assert!((&mut next).now_or_never().is_none());
        mailbox.push(&deliveries(1));
        assert!(matches!(next.now_or_never(), Some(Some(_))));

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
