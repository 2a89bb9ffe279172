//! What this instance tells the others on its database, and what it hears of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use api_actix::realtime::Hub;
use domain::instances::{Advance, Bus, BusListener, ClockListener as _, Message};
use domain::todo::{EventBus, TodoEvent, TodoStore};
use domain::{Stamp, UserId};
use metrics::{counter, gauge};
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// How often the clocks of the users with open sockets are read.
const POLL_PERIOD: Duration = Duration::from_secs(5);

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
    /// Announcements may have been lost until now.
    pub reconnected: Notify,
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
        Self { hub, state: AtomicU8::new(UNKNOWN), revoked: Notify::new(), reconnected: Notify::new() }
    }
}

impl BusListener for Arrivals {
    fn connected(&self) {
        gauge!("realtime_bus_up").set(1.0);
        if self.state.swap(UP, Ordering::Relaxed) == DOWN {
            tracing::info!("the bus between instances works again");
        }
        self.revoked.notify_one();
        self.reconnected.notify_one();
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

/// Reads the clocks of the users with open sockets, every 5 seconds and whenever announcements may have been
/// lost, forever. A socket that is behind reads what it missed.
pub async fn poll_clocks(todos: Arc<dyn TodoStore>, arrivals: Arc<Arrivals>) {
    let mut ticks = interval_at(Instant::now() + POLL_PERIOD, POLL_PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = arrivals.reconnected.notified() => {}
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
            arrivals.hub.advanced(user, Advance::polled(clock));
        }
    }
}
