//! Bounds on the memory whose size and duration clients decide: request bodies on their way in, and
//! responses until they are read.
//!
//! A handler reserves memory before it takes it. An owner's only reservation may take half of what the
//! other owners leave free, and several reservations of one owner together a quarter. No owner can
//! therefore exhaust a budget, neither with one request nor with many.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::UserId;
use domain::limits::Network;
use tokio::sync::Notify;
use tokio::time::timeout;

/// An owner's only reservation may take the memory that others leave free, divided by this.
const SHARE_OF_ONE: usize = 2;
/// Several reservations of one owner together may take that memory, divided by this.
const SHARE_OF_SEVERAL: usize = 4;

/// Who occupies memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    User(UserId),
    /// Clients of one network that are not authenticated.
    Network(Option<Network>),
}

/// A budget of the whole process. Clones share it.
#[derive(Clone, Debug)]
pub struct MemoryBudget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bytes: usize,
    reserved: Mutex<Reserved>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Reserved {
    total: usize,
    by_owner: HashMap<Owner, Owned>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Owned {
    bytes: usize,
    reservations: usize,
}

/// The budget has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exhausted {
    /// The owner's other reservations take the owner's share.
    ByOwner,
    /// Other owners have left too little.
    ByOthers,
}

impl MemoryBudget {
    /// A budget of `bytes`.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Shared { bytes, reserved: Mutex::default(), freed: Notify::new() }))
    }

    /// The bytes that are reserved.
    #[must_use]
    pub fn reserved_bytes(&self) -> usize {
        self.reserved().total
    }

    /// Reserves `bytes` until the reservation is dropped.
    pub fn try_reserve(&self, owner: Owner, bytes: usize) -> Result<Reservation, Exhausted> {
        self.change(owner, 0, bytes, 1)?;
        Ok(Reservation { budget: self.clone(), owner, bytes })
    }

    /// As [`Self::try_reserve`], and waits for at most `patience` until there is room.
    pub async fn reserve(
        &self,
        owner: Owner,
        bytes: usize,
        patience: Duration,
    ) -> Result<Reservation, Exhausted> {
        if let Ok(reservation) = self.try_reserve(owner, bytes) {
            return Ok(reservation);
        }
        let reserved = timeout(patience, async {
            loop {
                let mut freed = std::pin::pin!(self.0.freed.notified());
                // From here on, no release is missed.
                freed.as_mut().enable();
                if let Ok(reservation) = self.try_reserve(owner, bytes) {
                    return reservation;
                }
                freed.await;
            }
        });
        reserved.await.or_else(|_| self.try_reserve(owner, bytes))
    }

    /// Replaces `old` bytes of the owner by `new` bytes, in `more` further reservations.
    fn change(&self, owner: Owner, old: usize, new: usize, more: usize) -> Result<(), Exhausted> {
        let Reserved { total, by_owner } = &mut *self.reserved();
        let entry = by_owner.entry(owner);
        let held = match &entry {
            Entry::Occupied(held) => *held.get(),
            Entry::Vacant(_) => Owned::default(),
        };
        let bytes = held.bytes - old + new;
        let reservations = held.reservations + more;
        if new > old {
            let by_others = *total - held.bytes;
            let free = self.0.bytes.saturating_sub(by_others);
            if reservations <= 1 && bytes > free / SHARE_OF_ONE {
                return Err(Exhausted::ByOthers);
            }
            if reservations > 1 && bytes > free / SHARE_OF_SEVERAL {
                return Err(Exhausted::ByOwner);
            }
        }
        *total = *total - old + new;
        entry.insert_entry(Owned { bytes, reservations });
        Ok(())
    }

    fn release(&self, owner: Owner, bytes: usize) {
        let mut reserved = self.reserved();
        reserved.total -= bytes;
        if let Entry::Occupied(mut held) = reserved.by_owner.entry(owner) {
            let Owned { bytes: all, reservations } = held.get_mut();
            *all -= bytes;
            *reservations -= 1;
            if *reservations == 0 {
                held.remove();
            }
        }
        drop(reserved);
        self.0.freed.notify_waiters();
    }

    fn reserved(&self) -> MutexGuard<'_, Reserved> {
        self.0.reserved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reserved memory.
