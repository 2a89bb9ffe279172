//! A bound on the memory that unread responses occupy.
//!
//! The client decides when it reads, and a full sync response can have tens of megabytes. So large
//! responses share a fixed budget. A user's only response may take half of what the other users leave
//! free, and several responses of one user together an eighth: no user can exhaust the budget, neither
//! with one connection nor with many.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::UserId;

/// The size of the budget in bytes.
const BUDGET: usize = 512 * 1024 * 1024;
/// A user's only response may take the memory that other users leave free, divided by this.
const SHARE_OF_ONE: usize = 2;
/// Several responses of one user together may take that memory, divided by this.
const SHARE_OF_SEVERAL: usize = 8;
/// Responses below this size, in bytes, are not counted, because the system's buffers take them at
/// once.
const MIN_COUNTED: usize = 64 * 1024;

/// The budget of the whole process. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct ResponseBudget(Arc<Mutex<Reserved>>);

#[derive(Debug, Default)]
struct Reserved {
    total: usize,
    by_user: HashMap<UserId, usize>,
}

/// The budget has no room for a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted;

impl ResponseBudget {
    /// The bytes that are reserved.
    #[must_use]
    pub fn reserved_bytes(&self) -> usize {
        self.reserved().total
    }

    /// Reserves `bytes` for a response to `user` until the reservation is dropped. Returns `None` for a
    /// small response, which needs no reservation.
    pub fn reserve(&self, user: UserId, bytes: usize) -> Result<Option<Reservation>, Exhausted> {
        if bytes < MIN_COUNTED {
            return Ok(None);
        }
        let mut reserved = self.reserved();
        let by_user = reserved.by_user.get(&user).copied().unwrap_or_default() + bytes;
        let by_others = reserved.total + bytes - by_user;
        let free = BUDGET.saturating_sub(by_others);
        let is_only = by_user == bytes;
        if by_user > free / if is_only { SHARE_OF_ONE } else { SHARE_OF_SEVERAL } {
            return Err(Exhausted);
        }
        reserved.total += bytes;
        reserved.by_user.insert(user, by_user);
        Ok(Some(Reservation { budget: self.clone(), user, bytes }))
    }

    fn reserved(&self) -> MutexGuard<'_, Reserved> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The memory of one response.
#[derive(Debug)]
pub struct Reservation {
    budget: ResponseBudget,
    user: UserId,
    bytes: usize,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut reserved = self.budget.reserved();
        reserved.total -= self.bytes;
        let left = reserved.by_user.get(&self.user).map_or(0, |by_user| by_user - self.bytes);
        if left == 0 {
            reserved.by_user.remove(&self.user);
        } else {
            reserved.by_user.insert(self.user, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const MIB: usize = 1024 * 1024;

    fn user(n: u128) -> UserId {
        UserId(Uuid::from_u128(n))
    }

    #[test]
    fn a_users_only_response_may_take_half_of_what_others_leave() {
        let budget = ResponseBudget::default();
        assert_eq!(budget.reserve(user(1), 256 * MIB + 1).err(), Some(Exhausted));
        let first = budget.reserve(user(1), 256 * MIB).expect("room");
        assert_eq!(budget.reserve(user(2), 128 * MIB + 1).err(), Some(Exhausted));
        let second = budget.reserve(user(2), 128 * MIB).expect("room");
        assert!(budget.reserve(user(3), 64 * MIB).is_ok());
        drop((first, second));
        assert!(budget.reserve(user(3), 256 * MIB).is_ok());
    }

    #[test]
    fn several_responses_of_a_user_have_a_smaller_share() {
        let budget = ResponseBudget::default();
        let large = budget.reserve(user(1), 80 * MIB).expect("room");
        assert_eq!(budget.reserve(user(1), MIB).err(), Some(Exhausted));
        drop(large);
        let several: Vec<_> = (0..100).map_while(|_| budget.reserve(user(1), MIB).ok()).collect();
        assert_eq!((several.len(), budget.reserved_bytes()), (64, 64 * MIB));
        assert!(budget.reserve(user(2), 80 * MIB).is_ok());
        drop(several);
        assert_eq!(budget.reserved_bytes(), 0);
    }

    #[test]
    fn all_users_together_never_exceed_the_budget() {
        let budget = ResponseBudget::default();
        let mut reservations = Vec::new();
        for n in 0..100 {
            while let Ok(reservation) = budget.reserve(user(n), MIB) {
                reservations.push(reservation);
            }
        }
        let reserved = budget.reserved_bytes();
        assert!(reserved <= BUDGET && reserved > BUDGET - 2 * MIB, "{reserved}");
        assert_eq!(budget.reserve(user(200), 2 * MIB).err(), Some(Exhausted));
    }

    #[test]
    fn small_responses_are_not_counted() {
        let budget = ResponseBudget::default();
        assert!(budget.reserve(user(1), MIN_COUNTED - 1).expect("room").is_none());
        assert_eq!(budget.reserved_bytes(), 0);
    }
}
