//! What a stream is told of the requests that come over it.

use std::cell::Cell;
use std::rc::Rc;

use tokio::time::Instant;

/// Whether a request is under way on a connection. HTTP/1.1 serves one at a time.
#[derive(Debug)]
pub struct Watch {
    /// Since when none is.
    idle_since: Cell<Option<Instant>>,
    /// Whether the last had a body of a length not known beforehand.
    chunked: Cell<bool>,
}

impl Watch {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self { idle_since: Cell::new(Some(Instant::now())), chunked: Cell::new(false) })
    }

    /// A request begins; it is under way until the guard is dropped.
    pub fn begin(self: &Rc<Self>, chunked: bool) -> Underway {
        self.idle_since.set(None);
        self.chunked.set(chunked);
        Underway(self.clone())
    }

    /// Since when no request is under way; `None` while one is.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        self.idle_since.get()
    }

    /// Whether what can't be read may be the rest of a body whose request has its answer.
    pub(super) fn answered_already(&self) -> bool {
        self.chunked.get()
    }
}

/// A request under way, from its head to the last byte of its answer that is given to the connection.
#[derive(Debug)]
pub struct Underway(Rc<Watch>);

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.idle_since.set(Some(Instant::now()));
    }
}
