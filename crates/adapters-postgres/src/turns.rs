//! Which read may use a connection: users take turns.
//!
//! A user has at most [`RUNNING_PER_USER`] running reads, of which one may be long, so that no user
//! keeps more than one processor of the database busy. In each pool, one connection is kept for the
//! server itself (health, revocations, logins), and one of the others runs no long read. So a user
//! who sends many reads, or slow ones, delays mostly the own ones.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::UserId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The maximum number of running reads of one user.
const RUNNING_PER_USER: usize = 2;
/// The maximum number of waiting reads of one user. The usual rate limit admits 100
/// requests at once.
const MAX_WAITING_BY_USER: usize = 128;

/// Whom a read serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// The server itself: health, revocations, logins, housekeeping.
    Essential,
    /// One user's data. Long if the read may touch all rows of the user.
    User { user: UserId, long: bool },
}

/// The reads of all users.
#[derive(Clone, Default)]
pub(crate) struct Turns(Arc<Mutex<HashMap<UserId, OfUser>>>);

struct OfUser {
    turns: Shares,
    /// The number of reads, running and waiting.
    reads: usize,
}

/// How many reads may run, and how many of them may be long: on the connections of one pool, or of
/// one user.
#[derive(Clone)]
pub(crate) struct Shares {
    all: Arc<Semaphore>,
    long: Arc<Semaphore>,
}

impl Shares {
    /// The shares of a pool of this size, at least two.
    pub(crate) fn new(pool_size: usize) -> Self {
        let all = pool_size.saturating_sub(1).max(1);
        let long = all.saturating_sub(1).max(1);
        Self::of(all, long)
    }

    fn of(all: usize, long: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), long: Arc::new(Semaphore::new(long)) }
    }
}

/// Too many reads of the user are waiting.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

/// Permission to use a connection, until it is dropped.
#[derive(Default)]
pub(crate) struct Turn {
    _shares: Vec<OwnedSemaphorePermit>,
    _slot: Option<Slot>,
}

impl Turns {
    /// Waits for the user's earlier reads and for a share of the pool's connections.
    pub(crate) async fn acquire(&self, class: Class, shares: &Shares) -> Result<Turn, TooMany> {
        let Class::User { user, long } = class else { return Ok(Turn::default()) };
        let (slot, own) = self.enqueue(user)?;
        let mut permits = Vec::new();
        for Shares { all, long: of_long } in [&own, shares] {
            if long {
                permits.extend(permit(of_long).await);
            }
            permits.extend(permit(all).await);
        }
        Ok(Turn { _shares: permits, _slot: Some(slot) })
    }

    fn enqueue(&self, user: UserId) -> Result<(Slot, Shares), TooMany> {
        let mut users = self.users();
        let empty = || OfUser { turns: Shares::of(RUNNING_PER_USER, 1), reads: 0 };
        let own = users.entry(user).or_insert_with(empty);
        if own.reads >= RUNNING_PER_USER + MAX_WAITING_BY_USER {
            return Err(TooMany);
        }
        own.reads += 1;
        Ok((Slot { turns: self.clone(), user }, own.turns.clone()))
    }

    fn users(&self) -> MutexGuard<'_, HashMap<UserId, OfUser>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `None` only if the semaphore is closed, which none of this module is.
async fn permit(semaphore: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    Arc::clone(semaphore).acquire_owned().await.ok()
}

/// A read among those of its user. The last one removes the user.
struct Slot {
    turns: Turns,
    user: UserId,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut users = self.turns.users();
        if let Some(own) = users.get_mut(&self.user) {
            own.reads -= 1;
            if own.reads == 0 {
                users.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use uuid::Uuid;

    use super::*;

    fn of(user: u128, long: bool) -> Class {
        Class::User { user: UserId(Uuid::from_u128(user)), long }
    }

    /// The turn, if it needs no waiting.
    fn at_once(turns: &Turns, class: Class, shares: &Shares) -> Option<Turn> {
        turns.acquire(class, shares).now_or_never()?.ok()
    }

    #[test]
    fn a_user_has_two_running_reads_whatever_the_pool() {
        let (turns, shares) = (Turns::default(), Shares::new(10));
        let first = at_once(&turns, of(1, false), &shares).expect("free");
        let _second = at_once(&turns, of(1, false), &Shares::new(10)).expect("free");
        assert!(at_once(&turns, of(1, false), &shares).is_none());
        assert!(at_once(&turns, of(2, false), &shares).is_some());
        drop(first);
        assert!(at_once(&turns, of(1, false), &shares).is_some());
    }

    #[test]
    fn one_of_them_may_be_long_whatever_the_pool() {
        let (turns, shares) = (Turns::default(), Shares::new(10));
        let long = at_once(&turns, of(1, true), &shares).expect("free");
        let mut second = Box::pin(turns.acquire(of(1, true), &shares));
        assert!(second.as_mut().now_or_never().is_none());
        assert!(at_once(&turns, of(1, true), &Shares::new(10)).is_none());
        assert!(at_once(&turns, of(1, false), &shares).is_some(), "a waiting long read takes no turn");
        assert!(at_once(&turns, of(2, true), &shares).is_some());
        drop(long);
        assert!(second.now_or_never().is_some_and(|turn| turn.is_ok()));
    }

    #[test]
    fn one_connection_serves_no_user_and_another_no_long_read() {
        let (turns, shares) = (Turns::default(), Shares::new(3));
        let _long = at_once(&turns, of(1, true), &shares).expect("free");
        assert!(at_once(&turns, of(2, true), &shares).is_none());
        let _short = at_once(&turns, of(3, false), &shares).expect("free");
        assert!(at_once(&turns, of(4, false), &shares).is_none());
        assert!(at_once(&turns, Class::Essential, &shares).is_some());
    }

    #[test]
    fn the_waiting_reads_of_a_user_are_bounded_and_leave_nothing_behind() {
        let (turns, shares) = (Turns::default(), Shares::new(3));
        let mut reads: Vec<_> = (0..RUNNING_PER_USER + MAX_WAITING_BY_USER)
            .map(|_| Box::pin(turns.acquire(of(1, false), &shares)))
            .collect();
        let mut running = Vec::new();
        for read in &mut reads {
            running.extend(read.now_or_never());
        }
        assert_eq!(running.len(), RUNNING_PER_USER);
        let refused = turns.acquire(of(1, false), &shares).now_or_never().expect("at once");
        assert_eq!(refused.err(), Some(TooMany));
        drop((reads, running));
        assert!(turns.users().is_empty());
    }
}
