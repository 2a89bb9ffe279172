//! The live revocations, in memory, so that checking a token costs no query.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::EndReason;
use crate::ids::{SessionId, TokenId, UserId};
use crate::time::{ClockReading, Stamp};

/// What ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Revoked {
    /// A session, with every access token it gave out.
    Session(SessionId),
    /// One access token.
    Token(TokenId),
    /// Everything of a user, tokens of external issuers too.
    User(UserId),
}

/// One thing that ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Revocation {
    /// What ended.
    pub what: Revoked,
    /// Whose it was.
    pub user: UserId,
    /// Why.
    pub reason: EndReason,
    /// When.
    pub at: Stamp,
    /// When it may be forgotten: everything it ends has expired by then.
    pub until: Stamp,
}

/// Whether a token still stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Nothing says that it ended.
    Good,
    /// It ended.
    Revoked,
    /// Its account is disabled.
    Disabled,
    /// The list is older than [`Revocations::MAX_AGE`] by either clock: it can't be told.
    Unknown,
}

/// Is told of every revocation once, to close what is open. MUST NOT block.
pub trait RevocationListener: Send + Sync {
    /// These just became known on this instance.
    fn revoked(&self, revocations: &[Revocation]);
}

/// The list that one instance keeps.
pub struct Revocations {
    listeners: Vec<Arc<dyn RevocationListener>>,
    // A std lock: held for a map look-up, never across an await.
    list: RwLock<List>,
}

#[derive(Default)]
struct List {
    until: HashMap<Revoked, Stamp>,
    disabled: HashSet<UserId>,
    as_of: Option<ClockReading>,
}

/// What a store knows of revocations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RevocationNews {
    /// What ended since the instant asked for.
    pub revocations: Vec<Revocation>,
    /// Every account that is disabled.
    pub disabled: Vec<UserId>,
}

impl Revocations {
    /// The age at which the list is trusted no more.
    pub const MAX_AGE: Duration = Duration::from_secs(10);

    /// An empty list, which is [`Standing::Unknown`] about everything until it is first filled.
    #[must_use]
    pub fn new(listeners: Vec<Arc<dyn RevocationListener>>) -> Self {
        Self { listeners, list: RwLock::default() }
    }

    /// Adds what this instance did itself.
    pub fn add(&self, revocations: &[Revocation]) {
        let fresh = self.write(|list| list.add(revocations));
        self.tell(&fresh);
    }

    /// Takes what was read from the store by a read that began at `as_of`, later than any before, and forgets what is past its `until`.
    pub fn refresh(&self, news: &RevocationNews, as_of: ClockReading) {
        let now = as_of.now;
        let fresh = self.write(|list| {
            let mut fresh = list.add(&news.revocations);
            let disabled: HashSet<_> = news.disabled.iter().copied().collect();
            fresh.extend(disabled.difference(&list.disabled).map(|user| Revocation {
                what: Revoked::User(*user),
                user: *user,
                reason: EndReason::AdminRevoke,
                at: now,
                until: now,
            }));
            list.disabled = disabled;
            list.as_of = Some(as_of);
            list.until.retain(|_, until| *until > now);
            fresh
        });
        self.tell(&fresh);
    }

