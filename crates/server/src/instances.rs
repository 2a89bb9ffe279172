//! What this instance tells the others on its database, and what it hears of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use api_actix::realtime::Hub;
use async_trait::async_trait;
use domain::instances::{Advance, Bus, BusListener, ClockListener as _, Message, OtherWriters};
use domain::todo::{EventBus, TodoEvent, TodoStore};
use domain::{Stamp, UserId};
use metrics::{counter, gauge};
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

/// How often the clocks of the users with open sockets are read.
const POLL_PERIOD: Duration = Duration::from_secs(5);
/// How often a server on an SQLite file looks whether a command has written to it.
const WATCH_PERIOD: Duration = Duration::from_secs(1);

/// Publishes committed changes to the sockets of this instance, and announces them to the others.
pub struct Publisher {
    pub hub: Arc<Hub>,
    pub bus: Option<Arc<dyn Bus>>,
}

impl EventBus for Publisher {
    fn publish(&self, user: UserId, previous: Stamp, events: Vec<TodoEvent>) {
        let clock = events.last().map(|event| event.todo.updated_at());
        self.hub.publish(user, previous, events);
        if let (Some(bus), Some(clock)) = (&self.bus, clock) {
            bus.announce(Message::Advanced(user, Advance { previous, clock }));
        }
    }
}

/// Takes in what the other instances announce.
pub struct Arrivals {
    hub: Arc<Hub>,
    state: AtomicU8,
    /// Sessions ended elsewhere.
    pub revoked: Notify,
    /// Others may have written without an announcement that arrived.
    pub unannounced: Notify,
}

const UNKNOWN: u8 = 0;
const UP: u8 = 1;
const DOWN: u8 = 2;

impl Arrivals {
    /// Hands what it hears to `hub`.
    pub fn new(hub: Arc<Hub>) -> Self {
        for name in ["realtime_bus_messages_sent_total", "realtime_bus_messages_received_total"] {
            counter!(name).increment(0);
        }
        Self { hub, state: AtomicU8::new(UNKNOWN), revoked: Notify::new(), unannounced: Notify::new() }
    }

    /// Has everything read that others may have written.
    fn read_all(&self) {
        self.revoked.notify_one();
        self.unannounced.notify_one();
    }
}

impl BusListener for Arrivals {
    fn connected(&self) {
        gauge!("realtime_bus_up").set(1.0);
        if self.state.swap(UP, Ordering::Relaxed) == DOWN {
            tracing::info!("the bus between instances works again");
        }
        self.read_all();
    }

    fn disconnected(&self, problem: &str) {
        gauge!("realtime_bus_up").set(0.0);
        if self.state.swap(DOWN, Ordering::Relaxed) != DOWN {
            tracing::warn!(
                problem,
                "the bus between instances is down; changes through other instances arrive within 5 seconds"
            );
        }
    }

    fn received(&self, message: Message) {
        counter!("realtime_bus_messages_received_total").increment(1);
        match message {
            Message::Advanced(user, advance) => self.hub.advanced(user, advance),
            Message::Revoked => self.revoked.notify_one(),
        }
    }

    fn sent(&self, count: usize) {
        counter!("realtime_bus_messages_sent_total").increment(count as u64);
    }
}

/// Reads the clocks of the users with open sockets, every 5 seconds and whenever others may have
/// written without an announcement, forever. A socket that is behind reads what it missed, and one
/// that is ahead tells its client that the database has lost changes.
pub async fn poll_clocks(todos: Arc<dyn TodoStore>, arrivals: Arc<Arrivals>) {
    let mut ticks = interval_at(Instant::now() + POLL_PERIOD, POLL_PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = arrivals.unannounced.notified() => {}
        }
        let users = arrivals.hub.users();
        if users.is_empty() {
            continue;
        }
        let clocks = todos.clocks(&users).await;
        match &clocks {
            Ok(_) if failing => tracing::info!("the clocks of users are readable again"),
            Err(error) if !failing => tracing::error!(%error, "can't read the clocks of users"),
            Ok(_) | Err(_) => {}
        }
        failing = clocks.is_err();
        for (user, clock) in clocks.unwrap_or_default() {
            arrivals.hub.polled(user, clock);
        }
    }
}

/// Notices what commands write beside a server on an SQLite file, forever.
pub async fn watch(others: Arc<dyn OtherWriters>, arrivals: Arc<Arrivals>) {
    loop {
        // Where the file can't be read now, a later look covers this one.
        if let Ok(true) = others.have_written().await {
            arrivals.read_all();
        }
        sleep(WATCH_PERIOD).await;
    }
}

/// The bus of a command, which tells the running instances what it changed, and hears nothing.
pub struct Announcer {
    bus: Arc<dyn Bus>,
    used: AtomicBool,
}

impl Announcer {
    /// Announces on `bus`.
    pub const fn new(bus: Arc<dyn Bus>) -> Self {
        Self { bus, used: AtomicBool::new(false) }
    }

    /// Returns when what was announced is sent, or can't be sent, or when `limit` has passed.
    pub async fn finish(&self, limit: Duration) {
        if self.used.load(Ordering::Relaxed) {
            let sending = Sending::default();
            tokio::select! {
                () = self.bus.run(&sending) => {}
                () = sending.over.notified() => {}
                () = sleep(limit) => {}
            }
        }
    }
}

#[async_trait]
impl Bus for Announcer {
    fn announce(&self, message: Message) {
        self.used.store(true, Ordering::Relaxed);
        self.bus.announce(message);
    }

    async fn run(&self, listener: &dyn BusListener) {
        self.bus.run(listener).await;
    }
}

/// Waits for one message to be sent.
#[derive(Default)]
struct Sending {
    over: Notify,
}

impl BusListener for Sending {
    fn connected(&self) {}

    fn disconnected(&self, problem: &str) {
        tracing::warn!(
            problem,
            "the running instances get no message; they read the change within 5 seconds"
        );
        self.over.notify_one();
    }

    fn received(&self, _: Message) {}

    fn sent(&self, _: usize) {
        self.over.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use domain::StoreError;
    use domain_testkit::ManualClock;
    use domain_testkit::build::T0;
    use tokio::time::timeout;

    use super::*;

    /// Has written since the last look if it is set.
    struct Command(AtomicBool);

    #[async_trait]
    impl OtherWriters for Command {
        async fn have_written(&self) -> Result<bool, StoreError> {
            Ok(self.0.swap(false, Ordering::Relaxed))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_command_writes_to_a_file_is_read_within_a_second_and_only_once() {
        let arrivals = Arc::new(Arrivals::new(Hub::new(Arc::new(ManualClock::at(T0)))));
        let command = Arc::new(Command(AtomicBool::new(false)));
        let watching = tokio::spawn(watch(command.clone(), arrivals.clone()));
        let announced = async |within| {
            let both = async {
                arrivals.unannounced.notified().await;
                arrivals.revoked.notified().await;
            };
            timeout(within, both).await.is_ok()
        };
        assert!(!announced(Duration::from_mins(1)).await, "nothing was written");
        for _ in 0..2 {
            command.0.store(true, Ordering::Relaxed);
            // Time stands still, but two timers that end together end in any order.
            assert!(announced(WATCH_PERIOD + Duration::from_millis(10)).await);
            assert!(!announced(Duration::from_mins(1)).await, "nothing was written since");
        }
        watching.abort();
    }
}
