//! The open sockets of each user.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::instances::{Advance, ClockListener};
use domain::session::{Principal, Revocation, RevocationListener, Revoked};
use domain::todo::{EventBus, TodoEvent};
use domain::{Clock, Stamp, UserId};
use metrics::{counter, gauge};

use super::frame::Frame;
use super::mailbox::{Closing, Delivery, Mailbox};
use super::protocol;
use crate::memory_budget::{MemoryBudget, Owner};

/// The time limits of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// How long a client may be silent before the server pings it.
    pub ping_after: Duration,
    /// How long a client may be silent before the server closes the socket.
    pub close_after: Duration,
    /// How long a client may read nothing before the server closes the socket.
    pub write_timeout: Duration,
}

impl Default for Heartbeat {
    fn default() -> Self {
        let secs = Duration::from_secs;
        Self { ping_after: secs(30), close_after: secs(75), write_timeout: secs(10) }
    }
}

/// Delivers a user's events to that user's sockets, and closes sockets whose session has ended.
///
/// The events need not be complete: each names the stamp that it follows on, and a socket that is
/// behind that stamp reads what is between from the store. As a [`ClockListener`], the hub learns of
/// changes that other processes made.
///
/// It never blocks: an event goes into the bounded mailbox of each socket, and the task of
/// the socket sends it. An event is serialised once for all sockets, and not at all if the
/// user has none. Events for which there is no memory are announced only, and each socket reads them
/// from the store.
pub struct Hub {
    clock: Arc<dyn Clock>,
    heartbeat: Heartbeat,
    memory: MemoryBudget,
    // A std mutex, because stores publish from threads outside the runtime. It is held for a
    // lookup and at most 20 pushes. One mutex for all users suffices: a store publishes from one
    // or two threads.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    users: HashMap<UserId, UserSockets>,
    shutting_down: bool,
}

/// The sockets of one user.
#[derive(Default)]
struct UserSockets {
    /// The number of connections, from before the upgrade until the last byte is written.
    connections: usize,
    mailboxes: Vec<Arc<Mailbox>>,
}

impl Hub {
    /// The maximum number of sockets per user.
    pub const SOCKETS_PER_USER: usize = 20;

    /// The memory of all todos that sockets have to send, in bytes; not a setting.
    pub const MEMORY: usize = 32 * 1024 * 1024;

    /// A hub without sockets. `clock` measures delivery times and the expiry of tokens.
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Self::with_heartbeat(clock, Heartbeat::default())
    }

    /// A hub with other time limits than the default.
    pub fn with_heartbeat(clock: Arc<dyn Clock>, heartbeat: Heartbeat) -> Arc<Self> {
        // Counters start at zero, because a rate misses the first increment of a counter that
        // starts at 1.
        counter!("realtime_events_delivered_total").increment(0);
        counter!("realtime_events_dropped_total").increment(0);
        counter!("realtime_bus_gaps_repaired_total").increment(0);
        gauge!("realtime_sockets_open").increment(0.0);
        let memory = MemoryBudget::new(Self::MEMORY);
        Arc::new(Self { clock, heartbeat, memory, state: Mutex::default() })
    }

    /// Closes every socket with code 1012, including those that open later.
    pub fn shut_down(&self) {
        let mut state = self.state();
        state.shutting_down = true;
        for mailbox in state.users.values().flat_map(|sockets| &sockets.mailboxes) {
            mailbox.close(Closing::ShuttingDown);
        }
    }

    /// The number of open sockets.
    #[must_use]
    pub fn sockets(&self) -> usize {
        self.state().users.values().map(|sockets| sockets.mailboxes.len()).sum()
    }

    /// The number of connections: open sockets, those being opened, and closed ones whose last
    /// bytes the client has not read yet.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state().users.values().map(|sockets| sockets.connections).sum()
    }

    /// The bytes that are reserved for what sockets have to send.
    #[must_use]
    pub fn unsent_bytes(&self) -> usize {
        self.memory.reserved_bytes()
    }

    /// The memory of what sockets have to send.
    pub(crate) const fn memory(&self) -> &MemoryBudget {
        &self.memory
    }

    /// The source of the time.
    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The time limits of the sockets.
    pub(super) const fn heartbeat(&self) -> Heartbeat {
        self.heartbeat
    }

    /// Reserves a connection for `user`. `None` if the user has too many.
    pub(super) fn reserve(self: &Arc<Self>, user: UserId) -> Option<Slot> {
        let mut state = self.state();
        // A new entry always has room, so no empty entry is left behind.
        let sockets = state.users.entry(user).or_default();
        if sockets.connections >= Self::SOCKETS_PER_USER {
            return None;
        }
        sockets.connections += 1;
        gauge!("realtime_sockets_open").increment(1.0);
        Some(Slot { hub: Arc::clone(self), user })
    }

    /// Returns a subscription that receives the caller's events and requests to close from now on.
    pub(super) fn subscribe(self: &Arc<Self>, principal: &Principal) -> Subscription {
        let mailbox = Arc::new(Mailbox::new(principal.session));
        let mut state = self.state();
        if state.shutting_down {
            mailbox.close(Closing::ShuttingDown);
        }
        state.users.entry(principal.user).or_default().mailboxes.push(Arc::clone(&mailbox));
        Subscription { hub: Arc::clone(self), user: principal.user, mailbox }
    }

    /// The frames of the events of one batch, each with the stamp that it follows on. `None` if there
    /// is no memory for them.
    fn deliveries(&self, user: UserId, previous: Stamp, events: &[TodoEvent]) -> Option<Vec<Delivery>> {
        let stamps = events.iter().map(|event| event.todo.updated_at());
        let earlier = std::iter::once(previous).chain(stamps);
        let delivery = |(previous, event): (Stamp, &TodoEvent)| {
            let bytes = protocol::event(event);
            let memory = self.memory.try_reserve(Owner::User(user), bytes.len()).ok()?;
            let frame = Frame::counted(bytes, Arc::new(memory));
            Some(Delivery { previous, stamp: event.todo.updated_at(), frame })
        };
        earlier.zip(events).map(delivery).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes a user's entry and removes it if it is empty.
    fn update(&self, user: UserId, change: impl FnOnce(&mut UserSockets)) {
        let mut state = self.state();
        if let Some(sockets) = state.users.get_mut(&user) {
            change(sockets);
            if sockets.connections == 0 && sockets.mailboxes.is_empty() {
                state.users.remove(&user);
            }
        }
    }
}

