//! One socket, from its upgrade to its close.

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::ws::CloseCode;
use actix_web::web::Bytes;
use domain::Stamp;
use domain::session::{AuthFailure, Principal, SessionService};
use domain::sync::{Epoch, SyncService};
use metrics::{counter, histogram};
use tokio::time::{Instant, sleep, timeout_at};

use super::end::End;
use super::hub::{Hub, Subscription};
use super::incoming::{Incoming, Received};
use super::mailbox::{Closing, Mailbox, Notice};
use super::outgoing::Outgoing;
use super::protocol;
use super::replay::{Interruption, Progress, Source, UpToDate};
use crate::connection::Activity;

/// The most todos that a socket reads at a time.
const PAGE: u32 = 100;

/// How long the user's stamp is cached for pongs.
const CLOCK_TTL: Duration = Duration::from_millis(250);

/// The rate limit of frames from the client: 100 per second on average, in bursts of 200. Beyond
/// that rate the socket reads more slowly, so no frame is lost.
const FRAME_INTERVAL: Duration = Duration::from_millis(10);
const BURST: Duration = Duration::from_secs(2);

/// An authenticated socket.
pub struct Socket {
    pub hub: Arc<Hub>,
    pub sync: SyncService,
    pub sessions: SessionService,
    pub principal: Principal,
    /// The stamp up to which the client has every change, if it sent one.
    pub since: Option<Stamp>,
    pub activity: Option<Rc<Activity>>,
}

impl Socket {
    /// Serves the client until one side closes. Checks the session again after subscribing, because
    /// the hub cannot close a socket before it subscribes.
    pub async fn run(self, mut incoming: Incoming, out: Outgoing) {
        let subscription = self.hub.subscribe(&self.principal);
        let end = match self.sessions.check(&self.principal) {
            Ok(()) => self.serve(&subscription, &mut incoming, &out, self.hub.clock().now()).await,
            Err(AuthFailure::RevocationsUnknown) => End::try_again(&AuthFailure::RevocationsUnknown.into()),
            Err(_) => Closing::Revoked.into(),
        };
        drop(subscription);
        if let End::Close { reason, .. } = &end {
            tracing::debug!(user = %self.principal.user, code = u16::from(reason.code), "a socket is closed");
        } else {
            tracing::debug!(user = %self.principal.user, "a socket has disconnected");
        }
        end.carry_out(out, incoming).await;
    }

    async fn serve(
        &self,
        subscription: &Subscription,
        incoming: &mut Incoming,
        out: &Outgoing,
        now: Stamp,
    ) -> End {
        let tasks = Tasks {
            hub: &self.hub,
            source: Source {
                sync: &self.sync,
                user: self.principal.user,
                memory: self.hub.memory(),
                page: PAGE,
            },
            mailbox: subscription.mailbox(),
            out,
            cursor: Cell::new(Stamp::MIN),
        };
        tokio::select! {
            biased;
            () = sleep(self.principal.expires_at.since(now)) => End::token_expired(),
            closing = tasks.mailbox.closing() => closing.into(),
            () = out.disconnected() => End::Disconnected,
            () = self.asked_to_close() => End::made_room(),
            Err(end) = tasks.receive(incoming) => end,
            Err(end) = tasks.notify(self.since) => end,
        }
    }

    /// Waits until the connection has to make room for others.
    async fn asked_to_close(&self) {
        match &self.activity {
            Some(activity) => activity.asked_to_close().await,
            None => std::future::pending().await,
        }
    }
}

/// The two concurrent loops of a socket: one sends events, the other answers the client.
struct Tasks<'a> {
    hub: &'a Hub,
    source: Source<'a>,
    mailbox: &'a Mailbox,
    out: &'a Outgoing,
    /// The stamp up to which every change has been sent.
    cursor: Cell<Stamp>,
}

