//! The bus with a real Redis.

#![expect(clippy::expect_used, reason = "helpers of tests report a failure by panicking")]

use std::sync::Arc;
use std::time::Duration;

use adapters_redis::RedisBus;
use domain::instances::{Advance, Bus as _, BusListener, Message};
use domain::{Stamp, UserId};
use redis_testbed::RedisServer;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::timeout;
use uuid::Uuid;

/// Upper bound of every wait. Only a failing test waits this long.
const DEADLINE: Duration = Duration::from_mins(1);

#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Connected,
    Disconnected,
    Received(Message),
    Sent(usize),
}

struct Ears(UnboundedSender<Heard>);

impl BusListener for Ears {
    fn connected(&self) {
        drop(self.0.send(Heard::Connected));
    }

    fn disconnected(&self, problem: &str) {
        assert!(problem.starts_with("Redis: "), "{problem}");
        drop(self.0.send(Heard::Disconnected));
    }

    fn received(&self, message: Message) {
        drop(self.0.send(Heard::Received(message)));
    }

    fn sent(&self, count: usize) {
        drop(self.0.send(Heard::Sent(count)));
    }
}

/// One instance's bus, connected as long as it lives.
struct Instance {
    bus: Arc<RedisBus>,
    heard: UnboundedReceiver<Heard>,
    _tasks: JoinSet<()>,
}

impl Instance {
    async fn start(url: &str, id: u128) -> Self {
        let bus = Arc::new(RedisBus::new(url, Uuid::from_u128(id)).expect("a valid URL"));
        let ((sender, heard), running) = (unbounded_channel(), bus.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { running.run(&Ears(sender)).await });
        let mut instance = Self { bus, heard, _tasks: tasks };
        instance.until(&Heard::Connected).await;
        instance
    }

    async fn next(&mut self) -> Heard {
        timeout(DEADLINE, self.heard.recv()).await.expect("in time").expect("the bus runs")
    }

    /// Waits for `wanted`, and leaves out what comes before. A busy machine may lose a connection.
    async fn until(&mut self, wanted: &Heard) {
        while self.next().await != *wanted {}
    }
}

fn advanced(user: u128, clock: i64) -> Message {
    let at = |micros| Stamp::from_micros(micros).expect("a stamp");
    let advance = Advance { previous: at(clock - 1), clock: at(clock) };
    Message::Advanced(UserId(Uuid::from_u128(user)), advance)
}

#[tokio::test]
async fn messages_reach_the_other_instances_and_not_the_sender() {
    let server = RedisServer::start();
    let mut instances = Vec::new();
    for id in 0..3 {
        instances.push(Instance::start(&server.url(), id).await);
    }
    let elsewhere = server.url().replace("/0", "/1");
    let mut elsewhere = Instance::start(&elsewhere, 3).await;
    for message in [advanced(7, 1_000_000), Message::Revoked] {
        instances[0].bus.announce(message);
        for other in &mut instances[1..] {
            other.until(&Heard::Received(message)).await;
        }
    }
    // Each hears what the others say, and nothing of itself.
    instances[1].bus.announce(advanced(8, 5));
    instances[0].until(&Heard::Sent(1)).await;
    loop {
        match instances[0].next().await {
            Heard::Received(message) if message == advanced(8, 5) => break,
            Heard::Received(message) => panic!("it hears itself: {message}"),
            _ => {}
        }
    }
    elsewhere.bus.announce(advanced(9, 5));
    elsewhere.until(&Heard::Sent(1)).await;
    elsewhere.heard.close();
    while let Some(heard) = elsewhere.heard.recv().await {
        assert!(!matches!(heard, Heard::Received(_)), "channels belong to a database: {heard:?}");
    }
}

#[tokio::test]
async fn thousands_of_messages_are_sent_together() {
    let server = RedisServer::start();
    let mut sender = Instance::start(&server.url(), 0).await;
    let mut receiver = Instance::start(&server.url(), 1).await;
    for user in 0..5_000 {
        sender.bus.announce(advanced(user, 5));
    }
    let mut heard = 0;
    while heard < 5_000 {
        heard += usize::from(matches!(receiver.next().await, Heard::Received(_)));
    }
    let mut sent = 0;
    while sent < 5_000 {
        if let Heard::Sent(count) = sender.next().await {
            sent += count;
        }
    }
}

#[tokio::test]
async fn what_is_announced_while_redis_is_killed_or_frozen_arrives_when_it_is_back() {
    let mut server = RedisServer::start();
    let mut instances = [Instance::start(&server.url(), 0).await, Instance::start(&server.url(), 1).await];
    server.kill();
    for instance in &mut instances {
        instance.until(&Heard::Disconnected).await;
    }
    server.start_again();
    instances[1].until(&Heard::Connected).await;
    // Sent as soon as the sender is back too.
    instances[0].bus.announce(advanced(1, 5));
    instances[1].until(&Heard::Received(advanced(1, 5))).await;

    server.freeze();
    instances[0].bus.announce(advanced(2, 5));
    for instance in &mut instances {
        instance.until(&Heard::Disconnected).await;
    }
    server.thaw();
    instances[1].until(&Heard::Connected).await;
    instances[0].until(&Heard::Connected).await;
    instances[0].bus.announce(advanced(3, 5));
    instances[1].until(&Heard::Received(advanced(3, 5))).await;
}