impl EventBus for Hub {
    fn publish(&self, user: UserId, previous: Stamp, events: Vec<TodoEvent>) {
        // A socket that subscribes after this check reads the store even later, and finds these
        // changes there.
        let has_sockets = self.state().users.get(&user).is_some_and(|sockets| !sockets.mailboxes.is_empty());
        if !has_sockets {
            return;
        }
        let Some(deliveries) = self.deliveries(user, previous, &events) else {
            if let Some(last) = events.last() {
                self.advanced(user, Advance { previous, clock: last.todo.updated_at() });
            }
            return;
        };
        let lost: usize = {
            let state = self.state();
            let mailboxes = state.users.get(&user).map_or(&[][..], |sockets| &sockets.mailboxes);
            mailboxes.iter().map(|mailbox| mailbox.push(&deliveries)).sum()
        };
        if lost > 0 {
            counter!("realtime_events_dropped_total").increment(lost as u64);
        }
    }
}

impl ClockListener for Hub {
    fn users(&self) -> Vec<UserId> {
        let state = self.state();
        let online = state.users.iter().filter(|(_, sockets)| !sockets.mailboxes.is_empty());
        online.map(|(user, _)| *user).collect()
    }

    fn advanced(&self, user: UserId, advance: Advance) {
        let state = self.state();
        for mailbox in state.users.get(&user).map_or(&[][..], |sockets| &sockets.mailboxes) {
            mailbox.announce(advance);
        }
    }

    fn polled(&self, user: UserId, clock: Stamp) {
        let state = self.state();
        for mailbox in state.users.get(&user).map_or(&[][..], |sockets| &sockets.mailboxes) {
            mailbox.polled(clock);
        }
    }
}

impl RevocationListener for Hub {
    fn revoked(&self, revocations: &[Revocation]) {
        let state = self.state();
        for revocation in revocations {
            let Some(sockets) = state.users.get(&revocation.user) else {
                continue;
            };
            let is_revoked = |mailbox: &&Arc<Mailbox>| match revocation.what {
                Revoked::Session(session) => mailbox.session == Some(session),
                Revoked::User(_) => true,
            };
            for mailbox in sockets.mailboxes.iter().filter(is_revoked) {
                mailbox.close(Closing::Revoked);
            }
        }
    }
}

/// A reserved connection, until it is dropped.
pub(super) struct Slot {
    hub: Arc<Hub>,
    user: UserId,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.hub.update(self.user, |sockets| sockets.connections = sockets.connections.saturating_sub(1));
        gauge!("realtime_sockets_open").decrement(1.0);
    }
}

/// A socket's subscription, until it is dropped.
pub(super) struct Subscription {
    hub: Arc<Hub>,
    user: UserId,
    mailbox: Arc<Mailbox>,
}

impl Subscription {
    /// The queue of events.
    pub(super) fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.update(self.user, |sockets| {
            sockets.mailboxes.retain(|other| !Arc::ptr_eq(other, &self.mailbox));
        });
    }
}
