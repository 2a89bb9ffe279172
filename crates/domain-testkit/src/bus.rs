//! An event bus that records events.

use std::time::Duration;

use domain::todo::{BatchEvents, EventBus, TodoEvent};
use domain::{Stamp, UserId};
use tokio::sync::watch;

/// Records every event, in the order of publication.
pub struct RecordingBus {
    log: watch::Sender<Vec<(UserId, BatchEvents)>>,
}

impl RecordingBus {
    /// How long a test waits for an event before it fails.
    pub const TIMEOUT: Duration = Duration::from_mins(1);

    /// A bus without events.
    #[must_use]
    pub fn new() -> Self {
        Self { log: watch::Sender::new(Vec::new()) }
    }

    /// The user's events so far.
    #[must_use]
    pub fn so_far(&self, user: UserId) -> Vec<TodoEvent> {
        of(&self.log.borrow(), user)
    }

    /// The events of all users so far.
    #[must_use]
    pub fn everything(&self) -> Vec<(UserId, TodoEvent)> {
        let log = self.log.borrow();
        let of_batch = |(user, batch): &(UserId, BatchEvents)| {
            let user = *user;
            batch.events.clone().into_iter().map(move |event| (user, event))
        };
        log.iter().flat_map(of_batch).collect()
    }

    /// The batches of the user so far, each with the stamp that it follows on.
    #[must_use]
    pub fn batches(&self, user: UserId) -> Vec<BatchEvents> {
        let log = self.log.borrow();
        log.iter().filter(|(of, _)| *of == user).map(|(_, batch)| batch.clone()).collect()
    }

    /// Waits until the user has at least `count` events, and returns them all.
    pub async fn wait_for(&self, user: UserId, count: usize) -> Vec<TodoEvent> {
        let found = self.wait(user, |events| events.len() >= count).await;
        found.unwrap_or_else(|events| {
            panic!("expected {count} events of user {user}, got {}: {events:#?}", events.len())
        })
    }

    /// Waits for the user's event with the stamp `last` or a later one, and returns all events so
    /// far. As events come in stamp order, no earlier one is missing.
    pub async fn wait_until(&self, user: UserId, last: Stamp) -> Vec<TodoEvent> {
        let found =
            self.wait(user, |events| events.iter().any(|event| event.todo.updated_at() >= last)).await;
        found.unwrap_or_else(|events| panic!("expected an event of user {user} at {last}, got {events:#?}"))
    }

    async fn wait(
        &self,
        user: UserId,
        enough: impl Fn(&[TodoEvent]) -> bool,
    ) -> Result<Vec<TodoEvent>, Vec<TodoEvent>> {
        let mut log = self.log.subscribe();
        let found = log.wait_for(|log| enough(&of(log, user)));
        match tokio::time::timeout(Self::TIMEOUT, found).await {
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
    fn publish(&self, user: UserId, previous: Stamp, events: Vec<TodoEvent>) {
        self.log.send_modify(|log| log.push((user, BatchEvents { previous, events })));
    }
}

fn of(log: &[(UserId, BatchEvents)], user: UserId) -> Vec<TodoEvent> {
    log.iter().filter(|(of, _)| *of == user).flat_map(|(_, batch)| batch.events.clone()).collect()
}
