//! The bus between instances: LISTEN and NOTIFY.
//!
//! It has a connection of its own. A message is sent after the commit that it is about, and
//! never inside one: PostgreSQL lets transactions that notify commit one after another. Messages
//! are collected for a few milliseconds, and for longer under load, so that many commits cost
//! one round trip.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use async_trait::async_trait;
use domain::instances::{Announcements, Bus, BusListener, Message};
use futures_util::StreamExt as _;
use futures_util::stream::poll_fn;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, sleep_until, timeout};
use tokio_postgres::{AsyncMessage, Client, Error, Notification, SimpleQueryMessage, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{ConnectError, reason};
use crate::url::Target;
use crate::{session, tls};

const CHANNEL: &str = "todo_sync";
/// How often the connection is tried while nothing is sent.
const HEARTBEAT: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// PostgreSQL takes less than 8,000 bytes; a message has at most 80.
const MESSAGES_PER_PAYLOAD: usize = 80;

/// Carries messages to the other instances on the same database.
pub struct PostgresBus {
    target: Target,
    tls: MakeRustlsConnect,
    timeout: Duration,
    waiting: Announcements,
    added: Notify,
}

impl PostgresBus {
    /// A bus that connects to `url` when it runs. `timeout` limits a connection attempt
    /// and a statement.
    ///
    /// # Errors
    /// If the URL or the certificates that it names can't be read.
    pub fn new(url: &str, timeout: Duration) -> Result<Self, ConnectError> {
        let mut target = Target::parse(url, timeout)?;
        let tls = tls::connector(target.verification, &target.roots)?;
        // A notification need not survive a crash.
        let options = session::options(target.config.get_options(), timeout);
        target.config.options(format!("{options} -c synchronous_commit=off"));
        Ok(Self { target, tls, timeout, waiting: Announcements::default(), added: Notify::new() })
    }

    /// Works on one connection until it breaks, and returns why.
    async fn work(&self, listener: &dyn BusListener) -> Result<Infallible, String> {
        let broken = |error: Error| reason(&error);
        let late = |_| "the database did not answer in time".to_owned();
        let connecting = timeout(self.timeout, self.target.config.connect(self.tls.clone()));
        let (client, mut connection) = connecting.await.map_err(late)?.map_err(broken)?;
        let (sender, mut notifications) = mpsc::unbounded_channel();
        // Ends with this function.
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            let mut messages = poll_fn(|cx| connection.poll_message(cx));
            while let Some(message) = messages.next().await {
                match message {
                    Ok(AsyncMessage::Notification(notification)) => drop(sender.send(Ok(notification))),
                    Ok(_) => {}
                    Err(error) => drop(sender.send(Err(error))),
                }
            }
        });
        let listening = timeout(self.timeout, listen(&client)).await.map_err(late)?;
        let (own, notify) = listening?;
        listener.connected();
        let mut heartbeat = interval(HEARTBEAT);
        let mut collected = pin!(self.collected(Instant::now()));
        loop {
            tokio::select! {
                received = notifications.recv() => match received {
                    Some(Ok(notification)) => hear(&notification, own, listener),
                    Some(Err(error)) => return Err(reason(&error)),
                    None => return Err("the database closed the connection".to_owned()),
                },
                () = &mut collected => {
                    self.send(&client, &notify, listener).await?;
                    collected.set(self.collected(Instant::now() + Announcements::PACE));
                }
                _ = heartbeat.tick() => {
                    timeout(self.timeout, client.simple_query("")).await.map_err(late)?.map_err(broken)?;
                }
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
        client: &Client,
        notify: &Statement,
        listener: &dyn BusListener,
    ) -> Result<(), String> {
        let messages = self.waiting.take();
        if messages.is_empty() {
            return Ok(());
        }
        let payload = |part: &[Message]| part.iter().map(Message::to_string).collect::<Vec<_>>().join(" ");
        let payloads: Vec<_> = messages.chunks(MESSAGES_PER_PAYLOAD).map(payload).collect();
        let sent = timeout(self.timeout, client.query(notify, &[&CHANNEL, &payloads])).await;
        let problem = match sent {
            Ok(Ok(_)) => {
                listener.sent(messages.len());
                return Ok(());
            }
            Ok(Err(error)) => reason(&error),
            Err(_) => "the database did not answer in time".to_owned(),
        };
        for message in messages {
            self.waiting.add(message);
        }
        Err(problem)
    }
}

/// Begins to listen. Returns the id of the session, and the statement that sends payloads.
async fn listen(client: &Client) -> Result<(i32, Statement), String> {
    let question = format!("select pg_backend_pid(), ({})", session::IS_DIRECT);
    let answer = client.simple_query(&question).await.map_err(|error| reason(&error))?;
    let row = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some((row.get(0)?.parse().ok()?, row.get(1)? == "t")),
        _ => None,
    });
    match row {
        Some((own, true)) => {
            let listen = format!("listen {CHANNEL}");
            client.batch_execute(&listen).await.map_err(|error| reason(&error))?;
            let notify = "select pg_notify($1, payload) from unnest($2::text[]) payload";
            let notify = client.prepare(notify).await.map_err(|error| reason(&error))?;
            Ok((own, notify))
        }
        _ => {
            Err("a pooler can't carry LISTEN: set DATABASE_LISTEN_URL to the address of the database itself"
                .to_owned())
        }
    }
}

/// Hands over the messages of another session. Those of later versions are left out.
fn hear(notification: &Notification, own: i32, listener: &dyn BusListener) {
    if notification.process_id() != own {
        let messages = notification.payload().split(' ').filter_map(|text| text.parse().ok());
        messages.for_each(|message| listener.received(message));
    }
}

#[async_trait]
impl Bus for PostgresBus {
    fn announce(&self, message: Message) {
        self.waiting.add(message);
        self.added.notify_one();
    }

    async fn run(&self, listener: &dyn BusListener) {
        let mut pause = FIRST_PAUSE;
        loop {
            let started = Instant::now();
            let Err(problem) = self.work(listener).await;
            listener.disconnected(&problem);
            // What was not sent goes first on the next connection.
            self.added.notify_one();
            pause = if started.elapsed() > HEARTBEAT { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
            sleep(pause).await;
        }
    }
}
