//! The counters of one kind of key.

use std::collections::HashMap;
use std::time::Duration;

use domain::Stamp;
use domain::limits::{Charge, Quota, gcra, gcra_refund};

/// How often full counters are swept at most. A sweep visits every counter.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Where a key is counted.
#[derive(Clone, Copy)]
pub(super) struct Ids {
    pub own: u64,
    /// Of the group that the key shares a counter with if there is no room for its own.
    pub shared: u64,
}

/// All counters of one kind.
pub(super) struct Kind {
    own: Counters,
    shared: Counters,
    /// Counts together whatever finds no room in a group either.
    rest: Option<Stamp>,
}

impl Kind {
    pub(super) fn new(capacity: usize) -> Self {
        Self { own: Counters::new(capacity), shared: Counters::new(capacity), rest: None }
    }

    pub(super) fn charge(&mut self, ids: Ids, quota: Quota, now: Stamp) -> Charge {
        let counted = self.own.charge(ids.own, quota, now);
        counted.or_else(|| self.shared.charge(ids.shared, quota, now)).unwrap_or_else(|| {
            let (charge, next) = gcra(self.rest, quota, now);
            self.rest = Some(next);
            charge
        })
    }

    pub(super) fn refund(&mut self, ids: Ids, quota: Quota) {
        let counter = self.own.arrivals.get_mut(&ids.own);
        let counter = counter.or_else(|| self.shared.arrivals.get_mut(&ids.shared));
        if let Some(arrival) = counter.or(self.rest.as_mut()) {
            *arrival = gcra_refund(*arrival, quota);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.own.arrivals.len() + self.shared.arrivals.len()
    }
}

/// A bounded number of counters.
struct Counters {
    capacity: usize,
    /// The theoretical arrival time of GCRA. Once it has passed, the whole quota is available.
    arrivals: HashMap<u64, Stamp>,
    swept_at: Option<Stamp>,
}

impl Counters {
    fn new(capacity: usize) -> Self {
        Self { capacity, arrivals: HashMap::new(), swept_at: None }
    }

    /// `None` if the counter is new and there is no room for it.
    fn charge(&mut self, id: u64, quota: Quota, now: Stamp) -> Option<Charge> {
        if let Some(arrival) = self.arrivals.get_mut(&id) {
            let (charge, next) = gcra(Some(*arrival), quota, now);
            *arrival = next;
            return Some(charge);
        }
        self.has_room(now).then(|| {
            let (charge, next) = gcra(None, quota, now);
            self.arrivals.insert(id, next);
            charge
        })
    }

    fn has_room(&mut self, now: Stamp) -> bool {
        let due = |swept_at| now.since(swept_at) >= SWEEP_INTERVAL;
        if self.arrivals.len() >= self.capacity && self.swept_at.is_none_or(due) {
            self.swept_at = Some(now);
            self.arrivals.retain(|_, arrival| *arrival > now);
        }
        self.arrivals.len() < self.capacity
    }
}
