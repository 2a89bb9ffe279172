//! How much memory the answers may take that clients have not read yet.
//!
//! A client decides when it reads, and a whole sync may have tens of megabytes. So large answers share a fixed amount. A user's
//! only answer may take half of what the others leave, and several of them a smaller part: neither one nor many connections of one user
//! ever take all of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::UserId;

/// What all large answers together may take, in bytes.
const ALL: usize = 512 * 1024 * 1024;
/// Which part of what the others leave a user's only answer may take: one in so many.
const PART_OF_ONE: usize = 2;
/// The same of a user's answers where they are several.
const PART: usize = 8;
/// Smaller answers are not counted: buffers of the system take them at once.
const LARGE: usize = 64 * 1024;

/// The large answers that clients have not read yet; one for the whole process. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Unread(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    by_all: usize,
    by: HashMap<UserId, usize>,
}

/// There is no room for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

impl Unread {
    /// Bytes of the answers that are counted.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.held().by_all
    }

    /// Room for an answer of `bytes` to `user`, until the share is dropped; none is needed for a small one.
    pub fn take(&self, user: UserId, bytes: usize) -> Result<Option<Share>, NoRoom> {
        if bytes < LARGE {
            return Ok(None);
        }
        let mut held = self.held();
        let by_user = held.by.get(&user).copied().unwrap_or_default() + bytes;
        let by_others = held.by_all + bytes - by_user;
        let left_by_others = ALL.saturating_sub(by_others);
        let the_only_one = by_user == bytes;
        if by_user > left_by_others / if the_only_one { PART_OF_ONE } else { PART } {
            return Err(NoRoom);
        }
        held.by_all += bytes;
        held.by.insert(user, by_user);
        Ok(Some(Share { of: self.clone(), user, bytes }))
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Room that one answer takes.
#[derive(Debug)]
pub struct Share {
    of: Unread,
    user: UserId,
    bytes: usize,
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.of.held();
        held.by_all -= self.bytes;
        let left = held.by.get(&self.user).map_or(0, |by_user| by_user - self.bytes);
        if left == 0 {
            held.by.remove(&self.user);
        } else {
            held.by.insert(self.user, left);
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
    fn a_users_only_answer_may_take_half_of_what_others_leave() {
        let unread = Unread::default();
        assert_eq!(unread.take(user(1), 256 * MIB + 1).err(), Some(NoRoom));
        let first = unread.take(user(1), 256 * MIB).expect("room");
        assert_eq!(unread.take(user(2), 128 * MIB + 1).err(), Some(NoRoom));
        let second = unread.take(user(2), 128 * MIB).expect("room");
        assert!(unread.take(user(3), 64 * MIB).is_ok());
        drop((first, second));
        assert!(unread.take(user(3), 256 * MIB).is_ok());
    }

    #[test]
    fn several_answers_of_a_user_have_a_smaller_part() {
        let unread = Unread::default();
        let whole = unread.take(user(1), 80 * MIB).expect("room");
        assert_eq!(unread.take(user(1), MIB).err(), Some(NoRoom));
        drop(whole);
        let shares: Vec<_> = (0..100).map_while(|_| unread.take(user(1), MIB).ok()).collect();
        assert_eq!((shares.len(), unread.bytes()), (64, 64 * MIB));
        assert!(unread.take(user(2), 80 * MIB).is_ok());
        drop(shares);
        assert_eq!(unread.bytes(), 0);
    }

    #[test]
    fn all_together_never_hold_more_than_there_is() {
        let unread = Unread::default();
        let mut shares = Vec::new();
        for n in 0..100 {
            while let Ok(share) = unread.take(user(n), MIB) {
                shares.push(share);
            }
        }
        assert!(unread.bytes() <= ALL && unread.bytes() > ALL - 2 * MIB, "{}", unread.bytes());
        assert_eq!(unread.take(user(200), 2 * MIB).err(), Some(NoRoom));
    }

    #[test]
    fn small_answers_are_not_counted() {
        let unread = Unread::default();
        assert!(unread.take(user(1), LARGE - 1).expect("room").is_none());
        assert_eq!(unread.bytes(), 0);
    }
}
