//! An event bus that keeps what it is given.

use std::time::Duration;

use domain::todo::{EventBus, TodoEvent};
use domain::{Stamp, UserId};
use tokio::sync::watch;

/// Keeps every event published, in the order of publishing.
pub struct RecordingBus {
    log: watch::Sender<Vec<(UserId, TodoEvent)>>,
}

impl RecordingBus {
    /// How long a test waits for an event before it fails.
    pub const PATIENCE: Duration = Duration::from_mins(1);

    /// A bus that has heard nothing.
    #[must_use]
    pub fn new() -> Self {
        Self { log: watch::Sender::new(Vec::new()) }
    }

    /// The user's events up to now.
    #[must_use]
    pub fn so_far(&self, user: UserId) -> Vec<TodoEvent> {
        of(&self.log.borrow(), user)
    }

    /// All users' events up to now.
    #[must_use]
    pub fn everything(&self) -> Vec<(UserId, TodoEvent)> {
        self.log.borrow().clone()
    }

    /// Waits until the user has `count` events or more, and gives them all.
    pub async fn wait_for(&self, user: UserId, count: usize) -> Vec<TodoEvent> {
        let heard = self.wait(user, |events| events.len() >= count).await;
        heard.unwrap_or_else(|events| {
            panic!("{count} events of user {user} awaited, {} came: {events:#?}", events.len())
        })
    }

    /// Waits for the user's event with stamp `last` or a later one, and gives all events up to now. As events come in stamp order,
    /// no earlier one is missing then.
    pub async fn wait_until(&self, user: UserId, last: Stamp) -> Vec<TodoEvent> {
        let heard =
            self.wait(user, |events| events.iter().any(|event| event.todo.updated_at() >= last)).await;
        heard.unwrap_or_else(|events| panic!("no event of user {user} at {last:?} came, only {events:#?}"))
    }

    async fn wait(
        &self,
        user: UserId,
        enough: impl Fn(&[TodoEvent]) -> bool,
    ) -> Result<Vec<TodoEvent>, Vec<TodoEvent>> {
        let mut log = self.log.subscribe();
        let heard = log.wait_for(|log| enough(&of(log, user)));
        match tokio::time::timeout(Self::PATIENCE, heard).await {
            Ok(Ok(log)) => Ok(of(&log, user)),
            _ => Err(self.so_far(user)),
        }
    }
}

impl Default for RecordingBus {
    fn default() -> Self {
        Self::new()
    }
}

impl EventBus for RecordingBus {
    fn publish(&self, user: UserId, events: Vec<TodoEvent>) {
        self.log.send_modify(|log| log.extend(events.into_iter().map(|event| (user, event))));
    }
}

fn of(log: &[(UserId, TodoEvent)], user: UserId) -> Vec<TodoEvent> {
    log.iter().filter(|(of, _)| *of == user).map(|(_, event)| event.clone()).collect()
}
