//! The life of one socket, from the upgrade to the close.

use std::cell::Cell;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use actix_http::ws::{CloseCode, CloseReason};
use actix_web::web::Bytes;
use domain::session::{AuthFailure, Principal, SessionService};
use domain::todo::TodoStore;
use domain::{Stamp, StoreError};
use metrics::{counter, histogram};
use tokio::time::{Instant, sleep, timeout_at};

use super::hub::{Hub, Subscription};
use super::incoming::{Incoming, Received};
use super::mailbox::{Closing, Mailbox};
use super::outgoing::{Outgoing, Unwritten};
use super::protocol;
use super::replay::{Source, catch_up};
use crate::error::Problem;

/// The close code of a socket whose token expired or was ended.
const UNAUTHORIZED: u16 = 4401;

/// How often a socket asks the store where the user's clock stands, however often it is pinged.
const CLOCK_EVERY: Duration = Duration::from_millis(250);

/// A frame costs a client this much of its time, of which it may owe [`CREDIT`]: 100 frames a second, bursts of 200. Beyond
/// that the connection is not read, which slows the client down without loss.
const FRAME_COST: Duration = Duration::from_millis(10);
const CREDIT: Duration = Duration::from_secs(2);

/// Why a socket ends.
pub enum End {
    /// The connection is no more: there is nobody to tell.
    Gone,
    /// The server closes it.
    Close {
        /// A message before the close frame.
        message: Option<Bytes>,
        /// The close frame.
        reason: CloseReason,
    },
}

impl End {
    fn close(code: impl Into<CloseCode>, description: &str) -> Self {
        let reason = CloseReason { code: code.into(), description: Some(description.to_owned()) };
        Self::Close { message: None, reason }
    }

    fn saying(self, message: Bytes) -> Self {
        match self {
            Self::Gone => Self::Gone,
            Self::Close { reason, .. } => Self::Close { message: Some(message), reason },
        }
    }

    /// The client does not keep up.
    fn too_slow() -> Self {
        Self::close(CloseCode::Again, "too slow").saying(protocol::resync_required())
    }

    /// The user is no more.
    pub fn account_gone() -> Self {
        Self::close(UNAUTHORIZED, "the account is gone")
    }

    /// The store could not be read.
    pub fn failed(error: StoreError) -> Self {
        Self::try_again(&error.into())
    }

    fn try_again(problem: &Problem) -> Self {
        Self::close(CloseCode::Again, "try again").saying(protocol::error(problem))
    }
}

impl From<Unwritten> for End {
    fn from(unwritten: Unwritten) -> Self {
        match unwritten {
            Unwritten::Gone => Self::Gone,
            Unwritten::Stalled => Self::too_slow(),
        }
    }
}

impl From<Closing> for End {
    fn from(closing: Closing) -> Self {
        match closing {
            Closing::Revoked => Self::close(UNAUTHORIZED, "the session has ended"),
            Closing::ShuttingDown => Self::close(CloseCode::Restart, "the server restarts"),
        }
    }
}

/// A socket that has been let in.
pub struct Socket {
    /// Where its events come from.
    pub hub: Arc<Hub>,
    /// Where it reads what it missed.
    pub store: Arc<dyn TodoStore>,
    /// Checks whether the session has ended.
    pub sessions: SessionService,
    /// The caller.
    pub principal: Principal,
    /// Up to where the client knows everything, if it said so.
    pub since: Option<Stamp>,
}

impl Socket {
    /// Serves the client until one side closes. Checks the caller again after subscribing, as the hub could not notify this
    /// socket of an end of the session before.
    pub async fn run(self, incoming: Incoming, out: Outgoing) {
        let subscription = self.hub.subscribe(&self.principal);
        let end = match self.sessions.check(&self.principal) {
            Ok(()) => self.serve(&subscription, incoming, &out, self.hub.clock().now()).await,
            Err(AuthFailure::RevocationsUnknown) => End::try_again(&AuthFailure::RevocationsUnknown.into()),
            Err(_) => Closing::Revoked.into(),
        };
        drop(subscription);
        if let End::Close { message, reason } = end {
            tracing::debug!(user = %self.principal.user, code = u16::from(reason.code), "a socket is closed");
            out.end(message, reason);
        } else {
            tracing::debug!(user = %self.principal.user, "a socket is gone");
        }
    }

