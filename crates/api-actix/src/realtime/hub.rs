//! Who listens: the open sockets of each user.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::session::{Principal, Revocation, RevocationListener, Revoked};
use domain::todo::{EventBus, TodoEvent};
use domain::{Clock, UserId};
use metrics::{counter, gauge};

use super::mailbox::{Closing, Delivery, Mailbox};
use super::protocol;

/// The rhythm of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// A client that has been silent for this long is pinged.
    pub ping: Duration,
    /// One that has been silent for this long is given up.
    pub silence: Duration,
    /// One that takes nothing of what is written for this long is given up.
    pub stall: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        let secs = Duration::from_secs;
        Self { ping: secs(30), silence: secs(75), stall: secs(10) }
    }
}

/// Hands the events of a user to that user's sockets, and takes sockets back whose session has ended.
///
/// It never blocks: an event goes into each socket's bounded mailbox and is written by the socket's own task. Each event
/// is serialised once, however many sockets get it, and not at all where nobody listens.
pub struct Hub {
    clock: Arc<dyn Clock>,
    pace: Pace,
    // A std lock, as stores publish from plain threads; held for a look-up and at most 20 pushes. One lock for all users:
    // each store publishes from one or two threads, so there is nothing to share out.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    rooms: HashMap<UserId, Room>,
    stopping: bool,
}

/// The sockets of one user.
#[derive(Default)]
struct Room {
    /// Connections, from before the upgrade until the last byte is written.
    slots: usize,
    mailboxes: Vec<Arc<Mailbox>>,
}

impl Hub {
    /// The most sockets one user may have open.
    pub const SOCKETS_PER_USER: usize = 20;

    /// A hub without sockets. The clock measures how long events take, and when tokens expire.
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Self::with_pace(clock, Pace::default())
    }

    /// The same with another rhythm than the default.
    pub fn with_pace(clock: Arc<dyn Clock>, pace: Pace) -> Arc<Self> {
        // Figures that are there from the start: a rate of something first seen at 1 would miss that one.
        counter!("realtime_events_delivered_total").increment(0);
        counter!("realtime_events_dropped_total").increment(0);
        gauge!("realtime_sockets_open").increment(0.0);
        Arc::new(Self { clock, pace, state: Mutex::default() })
    }

    /// Closes every socket with 1012, those that open later too.
    pub fn shut_down(&self) {
        let mut state = self.state();
        state.stopping = true;
        for mailbox in state.rooms.values().flat_map(|room| &room.mailboxes) {
            mailbox.close(Closing::ShuttingDown);
        }
    }

    /// How many sockets are served.
    #[must_use]
    pub fn sockets(&self) -> usize {
        self.state().rooms.values().map(|room| room.mailboxes.len()).sum()
    }

    /// How many connections of sockets there are: those served, those being opened, and those whose last bytes the client has yet
    /// to take.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state().rooms.values().map(|room| room.slots).sum()
    }

    /// Where the time comes from.
    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The rhythm of its sockets.
    pub(super) const fn pace(&self) -> Pace {
        self.pace
    }

    /// Room for one more connection of `user`; `None` when there is none.
    pub(super) fn reserve(self: &Arc<Self>, user: UserId) -> Option<Slot> {
        let mut state = self.state();
        let room = state.rooms.entry(user).or_default();
        // An entry made just now has slots to give, so none is left behind empty.
        if room.slots >= Self::SOCKETS_PER_USER {
            return None;
        }
        room.slots += 1;
        gauge!("realtime_sockets_open").increment(1.0);
        Some(Slot { hub: Arc::clone(self), user })
    }

    /// Has the principal's events delivered, and its closing told, from now on.
    pub(super) fn subscribe(self: &Arc<Self>, principal: &Principal) -> Subscription {
        let mailbox = Arc::new(Mailbox::new(principal.session));
        let mut state = self.state();
        if state.stopping {
            mailbox.close(Closing::ShuttingDown);
        }
        state.rooms.entry(principal.user).or_default().mailboxes.push(Arc::clone(&mailbox));
        Subscription { hub: Arc::clone(self), user: principal.user, mailbox }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes a user's room and drops it when it has become empty.
    fn leave(&self, user: UserId, change: impl FnOnce(&mut Room)) {
        let mut state = self.state();
        if let Some(room) = state.rooms.get_mut(&user) {
            change(room);
            if room.slots == 0 && room.mailboxes.is_empty() {
                state.rooms.remove(&user);
            }
        }
    }
}

impl EventBus for Hub {
    fn publish(&self, user: UserId, events: Vec<TodoEvent>) {
        // A socket that subscribes after this look reads the store after it too, and finds these events there.
        let heard = self.state().rooms.get(&user).is_some_and(|room| !room.mailboxes.is_empty());
        if !heard {
            return;
        }
        let deliveries: Vec<_> = events
            .iter()
            .map(|event| Delivery { stamp: event.todo.updated_at(), frame: protocol::event(event) })
            .collect();
        let lost: usize = {
            let state = self.state();
            let mailboxes = state.rooms.get(&user).map_or(&[][..], |room| &room.mailboxes);
            mailboxes.iter().map(|mailbox| mailbox.push(&deliveries)).sum()
        };
        if lost > 0 {
            counter!("realtime_events_dropped_total").increment(lost as u64);
        }
    }
}

impl RevocationListener for Hub {
    fn revoked(&self, revocations: &[Revocation]) {
        let state = self.state();
        for revocation in revocations {
            let Some(room) = state.rooms.get(&revocation.user) else {
                continue;
            };
            let ended = |mailbox: &&Arc<Mailbox>| match revocation.what {
                Revoked::Session(session) => mailbox.session == Some(session),
                Revoked::User(_) => true,
            };
            for mailbox in room.mailboxes.iter().filter(ended) {
                mailbox.close(Closing::Revoked);
            }
        }
    }
}

/// One connection among a user's; given back when dropped.
pub(super) struct Slot {
    hub: Arc<Hub>,
    user: UserId,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.hub.leave(self.user, |room| room.slots = room.slots.saturating_sub(1));
        gauge!("realtime_sockets_open").decrement(1.0);
    }
}

/// A socket's place in the hub; left when dropped.
pub(super) struct Subscription {
    hub: Arc<Hub>,
    user: UserId,
    mailbox: Arc<Mailbox>,
}

impl Subscription {
    /// Where the events arrive.
    pub(super) fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.leave(self.user, |room| room.mailboxes.retain(|other| !Arc::ptr_eq(other, &self.mailbox)));
    }
}
