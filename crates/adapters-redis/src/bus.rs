//! The bus between instances: publish and subscribe.
//!
//! It has a connection of its own, so that many messages never delay the charges of rate limits.
//! Messages are collected for a few milliseconds, and for longer under load, so that many commits
//! cost one round trip.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use async_trait::async_trait;
use domain::instances::{Announcements, Bus, BusListener, Message};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Msg, PushInfo, PushKind, RedisError, cmd, pipe};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use uuid::Uuid;

use crate::server::{Server, UrlError};

/// Limits each command.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How often the connection is tried while nothing is sent.
const HEARTBEAT: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A message has at most 80 bytes.
const MESSAGES_PER_PAYLOAD: usize = 1000;

/// Carries messages to the other instances that use the same database of the same Redis server.
pub struct RedisBus {
    server: Server,
    channel: String,
    /// The name of this instance, in front of what it sends.
    sender: String,
    waiting: Announcements,
    added: Notify,
}

impl RedisBus {
    /// A bus that connects to `url` when it runs. `instance` is another id for each instance.
    pub fn new(url: &str, instance: Uuid) -> Result<Self, UrlError> {
        let server = Server::parse(url)?;
        // Channels, unlike keys, do not belong to a database.
        let channel = format!("todo-sync:{}", server.database());
        let sender = instance.simple().to_string();
        Ok(Self { server, channel, sender, waiting: Announcements::default(), added: Notify::new() })
    }

    /// Works on one connection until it breaks, and returns why.
    async fn work(&self, listener: &dyn BusListener) -> Result<Infallible, RedisError> {
        let (sender, mut pushed) = mpsc::unbounded_channel();
        let config = AsyncConnectionConfig::new().set_push_sender(sender);
        let mut connection = self.server.connect(config, TIMEOUT).await?;
        connection.subscribe(&self.channel).await?;
        listener.connected();
        let mut heartbeat = interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut collected = pin!(self.collected(Instant::now()));
        loop {
            tokio::select! {
                push = pushed.recv() => match push {
                    Some(push) if push.kind != PushKind::Disconnection => self.hear(push, listener),
                    _ => return Err(closed()),
                },
                () = &mut collected => {
                    self.send(&mut connection, listener).await?;
                    collected.set(self.collected(Instant::now() + Announcements::PACE));
                }
                _ = heartbeat.tick() => cmd("PING").exec_async(&mut connection).await?,
            }
        }
    }

    /// Waits until messages are there and collected, and until `earliest` has passed.
    async fn collected(&self, earliest: Instant) {
        self.added.notified().await;
        sleep_until(earliest.max(Instant::now() + Announcements::COLLECT)).await;
    }

    async fn send(
        &self,
        connection: &mut MultiplexedConnection,
        listener: &dyn BusListener,
    ) -> Result<(), RedisError> {
        let messages = self.waiting.take();
        let mut publications = pipe();
        for part in messages.chunks(MESSAGES_PER_PAYLOAD) {
            let texts = part.iter().map(Message::to_string);
            let payload = std::iter::once(self.sender.clone()).chain(texts).collect::<Vec<_>>().join(" ");
            publications.cmd("PUBLISH").arg(&self.channel).arg(payload).ignore();
        }
        if messages.is_empty() {
            return Ok(());
        }
        let sent = publications.exec_async(connection).await;
        if sent.is_ok() {
            listener.sent(messages.len());
        } else {
            for message in messages {
                self.waiting.add(message);
            }
        }
        sent
    }

    /// Hands over the messages of another instance. Those of later versions are left out.
    fn hear(&self, push: PushInfo, listener: &dyn BusListener) {
        let payload = Msg::from_push_info(push).and_then(|message| message.get_payload::<String>().ok());
        let Some((sender, texts)) = payload.as_deref().and_then(|payload| payload.split_once(' ')) else {
            return;
        };
        if sender != self.sender {
            let messages = texts.split(' ').filter_map(|text| text.parse().ok());
            messages.for_each(|message| listener.received(message));
        }
    }
}

fn closed() -> RedisError {
    std::io::Error::new(std::io::ErrorKind::ConnectionAborted, "Redis closed the connection").into()
}

#[async_trait]
impl Bus for RedisBus {
    fn announce(&self, message: Message) {
        self.waiting.add(message);
        self.added.notify_one();
    }

    async fn run(&self, listener: &dyn BusListener) {
        let mut pause = FIRST_PAUSE;
        loop {
            let started = Instant::now();
            let Err(problem) = self.work(listener).await;
            listener.disconnected(&format!("Redis: {problem}"));
            // What was not sent goes first on the next connection.
            self.added.notify_one();
            pause =
                if started.elapsed() > LONGEST_PAUSE { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
            sleep(pause).await;
        }
    }
}
