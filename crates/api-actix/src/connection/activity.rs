//! Whether a connection is serving a request. The middleware reports it; the stream reads it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::time::Instant;

use super::open::OpenConnection;

/// The activity of one connection. HTTP/1.1 serves one request at a time.
#[derive(Debug)]
pub struct Activity {
    idle_since: Cell<Option<Instant>>,
    asked_to_close: Cell<bool>,
    ignores_input: Cell<bool>,
    /// Wakes the reader of the connection.
    reader: RefCell<Option<Waker>>,
    _open: OpenConnection,
}

impl Activity {
    pub(super) fn idle(open: OpenConnection) -> Rc<Self> {
        Rc::new(Self {
            idle_since: Cell::new(Some(Instant::now())),
            asked_to_close: Cell::new(false),
            ignores_input: Cell::new(false),
            reader: RefCell::new(None),
            _open: open,
        })
    }

    /// Marks the connection as busy until the returned guard is dropped.
    pub fn begin_request(self: &Rc<Self>) -> ActiveRequest {
        self.idle_since.set(None);
        ActiveRequest(self.clone())
    }

    /// The last bytes to the client are written, and nothing that the client sends matters any more: the
    /// connection ends without waiting for the client.
    pub fn ignore_input(&self) {
        self.ignores_input.set(true);
    }

    pub(super) fn ignores_input(&self) -> bool {
        self.ignores_input.get()
    }

    /// The end of the last request, or `None` while one is active.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        self.idle_since.get()
    }

    /// Closes the connection now, or after the request that has just arrived.
    pub(super) fn close(&self) {
        self.asked_to_close.set(true);
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    pub(super) fn is_asked_to_close(&self) -> bool {
        self.asked_to_close.get()
    }

    /// Ready when the connection was asked to close and is idle.
    pub(super) fn poll_close(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.asked_to_close.get() && self.idle_since.get().is_some() {
            return Poll::Ready(());
        }
        let mut reader = self.reader.borrow_mut();
        if !reader.as_ref().is_some_and(|reader| reader.will_wake(cx.waker())) {
            *reader = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

/// A request, from its head until the connection has accepted the last byte of its response.
#[derive(Debug)]
pub struct ActiveRequest(Rc<Activity>);

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.0.idle_since.set(Some(Instant::now()));
    }
}
