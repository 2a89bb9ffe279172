//! The live revocations, in memory, so that checking a token costs no query.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::EndReason;
use crate::ids::{SessionId, TokenId, UserId};
use crate::time::Stamp;

/// What ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Revoked {
    /// A session, with every access token it gave out.
    Session(SessionId),
    /// One access token.
    Token(TokenId),
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
    /// The list is older than [`Revocations::MAX_AGE`]: it can't be told.
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
    as_of: Option<Stamp>,
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
        self.absorb(revocations, None);
    }

    /// Adds what was read from the store by a read that began at `as_of`, and forgets what is past its `until`.
    pub fn refresh(&self, revocations: &[Revocation], as_of: Stamp) {
        self.absorb(revocations, Some(as_of));
    }

    fn absorb(&self, revocations: &[Revocation], as_of: Option<Stamp>) {
        let mut fresh = Vec::new();
        {
            let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
            for revocation in revocations {
                if list.until.insert(revocation.what, revocation.until).is_none() {
                    fresh.push(*revocation);
                }
            }
            if let Some(as_of) = as_of {
                list.as_of = list.as_of.max(Some(as_of));
                list.until.retain(|_, until| *until > as_of);
            }
        }
        if !fresh.is_empty() {
            for listener in &self.listeners {
                listener.revoked(&fresh);
            }
        }
    }

    /// Whether a token of this session still stands at `now`.
    #[must_use]
    pub fn standing(&self, session: SessionId, token: TokenId, now: Stamp) -> Standing {
        let list = self.list.read().unwrap_or_else(PoisonError::into_inner);
        let ended = |what| list.until.contains_key(&what);
        if ended(Revoked::Session(session)) || ended(Revoked::Token(token)) {
            Standing::Revoked
        } else if list.as_of.is_some_and(|as_of| now.since(as_of) <= Self::MAX_AGE) {
            Standing::Good
        } else {
            Standing::Unknown
        }
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

    fn revocation(until: Stamp) -> Revocation {
        Revocation {
            what: Revoked::Session(SESSION),
            user: UserId(Uuid::nil()),
            reason: EndReason::Logout,
            at: Stamp::EPOCH,
            until,
        }
    }

    #[test]
    fn an_old_list_vouches_for_nobody_but_still_knows_who_ended() {
        let now = Stamp::EPOCH;
        let list = Revocations::new(vec![]);
        assert_eq!(list.standing(SESSION, TOKEN, now), Standing::Unknown);
        list.refresh(&[], now);
        assert_eq!(list.standing(SESSION, TOKEN, now.plus(Revocations::MAX_AGE)), Standing::Good);
        assert_eq!(list.standing(SESSION, TOKEN, now.plus(Revocations::MAX_AGE).next()), Standing::Unknown);
        list.add(&[revocation(now.plus(GRACE_OF_TEST))]);
        assert_eq!(list.standing(SESSION, TOKEN, now.plus(GRACE_OF_TEST)), Standing::Revoked);
    }

    const GRACE_OF_TEST: Duration = Duration::from_hours(1);

    #[test]
    fn listeners_hear_of_each_once_and_what_is_over_is_forgotten() {
        let heard = Arc::new(Count::default());
        let list = Revocations::new(vec![heard.clone()]);
        let until = Stamp::EPOCH.plus(GRACE_OF_TEST);
        list.add(&[revocation(until)]);
        list.refresh(&[revocation(until)], Stamp::EPOCH);
        assert_eq!(heard.0.load(Ordering::Relaxed), 1);
        list.refresh(&[], until);
        assert_eq!(list.standing(SESSION, TOKEN, until), Standing::Good);
    }
}