    fn write<T>(&self, change: impl FnOnce(&mut List) -> T) -> T {
        change(&mut self.list.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn tell(&self, fresh: &[Revocation]) {
        if !fresh.is_empty() {
            for listener in &self.listeners {
                listener.revoked(fresh);
            }
        }
    }

    /// Whether a token of this user, session and id still stands at `now`; a token of an external issuer has neither session nor id.
    #[must_use]
    pub fn standing(
        &self,
        user: UserId,
        session: Option<SessionId>,
        token: Option<TokenId>,
        now: ClockReading,
    ) -> Standing {
        let list = self.list.read().unwrap_or_else(PoisonError::into_inner);
        let ended = |what| list.until.contains_key(&what);
        if list.disabled.contains(&user) {
            Standing::Disabled
        } else if ended(Revoked::User(user))
            || session.is_some_and(|session| ended(Revoked::Session(session)))
            || token.is_some_and(|token| ended(Revoked::Token(token)))
        {
            Standing::Revoked
        } else if list.as_of.is_some_and(|as_of| now.since(as_of) <= Self::MAX_AGE) {
            Standing::Good
        } else {
            Standing::Unknown
        }
    }
}

impl List {
    /// Gives back those that were not known before.
    fn add(&mut self, revocations: &[Revocation]) -> Vec<Revocation> {
        let new = |r: &&Revocation| self.until.insert(r.what, r.until).is_none();
        revocations.iter().filter(new).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use uuid::Uuid;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl RevocationListener for Count {
        fn revoked(&self, revocations: &[Revocation]) {
            self.0.fetch_add(revocations.len(), Ordering::Relaxed);
        }
    }

    const SESSION: SessionId = SessionId(Uuid::nil());
    const TOKEN: TokenId = TokenId(Uuid::nil());
    const USER: UserId = UserId(Uuid::nil());

    fn revocation(until: Stamp) -> Revocation {
        Revocation {
            what: Revoked::Session(SESSION),
            user: UserId(Uuid::nil()),
            reason: EndReason::Logout,
            at: Stamp::EPOCH,
            until,
        }
    }

    fn by_both(uptime: Duration) -> ClockReading {
        ClockReading { now: Stamp::EPOCH.plus(uptime), uptime }
    }

    const START: ClockReading = ClockReading { now: Stamp::EPOCH, uptime: Duration::ZERO };

    #[test]
    fn an_old_list_is_old_though_the_clock_was_set_back() {
        let list = Revocations::new(vec![]);
        list.refresh(&RevocationNews::default(), by_both(Duration::from_hours(1)));
        let set_back = |after| ClockReading { now: Stamp::EPOCH, uptime: Duration::from_hours(1) + after };
        let max = Revocations::MAX_AGE;
        assert_eq!(list.standing(USER, None, None, set_back(max)), Standing::Good);
        assert_eq!(list.standing(USER, None, None, set_back(max * 2)), Standing::Unknown);
        list.refresh(&RevocationNews::default(), set_back(max * 2));
        assert_eq!(list.standing(USER, None, None, set_back(max * 3)), Standing::Good);
        assert_eq!(list.standing(USER, None, None, set_back(max * 4)), Standing::Unknown);
    }

    #[test]
    fn an_old_list_vouches_for_nobody_but_still_knows_who_ended() {
        let list = Revocations::new(vec![]);
        let standing = |now| list.standing(USER, Some(SESSION), Some(TOKEN), now);
        assert_eq!(standing(START), Standing::Unknown);
        list.refresh(&RevocationNews::default(), START);
        assert_eq!(standing(by_both(Revocations::MAX_AGE)), Standing::Good);
        let later = Revocations::MAX_AGE + Duration::from_micros(1);
        assert_eq!(standing(by_both(later)), Standing::Unknown);
        list.add(&[revocation(Stamp::EPOCH.plus(GRACE_OF_TEST))]);
        assert_eq!(standing(by_both(GRACE_OF_TEST)), Standing::Revoked);
    }

    fn news(revocations: Vec<Revocation>, disabled: Vec<UserId>) -> RevocationNews {
        RevocationNews { revocations, disabled }
    }

    #[test]
    fn a_disabled_user_is_locked_out_until_enabled_again() {
        let heard = Arc::new(Count::default());
        let list = Revocations::new(vec![heard.clone()]);
        for _ in 0..2 {
            list.refresh(&news(vec![], vec![USER]), START);
        }
        assert_eq!(list.standing(USER, None, None, START), Standing::Disabled);
        assert_eq!(heard.0.load(Ordering::Relaxed), 1);
        list.refresh(&RevocationNews::default(), START);
        assert_eq!(list.standing(USER, None, None, START), Standing::Good);
    }

    const GRACE_OF_TEST: Duration = Duration::from_hours(1);

    #[test]
    fn listeners_hear_of_each_once_and_what_is_over_is_forgotten() {
        let heard = Arc::new(Count::default());
        let list = Revocations::new(vec![heard.clone()]);
        let until = Stamp::EPOCH.plus(GRACE_OF_TEST);
        list.add(&[revocation(until)]);
        list.refresh(&news(vec![revocation(until)], vec![]), START);
        assert_eq!(heard.0.load(Ordering::Relaxed), 1);
        let over = by_both(GRACE_OF_TEST);
        list.refresh(&RevocationNews::default(), over);
        assert_eq!(list.standing(USER, Some(SESSION), Some(TOKEN), over), Standing::Good);
    }
}
