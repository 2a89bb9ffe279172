//! What a connection waits for, as every worker can see it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use domain::limits::Network;
use futures_util::task::AtomicWaker;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Timeouts;
use super::choice::{Candidate, Wait};

/// The standing of one connection.
#[derive(Debug)]
pub(super) struct Standing {
    // A std mutex: held to copy a few fields, never across an await.
    state: Mutex<State>,
    /// Wakes the task that reads from and writes to the connection.
    task: AtomicWaker,
    /// Wakes the task of a socket.
    closing: Notify,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// Since when the client of an idle connection has sent no complete request, that of a body has
    /// been behind, or that of a socket has been silent.
    since: Instant,
    /// Since when the client has not read what the server writes.
    unread_since: Option<Instant>,
    /// Who is served. `None`: unknown, as between the requests of a proxy.
    client: Option<Network>,
    leave: Leave,
}

/// Whether a connection was asked to close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    No,
    /// While it waited for its client. If that sends what was missing at this moment, another goes instead.
    WhileItWaits,
    /// While the server worked for it. It closes after the response, or when it waits for its client.
    AfterItsResponse,
}

/// What happens on a connection, apart from writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The head of a request is missing.
    Idle,
    /// A handler waits for the rest of the body.
    Body,
    /// The server works on a request.
    Working,
    /// The connection is a WebSocket.
    Socket,
}

impl Standing {
    pub(super) fn new(client: Option<Network>) -> Self {
        let state =
            State { phase: Phase::Idle, since: Instant::now(), unread_since: None, client, leave: Leave::No };
        Self { state: Mutex::new(state), task: AtomicWaker::new(), closing: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a phase for a client. Returns whether the connection was asked to close and is needed after
    /// all: it no longer waits.
    #[must_use]
    pub(super) fn begin(&self, phase: Phase, client: Option<Network>) -> bool {
        let mut state = self.state();
        (state.phase, state.since, state.client) = (phase, Instant::now(), client);
        phase == Phase::Working && state.stay()
    }

    /// Like [`Self::begin`], if the phase is now `from`.
    #[must_use]
    pub(super) fn turn(&self, from: Phase, to: Phase) -> bool {
        let mut state = self.state();
        if state.phase != from {
            return false;
        }
        (state.phase, state.since) = (to, Instant::now());
        to == Phase::Working && state.stay()
    }

    pub(super) fn is_socket(&self) -> bool {
        self.state().phase == Phase::Socket
    }

    /// The start of the present idle phase.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let state = self.state();
        (state.phase == Phase::Idle).then_some(state.since)
    }

    /// Takes note of bytes from the client. A body that arrives steadily is never far behind, and one that
    /// trickles in has been behind since it began.
    pub(super) fn received(&self, bytes: usize) {
        let mut state = self.state();
        match state.phase {
            Phase::Body => {
                let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
                let won_back = Duration::from_secs(bytes.into()) / Timeouts::BYTES_PER_SECOND;
                state.since = (state.since + won_back).min(Instant::now());
            }
            Phase::Socket => state.since = Instant::now(),
            Phase::Idle | Phase::Working => {}
        }
    }

    /// The client has not read since then what the server writes.
    pub(super) fn unread(&self, since: Instant) {
        self.state().unread_since = Some(since);
    }

    /// The client has read. Returns whether the connection was asked to close and is needed after all.
    #[must_use]
    pub(super) fn read(&self) -> bool {
        let mut state = self.state();
        state.unread_since.take().is_some() && state.phase == Phase::Working && state.stay()
    }

    /// The wait that the connection could be closed in. `None`: it has been asked to close.
    pub(super) fn candidate(&self, now: Instant) -> Option<Candidate<&Self>> {
        let state = self.state();
        if state.leave != Leave::No {
            return None;
        }
        let wait = match (state.phase, state.unread_since) {
            (Phase::Working, None) => Wait::working(state.since),
            (Phase::Socket, None) => Wait::socket(state.since),
            (Phase::Working | Phase::Socket, Some(unread)) => Wait::of(unread, now),
            (Phase::Idle | Phase::Body, unread) => {
                Wait::of(unread.unwrap_or(state.since).min(state.since), now)
            }
        };
        Some(Candidate { client: state.client, wait, connection: self })
    }

    /// Asks the connection to close. The decision is its own: what it waited for may arrive at this moment.
    pub(super) fn close(&self) {
        let mut state = self.state();
        let works = state.phase == Phase::Working && state.unread_since.is_none();
        state.leave = if works { Leave::AfterItsResponse } else { Leave::WhileItWaits };
        drop(state);
        self.task.wake();
        self.closing.notify_one();
    }

    pub(super) fn leave(&self) -> Leave {
        self.state().leave
    }

    pub(super) fn is_asked_to_close(&self) -> bool {
        self.leave() != Leave::No
    }

    /// Whether the connection ends now, while nothing arrives from the client.
    pub(super) fn ends_unread(&self) -> bool {
        let state = self.state();
        state.leave != Leave::No && matches!(state.phase, Phase::Idle | Phase::Body)
    }

    /// Waits until the connection is asked to close.
    pub(super) async fn asked_to_close(&self) {
        // An earlier request to close may have been for a wait that is over.
        while !self.is_asked_to_close() {
            self.closing.notified().await;
        }
    }

    pub(super) fn wake(&self) {
        self.task.wake();
    }

    pub(super) fn wake_later(&self, waker: &Waker) {
        self.task.register(waker);
    }
}

impl State {
    /// The connection no longer waits for its client.
    fn stay(&mut self) -> bool {
        let stays = self.unread_since.is_none() && self.leave == Leave::WhileItWaits;
        if stays {
            self.leave = Leave::No;
        }
        stays
    }
}
