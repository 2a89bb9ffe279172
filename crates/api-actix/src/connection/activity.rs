//! Whether a connection is serving a request. The middleware reports it; the stream reads it.

use std::cell::Cell;
use std::rc::Rc;

use tokio::time::Instant;

/// The activity of one connection. HTTP/1.1 serves one request at a time.
#[derive(Debug)]
pub struct Activity {
    idle_since: Cell<Option<Instant>>,
}

impl Activity {
    pub(super) fn idle() -> Rc<Self> {
        Rc::new(Self { idle_since: Cell::new(Some(Instant::now())) })
    }

    /// Marks the connection as busy until the returned guard is dropped.
    pub fn begin_request(self: &Rc<Self>) -> ActiveRequest {
        self.idle_since.set(None);
        ActiveRequest(self.clone())
    }

    /// The end of the last request, or `None` while one is active.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        self.idle_since.get()
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
