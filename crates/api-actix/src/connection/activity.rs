//! Whether a connection is serving a request. The middleware reports it; the stream reads it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::time::Instant;

use super::input::{Body, Input};
use super::open::OpenConnection;
use crate::memory_budget::Exhausted;

/// The activity of one connection. HTTP/1.1 serves one request at a time.
#[derive(Debug)]
pub struct Activity {
    idle_since: Cell<Option<Instant>>,
    asked_to_close: Cell<bool>,
    ignores_input: Cell<bool>,
    input: RefCell<Input>,
    /// Wakes the reader of the connection.
    reader: RefCell<Option<Waker>>,
    _open: OpenConnection,
}

impl Activity {
    pub(super) fn idle(open: OpenConnection, input: Input) -> Rc<Self> {
        Rc::new(Self {
            idle_since: Cell::new(Some(Instant::now())),
            asked_to_close: Cell::new(false),
            ignores_input: Cell::new(false),
            input: RefCell::new(input),
            reader: RefCell::new(None),
            _open: open,
        })
    }

    /// Marks the connection as busy until the returned guard is dropped.
    pub fn begin_request(self: &Rc<Self>, body: Body) -> ActiveRequest {
        self.idle_since.set(None);
        self.input.borrow_mut().begin(body);
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

    /// Counts bytes that the client has sent. Fails if there is no memory for them.
    pub(super) fn receive(&self, bytes: usize) -> Result<(), Exhausted> {
        self.input.borrow_mut().receive(bytes)
    }

    /// Ready when the connection may read more.
    pub(super) fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        if !self.input.borrow().is_full() {
            return Poll::Ready(());
        }
        self.wake_later(cx);
        Poll::Pending
    }

    /// Closes the connection now, or after the request that has just arrived.
    pub(super) fn close(&self) {
        self.asked_to_close.set(true);
        self.wake_reader();
    }

    fn wake_reader(&self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    fn wake_later(&self, cx: &Context<'_>) {
        let mut reader = self.reader.borrow_mut();
        if !reader.as_ref().is_some_and(|reader| reader.will_wake(cx.waker())) {
            *reader = Some(cx.waker().clone());
        }
    }

    pub(super) fn is_asked_to_close(&self) -> bool {
        self.asked_to_close.get()
    }

    /// Ready when the connection was asked to close and is idle.
    pub(super) fn poll_close(&self, cx: &Context<'_>) -> Poll<()> {
        if self.asked_to_close.get() && self.idle_since.get().is_some() {
            return Poll::Ready(());
        }
        self.wake_later(cx);
        Poll::Pending
    }
}

/// A request, from its head until the connection has accepted the last byte of its response.
#[derive(Debug)]
pub struct ActiveRequest(Rc<Activity>);

impl ActiveRequest {
    /// The client speaks another protocol from now on.
    pub fn switch_protocols(&self) {
        self.0.input.borrow_mut().switch_protocols();
        self.0.wake_reader();
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.0.idle_since.set(Some(Instant::now()));
        let mut input = self.0.input.borrow_mut();
        let waits = input.is_full();
        input.end();
        drop(input);
        if waits {
            self.0.wake_reader();
        }
    }
}
