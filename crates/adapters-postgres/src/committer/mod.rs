//! Group commit: every change of todos goes through one of a few committer tasks.
//!
//! A task takes waiting batches, of any users, into one transaction on a connection of its own. It
//! never waits for a group to fill. Under load the batches share a flush to disk and the round
//! trips; a lone batch pays for no other, and a small one does not wait for another user's large
//! one. One task at a time has batches of a user, so within an instance they are decided, and
//! their events published, in one order. Across instances, the users' rows are locked in the order
//! of their ids.
//!
//! A queued batch is committed or refused as a whole, even if its caller no longer waits.

mod group;
pub(crate) mod load;
mod lost_commit;
mod queue;
pub(crate) mod statements;
mod task;
mod transaction;
mod write_health;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::todo::{Batch, Commit, EventBus};
use domain::{Stamp, StoreError, UserId};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use self::group::Job;
use self::queue::{Kind, Queue, Refused};
use self::task::Committer;
use self::write_health::WriteHealth;
use crate::connector::Connector;
use crate::epochs::EpochCache;
use crate::error::timed_out;
use crate::row_security::RowSecurity;
use crate::statement_log;

/// What each committer task takes. More than two for small batches contend for the same disk and
/// locks, and gain nothing.
const TASKS: [Kind; 3] = [Kind::Small, Kind::Small, Kind::Large];

/// The committer tasks and their queue.
pub(crate) struct Committers {
    queue: Arc<Queue>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    timeout: Duration,
    health: Arc<WriteHealth>,
}

impl Committers {
    /// Starts the tasks on the current runtime, and that of large batches on `background`. They end
    /// when this value is closed or dropped.
    pub(crate) fn start(
        connector: &Arc<Connector>,
        epochs: &Arc<EpochCache>,
        bus: &Arc<dyn EventBus>,
        row_security: RowSecurity,
        background: &Handle,
    ) -> Self {
        let queue = Arc::new(Queue::new(row_security));
        let health = Arc::new(WriteHealth::default());
        let start = |kind| {
            let (connector, epochs, queue) = (Arc::clone(connector), Arc::clone(epochs), Arc::clone(&queue));
            let (bus, health) = (Arc::clone(bus), Arc::clone(&health));
            let committer = Committer::new(connector, epochs, (queue, kind), bus, health);
            match kind {
                Kind::Small => tokio::spawn(committer.run()),
                Kind::Large => background.spawn(committer.run()),
            }
        };
        let tasks = Mutex::new(TASKS.map(start).into());
        Self { queue, tasks, timeout: connector.timeout(), health }
    }

    /// Queues the batch and waits for its outcome.
    pub(crate) async fn commit(&self, user: UserId, batch: Batch, now: Stamp) -> Result<Commit, StoreError> {
        let unavailable = |problem: &str| StoreError::Unavailable(problem.to_owned());
        let (answer, outcome) = oneshot::channel();
        let queued = Instant::now();
        let deadline = queued + self.timeout;
        let span = statement_log::caller();
        self.queue.push(Job { user, batch, now, queued, span, deadline, answer }).map_err(|refused| {
            match refused {
                Refused::Full => unavailable("busy: too many batches are waiting"),
                Refused::Closed => unavailable("the store is closing"),
            }
        })?;
        // A batch that began before its deadline may take two time-outs on each of two connections.
        match timeout_at(deadline + self.timeout * 4, outcome).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(unavailable("the committer dropped the batch")),
            Err(_) => Err(timed_out()),
        }
    }

    /// The number of batches that wait for a committer.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.waiting()
    }

    /// Returns an error if batches can't be committed: a task has ended, or the database refuses
    /// writes.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let unavailable = |problem: &str| Err(StoreError::Unavailable(problem.to_owned()));
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if tasks.iter().any(JoinHandle::is_finished) {
            return unavailable("a committer has ended");
        }
        if self.health.is_failing() {
            return unavailable("the database refuses writes");
        }
        Ok(())
    }

    /// Refuses new batches, and returns once the waiting ones are committed.
    pub(crate) async fn close(&self) {
        self.queue.close();
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a committer ended early");
            }
        }
    }
}

impl Drop for Committers {
    fn drop(&mut self) {
        self.queue.close();
    }
}
