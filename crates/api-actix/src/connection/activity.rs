//! Whether a connection is serving a request. The middleware reports it; the stream reads it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll};

use domain::limits::Network;
use tokio::io::ReadBuf;
use tokio::time::Instant;

use super::framing::Body;
use super::input::Input;
use super::open::OpenConnection;
use super::standing::{Leave, Phase, Standing};
use crate::memory_budget::Exhausted;

/// The activity of one connection. HTTP/1.1 serves one request at a time.
#[derive(Debug)]
pub struct Activity {
    ignores_input: Cell<bool>,
    input: RefCell<Input>,
    open: OpenConnection,
    /// Whose connection it is between requests. `None`: that of a proxy.
    owner: Option<Network>,
}

impl Activity {
    pub(super) fn idle(open: OpenConnection, owner: Option<Network>, input: Input) -> Rc<Self> {
        Rc::new(Self { ignores_input: Cell::new(false), input: RefCell::new(input), open, owner })
    }

    fn standing(&self) -> &Standing {
        self.open.standing()
    }

    /// Marks the connection as busy until the returned guard is dropped. `forwarded` tells the client of
    /// a proxy's request.
    pub fn begin_request(
        self: &Rc<Self>,
        body: Body,
        forwarded: impl FnOnce() -> Option<Network>,
    ) -> ActiveRequest {
        self.input.borrow_mut().begin(body);
        self.wake_if_held();
        self.needed_if(self.standing().begin(Phase::Working, self.owner.or_else(forwarded)));
        ActiveRequest(self.clone())
    }

    /// Marks that the request waits for its body until the returned guard is dropped. The body stays with the
    /// system until [`AwaitedBody::begin`].
    pub fn await_body(self: &Rc<Self>) -> AwaitedBody {
        self.needed_if(self.standing().turn(Phase::Working, Phase::Body));
        self.wake_if_asked_to_close();
        AwaitedBody(self.clone())
    }

    /// Another connection goes instead of this one, if that was asked to.
    fn needed_if(&self, stays: bool) {
        if stays {
            self.open.stay();
        }
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
        self.standing().idle_since()
    }

    /// Whether the framework may have more of what the client sends.
    pub(super) fn accepts_input(&self) -> bool {
        self.input.borrow().is_open()
    }

    /// Whether received bytes wait for the end of the active request.
    pub(super) fn holds_input(&self) -> bool {
        self.input.borrow().holds()
    }

    /// See [`Input::receive`].
    pub(super) fn receive(&self, bytes: &[u8]) -> Result<usize, Exhausted> {
        if !bytes.is_empty() {
            self.standing().received(bytes.len());
        }
        self.input.borrow_mut().receive(bytes)
    }

    /// See [`Input::release`].
    pub(super) fn release(&self, buf: &mut ReadBuf<'_>) -> Result<(), Exhausted> {
        self.input.borrow_mut().release(buf)
    }

    /// The other protocol, to which the client has switched, takes bytes.
    pub fn take(&self, bytes: usize) {
        let accepted = self.accepts_input();
        self.input.borrow_mut().take(bytes);
        if !accepted {
            self.standing().wake();
        }
    }

    /// Lets the reader look again at what waits.
    pub(super) fn wake_if_held(&self) {
        if self.holds_input() {
            self.standing().wake();
        }
    }

    /// The client has not read since then what the server writes.
    pub(super) fn unread(&self, since: Instant) {
        self.standing().unread(since);
        self.wake_if_asked_to_close();
    }

    /// The client has read again.
    pub(super) fn read(&self) {
        self.needed_if(self.standing().read());
    }

    /// Wakes the reader when the framework may have more, or when the connection is asked to close.
    pub(super) fn wake_later(&self, cx: &Context<'_>) {
        self.standing().wake_later(cx.waker());
    }

    /// Waits until the connection has to make room for others.
    pub async fn asked_to_close(&self) {
        self.standing().asked_to_close().await;
    }

    pub(super) fn leave(&self) -> Leave {
        self.standing().leave()
    }

    pub(super) fn is_asked_to_close(&self) -> bool {
        self.standing().is_asked_to_close()
    }

    /// Lets a connection that was asked to close while the server worked for it do so in a wait.
    fn wake_if_asked_to_close(&self) {
        if self.is_asked_to_close() {
            self.standing().wake();
        }
    }

    /// Ready when the connection was asked to close and waits for a request or its body.
    pub(super) fn poll_close(&self, cx: &Context<'_>) -> Poll<()> {
        // Registered before the check, so that no request to close is missed.
        self.standing().wake_later(cx.waker());
        if self.standing().ends_unread() { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// A request, from its head until the connection has accepted the last byte of its response.
#[derive(Debug)]
pub struct ActiveRequest(Rc<Activity>);

impl ActiveRequest {
    /// Whether the connection closes after the response, to make room for others.
    pub fn is_last(&self) -> bool {
        self.0.is_asked_to_close()
    }

    /// The client speaks another protocol from now on.
    pub fn switch_protocols(&self) {
        self.0.input.borrow_mut().switch_protocols();
        self.0.needed_if(self.0.standing().turn(Phase::Working, Phase::Socket));
        self.0.open.set_socket(true);
        self.0.standing().wake();
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.0.needed_if(self.0.standing().begin(Phase::Idle, self.0.owner));
        self.0.open.set_socket(false);
        self.0.input.borrow_mut().end();
        if self.0.holds_input() || self.0.is_asked_to_close() {
            self.0.standing().wake();
        }
    }
}

/// A request that waits for its body.
#[derive(Debug)]
pub struct AwaitedBody(Rc<Activity>);

impl AwaitedBody {
    /// Lets the body arrive.
    pub fn begin(&self) {
        self.0.input.borrow_mut().take_body(true);
        // The client was not late so far.
        self.0.needed_if(self.0.standing().turn(Phase::Body, Phase::Body));
        if self.0.accepts_input() {
            self.0.standing().wake();
        }
    }

    /// Lets nothing more of the body arrive for now.
    pub fn pause(&self) {
        self.0.input.borrow_mut().take_body(false);
    }
}

impl Drop for AwaitedBody {
    fn drop(&mut self) {
        self.pause();
        self.0.needed_if(self.0.standing().turn(Phase::Body, Phase::Working));
    }
}
