//! The revocations in memory, so that checking a token needs no query.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::EndReason;
use crate::ids::{SessionId, UserId};
use crate::instances::{Bus, Message};
use crate::time::{ClockReading, Stamp};

/// What a revocation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Revoked {
    /// A session and every access token issued for it.
    Session(SessionId),
    /// Every session of a user, and the tokens of external issuers.
    User(UserId),
}

/// A session or user whose tokens were ended before they expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Revocation {
    pub what: Revoked,
    pub user: UserId,
    pub reason: EndReason,
    pub at: Stamp,
    /// When every token that the revocation ends has expired, so that the revocation can be
    /// dropped.
    pub until: Stamp,
}

/// The state of a token according to the list of revocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RevocationState {
    Good,
    Revoked,
    /// The account is disabled.
    Disabled,
    /// The list is older than [`Revocations::MAX_AGE`] by either clock, so the state can't be
    /// determined.
    Unknown,
}

/// Receives every revocation once, so that open connections can be closed. MUST NOT block.
pub trait RevocationListener: Send + Sync {
    /// Handles revocations that have just become known to this instance.
    fn revoked(&self, revocations: &[Revocation]);
}

/// The list of revocations of one instance.
pub struct Revocations {
    listeners: Vec<Arc<dyn RevocationListener>>,
    bus: Option<Arc<dyn Bus>>,
    // A std lock: it is held for a map look-up and never across an await.
    list: RwLock<List>,
}

#[derive(Default)]
struct List {
    until: HashMap<Revoked, Stamp>,
    // Finds what is outdated without a walk over the whole list, which would keep requests waiting.
    outdated_at: BinaryHeap<Reverse<(Stamp, Revoked)>>,
    disabled: HashSet<UserId>,
    as_of: Option<ClockReading>,
}

/// A position in the order in which a store committed its revocations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FeedPosition(pub i64);

/// The revocations and disabled accounts that a store reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RevocationFeed {
    pub revocations: Vec<Revocation>,
    /// The next read continues after this position.
    pub position: FeedPosition,
    /// The time by the database's own clock; `None` if the database has no clock of its own.
    pub database_time: Option<Stamp>,
    /// Every account that is disabled at the moment.
    pub disabled: Vec<UserId>,
}

impl Revocations {
    /// The age beyond which the list is not trusted.
    pub const MAX_AGE: Duration = Duration::from_secs(10);

    /// An empty list. It answers [`RevocationState::Unknown`] until the first [`Revocations::refresh`].
    #[must_use]
    pub fn new(listeners: Vec<Arc<dyn RevocationListener>>) -> Self {
        Self { listeners, bus: None, list: RwLock::default() }
    }

    /// Announces the revocations of this instance on `bus`, so that the others read them at once.
    #[must_use]
    pub fn with_bus(self, bus: Option<Arc<dyn Bus>>) -> Self {
        Self { bus, ..self }
    }

    /// Adds revocations that this instance made.
    pub fn add(&self, revocations: &[Revocation]) {
        let fresh = self.write(|list| list.add(revocations));
        self.notify(&fresh);
        if let Some(bus) = self.bus.as_ref().filter(|_| !revocations.is_empty()) {
            bus.announce(Message::Revoked);
        }
    }

    /// Merges the result of a read of the store that began at `as_of`, and drops revocations that
    /// are past their `until`. Reads must be merged in the order in which they began.
    pub fn refresh(&self, feed: &RevocationFeed, as_of: ClockReading) {
        let now = as_of.now;
        // Before the lock, which every request takes.
        let mut disabled: HashSet<_> = feed.disabled.iter().copied().collect();
        let fresh = self.write(|list| {
            let mut fresh = list.add(&feed.revocations);
            fresh.extend(disabled.difference(&list.disabled).map(|user| Revocation {
                what: Revoked::User(*user),
                user: *user,
                reason: EndReason::AdminRevoke,
                at: now,
                until: now,
            }));
            std::mem::swap(&mut list.disabled, &mut disabled);
            list.as_of = Some(as_of);
            list.drop_outdated(now);
            fresh
        });
        self.notify(&fresh);
    }

    fn write<T>(&self, change: impl FnOnce(&mut List) -> T) -> T {
        change(&mut self.list.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn notify(&self, fresh: &[Revocation]) {
        if !fresh.is_empty() {
            for listener in &self.listeners {
                listener.revoked(fresh);
            }
        }
    }

    /// Whether the list is recent enough at `now` to be trusted. While it is not, every token is refused.
    #[must_use]
    pub fn is_current(&self, now: ClockReading) -> bool {
        self.list.read().unwrap_or_else(PoisonError::into_inner).is_current(now)
    }

    /// How long ago at `now` the read began that the list is from; `None` before the first.
    #[must_use]
    pub fn age(&self, now: ClockReading) -> Option<Duration> {
        let list = self.list.read().unwrap_or_else(PoisonError::into_inner);
        list.as_of.map(|as_of| now.since(as_of))
    }

    /// Whether a token of this user and session is revoked at `now`. A token of an external issuer has no
    /// session.
    #[must_use]
    pub fn state(&self, user: UserId, session: Option<SessionId>, now: ClockReading) -> RevocationState {
        let list = self.list.read().unwrap_or_else(PoisonError::into_inner);
        let ended = |what| list.until.contains_key(&what);
        if list.disabled.contains(&user) {
            RevocationState::Disabled
        } else if ended(Revoked::User(user))
            || session.is_some_and(|session| ended(Revoked::Session(session)))
        {
            RevocationState::Revoked
        } else if list.is_current(now) {
            RevocationState::Good
        } else {
            RevocationState::Unknown
        }
    }
}

impl List {
    fn is_current(&self, now: ClockReading) -> bool {
        self.as_of.is_some_and(|as_of| now.since(as_of) <= Revocations::MAX_AGE)
    }

    /// Adds the revocations, and returns those that were not in the list before.
    fn add(&mut self, revocations: &[Revocation]) -> Vec<Revocation> {
        let mut new = |r: &&Revocation| {
            let before = self.until.insert(r.what, r.until);
            if before != Some(r.until) {
                self.outdated_at.push(Reverse((r.until, r.what)));
            }
            before.is_none()
        };
        revocations.iter().filter(&mut new).copied().collect()
    }

    fn drop_outdated(&mut self, now: Stamp) {
        while let Some(Reverse((at, what))) =
            self.outdated_at.peek().copied().filter(|Reverse((at, _))| *at <= now)
        {
            self.outdated_at.pop();
            // A later revocation of the same session or user has its own entry.
            if self.until.get(&what) == Some(&at) {
                self.until.remove(&what);
            }
        }
    }
}

#[cfg(test)]
mod tests;