impl Tasks<'_> {
    /// Replays the changes after `since`, then sends events as they happen.
    async fn notify(&self, since: Option<Stamp>) -> Result<Infallible, End> {
        let UpToDate { at, epoch, .. } = self.start(since).await?;
        self.come_to(at);
        self.out.send(protocol::ready(at, &epoch)).await?;
        loop {
            let known = self.cursor.get();
            match self.mailbox.next().await.ok_or_else(End::too_slow)? {
                Notice::Event(delivery) if delivery.stamp <= known => {}
                Notice::Event(delivery) if delivery.previous <= known => {
                    tokio::select! {
                        sent = self.out.send(delivery.frame) => sent?,
                        () = self.mailbox.overflow() => return Err(End::too_slow()),
                    }
                    self.come_to(delivery.stamp);
                    self.delivered(delivery.stamp);
                }
                Notice::Clock(advance) if advance.clock <= known => {}
                Notice::Event(_) => self.read_on(known, true).await?,
                Notice::Ahead => self.read_on(known, false).await?,
                Notice::Clock(advance) => self.read_on(known, known < advance.previous).await?,
            }
        }
    }

    /// Brings the client up to date. Without `since`, it counts as up to date.
    async fn start(&self, since: Option<Stamp>) -> Result<UpToDate, End> {
        let since = if let Some(since) = since {
            since
        } else {
            let position = self.source.position().await?;
            if !self.mailbox.has_overflowed() {
                return Ok(UpToDate { at: position.clock, epoch: position.epoch(), resync: false });
            }
            position.clock
        };
        Ok(self.source.catch_up(since, self.mailbox, self.out, |_| ()).await?)
    }

    /// Sends the changes after `known` that other instances made, or whose events did not arrive,
    /// or that the database has lost some. `missed`: an announcement did not arrive either.
    ///
    /// If the store can't be read, the socket stays behind: it reads again when it learns of
    /// another change, and the clocks are polled.
    async fn read_on(&self, known: Stamp, missed: bool) -> Result<(), End> {
        let progress = |progress| match progress {
            Progress::Todo(stamp) => self.delivered(stamp),
            Progress::Everything(at) => self.come_to(at),
        };
        match self.source.catch_up(known, self.mailbox, self.out, progress).await {
            Ok(UpToDate { at, epoch, resync }) => {
                if resync {
                    self.out.send(protocol::ready(at, &epoch)).await?;
                }
                counter!("realtime_bus_gaps_repaired_total").increment(u64::from(missed));
                Ok(())
            }
            Err(Interruption::Store(error)) => {
                tracing::debug!(%error, user = %self.source.user, "a socket can't read what it missed yet");
                Ok(())
            }
            Err(Interruption::End(end)) => Err(end),
        }
    }

    /// Remembers that the client was sent every change up to `at`.
    fn come_to(&self, at: Stamp) {
        self.cursor.set(at);
        self.mailbox.sent_up_to(at);
    }

    /// Counts a live change that was sent.
    fn delivered(&self, stamp: Stamp) {
        counter!("realtime_events_delivered_total").increment(1);
        histogram!("realtime_delivery_seconds").record(self.hub.clock().now().since(stamp));
    }

    /// Answers the client's frames, and pings the client when it is silent.
    async fn receive(&self, incoming: &mut Incoming) -> Result<Infallible, End> {
        let heartbeat = self.hub.heartbeat();
        let mut last_frame = Instant::now();
        let mut ping_at = last_frame + heartbeat.ping_after;
        let mut next_allowed = last_frame;
        let mut clock = CachedClock(None);
        loop {
            let close_at = last_frame + heartbeat.close_after;
            let Ok(received) = timeout_at(ping_at.min(close_at), incoming.next()).await else {
                if Instant::now() >= close_at {
                    return Err(End::close(CloseCode::Policy, "silent for too long"));
                }
                self.out.send(protocol::ping()).await?;
                ping_at += heartbeat.ping_after;
                continue;
            };
            last_frame = Instant::now();
            ping_at = last_frame + heartbeat.ping_after;
            self.answer(received, &mut clock).await?;
            next_allowed = next_allowed.max(last_frame) + FRAME_INTERVAL;
            let excess = (next_allowed - last_frame).saturating_sub(BURST);
            if !excess.is_zero() {
                sleep(excess).await;
            }
        }
    }

    async fn answer(&self, received: Received, clock: &mut CachedClock) -> Result<(), End> {
        let answer = match received {
            Received::Text(text) => match protocol::parse_ping(&text) {
                Ok(()) => self.pong(clock).await?,
                Err(problem) => protocol::error(&problem),
            },
            Received::Binary => protocol::error(&protocol::not_a_ping()),
            Received::Ping(payload) => protocol::pong_frame(payload),
            Received::KeepAlive => return Ok(()),
            Received::Close(reason) => {
                let code = reason.map_or(CloseCode::Normal, |reason| reason.code);
                return Err(End::reply(code));
            }
            Received::Disconnected => return Err(End::Disconnected),
            Received::Violation(code, description) => return Err(End::violation(code, description)),
        };
        Ok(self.out.send(answer).await?)
    }

    /// A pong with the user's newest stamp. An outage of the store does not close the socket.
    async fn pong(&self, cached: &mut CachedClock) -> Result<Bytes, End> {
        let fresh = cached.0.take().filter(|(.., read_at)| read_at.elapsed() < CLOCK_TTL);
        let (clock, epoch, read_at) = match fresh {
            Some(cached) => cached,
            None => match self.source.sync.position(self.source.user).await {
                Ok(Some(position)) => (position.clock, position.epoch(), Instant::now()),
                Ok(None) => return Err(End::account_gone()),
                Err(error) => return Ok(protocol::error(&error.into())),
            },
        };
        let pong = protocol::pong(clock.max(self.cursor.get()), &epoch);
        cached.0 = Some((clock, epoch, read_at));
        Ok(pong)
    }
}

/// The user's newest stamp, its epoch, and when both were read.
struct CachedClock(Option<(Stamp, Epoch, Instant)>);

#[cfg(test)]
mod hostile_bus;
