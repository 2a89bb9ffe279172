//! The store, two hubs, the bus between them, and the devices.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::account::AccountStore as _;
use domain::instances::{Advance, ClockListener as _};
use domain::sync::SyncService;
use domain::todo::{Base, Batch, BatchEvents, Change, EventBus, StorageLimits, TodoEvent, TodoStore as _};
use domain::{Clock, Stamp, TodoId, UserId};
use domain_testkit::build::{T0, at, batch, create, delete, new_user, restore, retitle, todo_id};
use domain_testkit::simulation::random::Random;
use domain_testkit::{ManualClock, MemoryStore};
use futures_util::FutureExt as _;

use super::device::Device;
use crate::realtime::Hub;

/// Keeps what the store publishes until the world delivers it.
#[derive(Default)]
struct Outbox(Mutex<Vec<(UserId, BatchEvents)>>);

impl EventBus for Outbox {
    fn publish(&self, user: UserId, previous: Stamp, events: Vec<TodoEvent>) {
        self.0.lock().expect("no test panicked here").push((user, BatchEvents { previous, events }));
    }
}

/// What is on its way to one hub.
#[derive(Clone)]
enum Message {
    /// From the store of the same instance.
    Events(Arc<Hub>, UserId, BatchEvents),
    /// From another instance.
    Advance(Arc<Hub>, UserId, Advance),
}

pub struct World {
    random: Random,
    store: Arc<MemoryStore>,
    outbox: Arc<Outbox>,
    sync: SyncService,
    clock: Arc<ManualClock>,
    hubs: [Arc<Hub>; 2],
    under_way: Vec<Message>,
    users: [UserId; 2],
    todos: Vec<(UserId, TodoId)>,
    devices: Vec<Device>,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let outbox = Arc::new(Outbox::default());
        let store = Arc::new(MemoryStore::new(outbox.clone()));
        let clock = Arc::new(ManualClock::at(T0));
        let users = [(), ()].map(|()| {
            let user = new_user();
            let id = user.id;
            store.register(user, None, T0).now_or_never().expect("at once").expect("registered");
            id
        });
        let hub = |()| Hub::new(clock.clone() as Arc<dyn Clock>);
        let devices = users.into_iter().flat_map(|user| [user; 3]).map(Device::new).collect();
        Self {
            random: Random::new(seed),
            sync: SyncService::new(store.clone(), clock.clone(), StorageLimits::default()),
            store,
            outbox,
            hubs: [(), ()].map(hub),
            clock,
            under_way: Vec::new(),
            users,
            todos: Vec::new(),
            devices,
        }
    }

    /// How often a device had to sync from the beginning.
    pub fn resyncs(&self) -> usize {
        self.devices.iter().map(|device| device.resyncs).sum()
    }

    pub fn step(&mut self) {
        self.clock.advance(Duration::from_millis(self.random.below(20)));
        match self.random.below(20) {
            0..5 => self.commit(),
            5..11 => self.deliver(),
            11..17 => self.run_a_device(),
            17 => self.poll_clocks(),
            18 => {
                let before = at(self.random.below(4));
                self.store.sweep_tombstones(before, 3).now_or_never().expect("at once").expect("swept");
            }
            _ => self.any_device().disconnect(),
        }
    }

    fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.random.below(length as u64)).expect("less than the length")
    }

    fn any_device(&mut self) -> &mut Device {
        let index = self.index(self.devices.len());
        &mut self.devices[index]
    }

    /// Writes one to three batches of a user, whose events set out together.
    fn commit(&mut self) {
        let user = self.random.pick(&self.users);
        for _ in 0..=self.random.below(3) {
            // Sometimes more than a mailbox holds.
            let count = if self.random.chance(2) { 300 } else { self.random.below(4) };
            let changes: Vec<_> = (0..count).map(|_| self.change(user)).collect();
            let limits = StorageLimits { tombstones: 6, sweep: 2, ..StorageLimits::default() };
            let batch = Batch { limits, ..batch(changes) };
            let commit = self.store.commit(user, batch, self.clock.now()).now_or_never();
            commit.expect("at once").expect("decided");
        }
        let origin = self.index(2);
        for (user, batch) in std::mem::take(&mut *self.outbox.0.lock().expect("no test panicked here")) {
            let clock = batch.events.last().expect("an event").todo.updated_at();
            let advance = Advance { previous: batch.previous, clock };
            self.under_way.push(Message::Advance(self.hubs[1 - origin].clone(), user, advance));
            self.under_way.push(Message::Events(self.hubs[origin].clone(), user, batch));
        }
    }

    fn change(&mut self, user: UserId) -> Change {
        let own: Vec<_> = self.todos.iter().filter(|(of, _)| *of == user).map(|(_, id)| *id).collect();
        let some = if own.len() < 25 || self.random.chance(10) { None } else { self.random.pick_any(&own) };
        let Some(id) = some else {
            let id = todo_id();
            self.todos.push((user, id));
            return create(id, "new");
        };
        match self.random.below(4) {
            0 => delete(id),
            1 => restore(id),
            _ => retitle(id, Base::Current, &format!("title {}", self.random.below(1_000))),
        }
    }

    /// Delivers, loses or repeats some of what is under way, mostly in order.
    fn deliver(&mut self) {
        for _ in 0..self.random.below(6) {
            if self.under_way.is_empty() {
                return;
            }
            let next = if self.random.chance(30) { self.index(self.under_way.len()) } else { 0 };
            let message = self.under_way[next].clone();
            if !self.random.chance(15) {
                self.under_way.remove(next);
            }
            if self.random.chance(85) {
                match message {
                    Message::Events(hub, user, BatchEvents { previous, events }) => {
                        hub.publish(user, previous, events);
                    }
                    Message::Advance(hub, user, advance) => hub.advanced(user, advance),
                }
            }
        }
    }

    /// Lets a device connect, its socket work, and the client read a little. Sometimes the store is away.
    fn run_a_device(&mut self) {
        let (available, count) = (!self.random.chance(10), self.index(40));
        let (hub, sync, store) = (self.random.pick(&self.hubs), self.sync.clone(), self.store.clone());
        let device = self.any_device();
        device.connect(&hub, &sync);
        store.set_available(available);
        device.work();
        store.set_available(true);
        device.read(count, &store);
    }

    /// What each instance does from time to time.
    fn poll_clocks(&self) {
        for hub in &self.hubs {
            let clocks = self.store.clocks(&hub.users()).now_or_never().expect("at once").expect("read");
            for (user, clock) in clocks {
                hub.polled(user, clock);
            }
        }
    }

    /// Once everything works again and the clocks were polled, every device has all changes.
    pub fn settle(&mut self) {
        for device in &mut self.devices {
            device.connect(&self.hubs[0], &self.sync);
        }
        self.poll_clocks();
        let mut rounds_without_a_message = 0;
        while rounds_without_a_message < 2 {
            rounds_without_a_message += 1;
            for device in &mut self.devices {
                // A client that was too slow comes back.
                device.connect(&self.hubs[0], &self.sync);
                device.work();
                if device.read(usize::MAX, &self.store) > 0 {
                    rounds_without_a_message = 0;
                }
            }
        }
        for device in &self.devices {
            device.assert_complete(&self.store);
        }
    }
}