    async fn serve(
        &self,
        subscription: &Subscription,
        incoming: Incoming,
        out: &Outgoing,
        now: Stamp,
    ) -> End {
        let life = Life {
            hub: &self.hub,
            source: Source { store: &*self.store, user: self.principal.user },
            mailbox: subscription.mailbox(),
            out,
            told: Cell::new(Stamp::MIN),
        };
        tokio::select! {
            biased;
            () = sleep(self.principal.expires_at.since(now)) => {
                End::close(UNAUTHORIZED, "the token has expired")
            }
            closing = life.mailbox.closing() => closing.into(),
            () = out.gone() => End::Gone,
            Err(end) = life.listen(incoming) => end,
            Err(end) = life.tell(self.since) => end,
        }
    }
}

/// What its two halves share: one tells, the other listens, both in the same task.
struct Life<'a> {
    hub: &'a Hub,
    source: Source<'a>,
    mailbox: &'a Mailbox,
    out: &'a Outgoing,
    /// The stamp up to which everything has been told.
    told: Cell<Stamp>,
}

impl Life<'_> {
    async fn tell(&self, since: Option<Stamp>) -> Result<Infallible, End> {
        self.told.set(catch_up(&self.source, since, self.mailbox, self.out).await?);
        self.out.send(protocol::ready(self.told.get())).await?;
        loop {
            let delivery = self.mailbox.next().await.ok_or_else(End::too_slow)?;
            if delivery.stamp <= self.told.get() {
                continue;
            }
            tokio::select! {
                sent = self.out.send(delivery.frame) => sent?,
                () = self.mailbox.overflow() => return Err(End::too_slow()),
            }
            self.told.set(delivery.stamp);
            counter!("realtime_events_delivered_total").increment(1);
            histogram!("realtime_delivery_seconds").record(self.hub.clock().now().since(delivery.stamp));
        }
    }

    async fn listen(&self, mut incoming: Incoming) -> Result<Infallible, End> {
        let pace = self.hub.pace();
        let mut heard = Instant::now();
        let mut ping_at = heard + pace.ping;
        let mut owed = heard;
        let mut clock = ClockAsked(None);
        loop {
            let silent_at = heard + pace.silence;
            let Ok(received) = timeout_at(ping_at.min(silent_at), incoming.next()).await else {
                if Instant::now() >= silent_at {
                    return Err(End::close(CloseCode::Policy, "silent for too long"));
                }
                self.out.send(protocol::ping()).await?;
                ping_at += pace.ping;
                continue;
            };
            heard = Instant::now();
            ping_at = heard + pace.ping;
            self.answer(received, &mut clock).await?;
            owed = owed.max(heard) + FRAME_COST;
            let overdrawn = (owed - heard).saturating_sub(CREDIT);
            if !overdrawn.is_zero() {
                sleep(overdrawn).await;
            }
        }
    }

    async fn answer(&self, received: Received, clock: &mut ClockAsked) -> Result<(), End> {
        let answer = match received {
            Received::Text(text) => match protocol::parse_ping(&text) {
                Ok(()) => self.pong(clock).await?,
                Err(problem) => protocol::error(&problem),
            },
            Received::Binary => protocol::error(&protocol::not_a_ping()),
            Received::Ping(payload) => protocol::pong_frame(payload),
            Received::Life => return Ok(()),
            Received::Close(reason) => {
                let code = reason.map_or(CloseCode::Normal, |reason| reason.code);
                return Err(End::close(code, ""));
            }
            Received::Gone => return Err(End::Gone),
            Received::Fault(code, description) => return Err(End::close(code, description)),
        };
        Ok(self.out.send(answer).await?)
    }

    /// Tells the user's newest stamp. That it can't be read now is no reason to close.
    async fn pong(&self, asked: &mut ClockAsked) -> Result<Bytes, End> {
        let clock = match asked.0 {
            Some((clock, at)) if at.elapsed() < CLOCK_EVERY => clock,
            _ => match self.source.store.clock(self.source.user).await {
                Ok(Some(clock)) => {
                    asked.0 = Some((clock, Instant::now()));
                    clock
                }
                Ok(None) => return Err(End::account_gone()),
                Err(error) => return Ok(protocol::error(&error.into())),
            },
        };
        Ok(protocol::pong(clock.max(self.told.get())))
    }
}

/// What the store last said about the user's clock, and when.
struct ClockAsked(Option<(Stamp, Instant)>);
