//! Messages between the instances of one database.
//!
//! A [`Message`] says that something changed, and carries no text of a user: who hears it reads the
//! store. It may come late, twice, out of order or never, so an instance must also ask the store
//! from time to time.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use crate::error::StoreError;
use crate::ids::UserId;
use crate::time::Stamp;

/// How far a user's clock has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Advance {
    /// The clock before. A receiver that knows the user's changes up to an earlier stamp has missed
    /// other advances.
    pub previous: Stamp,
    pub clock: Stamp,
}

impl Advance {
    /// What is known after a look at a clock: a receiver that is behind it has missed an advance.
    #[must_use]
    pub const fn polled(clock: Stamp) -> Self {
        Self { previous: clock, clock }
    }

    /// Covers `other` as well.
    pub fn merge(&mut self, other: Self) {
        self.previous = self.previous.min(other.previous);
        self.clock = self.clock.max(other.clock);
    }
}

/// What one instance tells the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// Todos of the user changed.
    Advanced(UserId, Advance),
    /// Sessions ended before their tokens expire.
    Revoked,
}

const REVOKED: &str = "revoked";

/// In one word of up to three parts, which [`FromStr`] parses.
impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Advanced(user, Advance { previous, clock }) => {
                write!(f, "{}:{}:{}", user.0.simple(), previous.as_micros(), clock.as_micros())
            }
            Self::Revoked => f.write_str(REVOKED),
        }
    }
}

/// The text is no message of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a message between instances")]
pub struct UnknownMessage;

impl FromStr for Message {
    type Err = UnknownMessage;

    fn from_str(text: &str) -> Result<Self, UnknownMessage> {
        if text == REVOKED {
            return Ok(Self::Revoked);
        }
        let parse = || {
            let mut parts = text.split(':');
            let user = UserId(Uuid::try_parse(parts.next()?).ok()?);
            let mut stamp = || Stamp::from_micros(parts.next()?.parse().ok()?);
            let advance = Advance { previous: stamp()?, clock: stamp()? };
            parts.next().is_none().then_some(Self::Advanced(user, advance))
        };
        parse().ok_or(UnknownMessage)
    }
}

/// Learns how far users have come elsewhere: from a bus, or from the store.
///
/// Calls may be late, repeated, out of order or missing. An implementation MUST NOT block.
pub trait ClockListener: Send + Sync {
    /// The users that it wants to learn about.
    fn users(&self) -> Vec<UserId>;

    /// The user's clock has advanced.
    fn advanced(&self, user: UserId, advance: Advance);

    /// The store had the user's clock at `clock`. A client that learned of a later stamp before the
    /// store was read knows changes that the database has lost.
    fn polled(&self, user: UserId, clock: Stamp);
}

/// Carries messages to the other instances of one database. It need not be reliable.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Sends a message soon, perhaps together with others. MUST NOT block.
    fn announce(&self, message: Message);

    /// Sends and receives until the future is dropped, and connects again whenever the connection
    /// breaks. Only one such future may run at a time.
    async fn run(&self, listener: &dyn BusListener);
}

/// Hears what a [`Bus`] carries. Its methods MUST NOT block.
pub trait BusListener: Send + Sync {
    /// The bus works. Messages that were sent before may be lost.
    fn connected(&self);

    /// The bus does not work, or still does not.
    fn disconnected(&self, problem: &str);

    /// Another instance has sent this message.
    fn received(&self, message: Message);

    /// `count` messages were handed to the bus.
    fn sent(&self, count: usize);
}

/// Notices the writes of processes that can announce nothing, as commands beside a server on
/// an SQLite file.
#[async_trait]
pub trait OtherWriters: Send + Sync {
    /// Whether another process has written to the database since the last call. The first call
    /// returns `false`. After an error, the next call covers the time before it too.
    async fn have_written(&self) -> Result<bool, StoreError>;
}

/// The messages that wait to be sent: one for each user at most.
#[derive(Debug, Default)]
pub struct Announcements(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    advances: HashMap<UserId, Advance>,
    revoked: bool,
}

impl Announcements {
    /// How long a bus collects messages before it sends them.
    pub const COLLECT: Duration = Duration::from_millis(3);
    /// The time from one sending to the next at least. A sending costs about as much as a write, on
    /// the servers that carry it and on every instance that hears it, so its cost must not grow
    /// with the number of writes.
    pub const PACE: Duration = Duration::from_millis(50);
    /// The number of users beyond which all messages are dropped: the others find the changes in
    /// the store.
    const MAX_USERS: usize = 100_000;

    /// Adds a message, and merges it with the one that waits for the same user.
    pub fn add(&self, message: Message) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match message {
            Message::Advanced(user, advance) => {
                if waiting.advances.len() >= Self::MAX_USERS {
                    waiting.advances = HashMap::new();
                }
                waiting.advances.entry(user).or_insert(advance).merge(advance);
            }
            Message::Revoked => waiting.revoked = true,
        }
    }

    /// Takes all messages. A sender that fails adds them again.
    #[must_use]
    pub fn take(&self) -> Vec<Message> {
        let Waiting { advances, revoked } =
            std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let advances = advances.into_iter().map(|(user, advance)| Message::Advanced(user, advance));
        advances.chain(revoked.then_some(Message::Revoked)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: UserId = UserId(Uuid::from_u128(7));

    fn advance(previous: i64, clock: i64) -> Advance {
        let at = |micros| Stamp::from_micros(micros).expect("a stamp");
        Advance { previous: at(previous), clock: at(clock) }
    }

    #[test]
    fn a_message_survives_its_text_form() {
        for message in [Message::Revoked, Message::Advanced(ANN, advance(-5, 1_767_952_800_000_001))] {
            assert_eq!(message.to_string().parse(), Ok(message), "{message}");
        }
        let ann = "00000000000000000000000000000007";
        for text in ["", "revoke", ann, &format!("{ann}:1"), &format!("{ann}:1:2:3"), "x:1:2"] {
            assert_eq!(text.parse::<Message>(), Err(UnknownMessage), "{text}");
        }
    }

    #[test]
    fn messages_that_wait_are_merged_by_user() {
        let waiting = Announcements::default();
        assert_eq!(waiting.take(), []);
        waiting.add(Message::Advanced(ANN, advance(3, 5)));
        waiting.add(Message::Revoked);
        waiting.add(Message::Advanced(ANN, advance(1, 3)));
        waiting.add(Message::Revoked);
        assert_eq!(waiting.take(), [Message::Advanced(ANN, advance(1, 5)), Message::Revoked]);
        assert_eq!(waiting.take(), []);
    }
}