#[derive(Debug)]
pub struct Reservation {
    budget: MemoryBudget,
    owner: Owner,
    bytes: usize,
}

impl Reservation {
    /// The reserved bytes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Changes the size. A smaller size always fits.
    pub fn resize(&mut self, bytes: usize) -> Result<(), Exhausted> {
        self.budget.change(self.owner, self.bytes, bytes, 0)?;
        let freed = bytes < self.bytes;
        self.bytes = bytes;
        if freed {
            self.budget.0.freed.notify_waiters();
        }
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.release(self.owner, self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use actix_web::rt;
    use uuid::Uuid;

    use super::*;

    const MIB: usize = 1024 * 1024;

    fn user(n: u128) -> Owner {
        Owner::User(UserId(Uuid::from_u128(n)))
    }

    #[test]
    fn an_owners_only_reservation_may_take_half_of_what_others_leave() {
        let budget = MemoryBudget::new(512 * MIB);
        assert_eq!(budget.try_reserve(user(1), 256 * MIB + 1).err(), Some(Exhausted::ByOthers));
        let first = budget.try_reserve(user(1), 256 * MIB).expect("room");
        assert_eq!(budget.try_reserve(user(2), 128 * MIB + 1).err(), Some(Exhausted::ByOthers));
        let second = budget.try_reserve(user(2), 128 * MIB).expect("room");
        assert!(budget.try_reserve(user(3), 64 * MIB).is_ok());
        drop((first, second));
        assert!(budget.try_reserve(user(3), 256 * MIB).is_ok());
    }

    #[test]
    fn several_reservations_of_an_owner_have_a_smaller_share() {
        let budget = MemoryBudget::new(512 * MIB);
        let large = budget.try_reserve(user(1), 200 * MIB).expect("room");
        assert_eq!(budget.try_reserve(user(1), MIB).err(), Some(Exhausted::ByOwner));
        drop(large);
        let several: Vec<_> = (0..100).map_while(|_| budget.try_reserve(user(1), MIB).ok()).collect();
        assert_eq!((several.len(), budget.reserved_bytes()), (100, 100 * MIB));
        assert_eq!(budget.try_reserve(user(1), 29 * MIB).err(), Some(Exhausted::ByOwner));
        assert!(budget.try_reserve(user(2), 80 * MIB).is_ok());
        drop(several);
        assert_eq!(budget.reserved_bytes(), 0);
    }

    #[test]
    fn all_owners_together_never_exceed_the_budget() {
        let budget = MemoryBudget::new(512 * MIB);
        let mut reservations = Vec::new();
        for n in 0..100 {
            while let Ok(reservation) = budget.try_reserve(user(n), MIB) {
                reservations.push(reservation);
            }
        }
        let reserved = budget.reserved_bytes();
        assert!(reserved <= 512 * MIB && reserved > 510 * MIB, "{reserved}");
        assert_eq!(budget.try_reserve(user(200), 2 * MIB).err(), Some(Exhausted::ByOthers));
    }

    #[test]
    fn a_reservation_grows_within_the_share_and_always_shrinks() {
        let budget = MemoryBudget::new(80 * MIB);
        let mut only = budget.try_reserve(user(1), MIB).expect("room");
        assert!(only.resize(40 * MIB).is_ok());
        assert_eq!(only.resize(40 * MIB + 1), Err(Exhausted::ByOthers));
        let other = budget.try_reserve(user(2), 20 * MIB).expect("room");
        assert!(only.resize(35 * MIB).is_ok(), "more than the share now, but less than before");
        drop((only, other));
        assert_eq!(budget.reserved_bytes(), 0);
    }

    #[actix_web::test]
    async fn a_reservation_waits_for_room_but_not_for_ever() {
        let budget = MemoryBudget::new(16 * MIB);
        let first = budget.try_reserve(user(1), 8 * MIB).expect("room");
        let refused = budget.reserve(user(1), MIB, Duration::from_millis(20)).await;
        assert_eq!(refused.err(), Some(Exhausted::ByOwner));
        let waiting = budget.clone();
        let second = rt::spawn(async move {
            waiting.reserve(user(1), MIB, Duration::from_hours(1)).await.map(|reserved| reserved.bytes())
        });
        rt::task::yield_now().await;
        drop(first);
        assert_eq!(second.await.expect("no panic"), Ok(MIB));
    }
}
