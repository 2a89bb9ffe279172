//! Group commit: every change of todos goes through one of a few tasks, each with a connection of its own.
//!
//! A task takes the batches that wait, of whatever users, into one transaction; it waits for none. Under load a flush to disk
//! and the round trips are shared by all of them, and alone a batch pays for no other. A user's batches always go to the same
//! task, so that within an instance they are decided, and their events published, in one order; across instances
//! the users' rows are locked in the order of their ids.
//!
//! A caller that goes away changes nothing: what is queued is committed, or refused as a whole.

mod attempt;
mod group;
mod run;
mod settle;
pub(crate) mod write;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::todo::{Batch, Commit, EventBus};
use domain::{Stamp, StoreError, UserId};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use self::group::Job;
use self::run::Committer;
use crate::connector::Connector;
use crate::fence::RowSecurity;

/// More than two contend for the same disk and locks, and gain nothing.
const TASKS: usize = 2;

/// How many batches may wait for each task; more are refused as busy.
const QUEUE: usize = 1024;

/// The tasks and the way to them.
pub(crate) struct Committers {
    queues: Vec<mpsc::Sender<Job>>,
    closing: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    timeout: Duration,
}

impl Committers {
    /// Starts the tasks on the current runtime; they end when this is closed or dropped.
    pub(crate) fn start(
        connector: &Arc<Connector>,
        bus: &Arc<dyn EventBus>,
        row_security: RowSecurity,
        timeout: Duration,
    ) -> Self {
        let closing = watch::Sender::new(false);
        let (queues, tasks) = (0..TASKS)
            .map(|_| {
                let (queue, waiting) = mpsc::channel(QUEUE);
                let committer = Committer::new(Arc::clone(connector), Arc::clone(bus), row_security, timeout);
                (queue, tokio::spawn(committer.run(waiting, closing.subscribe())))
            })
            .unzip();
        Self { queues, closing, tasks: Mutex::new(tasks), timeout }
    }

    /// Queues the batch and waits for what becomes of it.
    pub(crate) async fn commit(&self, user: UserId, batch: Batch, now: Stamp) -> Result<Commit, StoreError> {
        let unavailable = |problem: &str| StoreError::Unavailable(problem.to_owned());
        let (answer, outcome) = oneshot::channel();
        let deadline = Instant::now() + self.timeout;
        // The low bits of an id are random, whoever made it.
        let task = usize::try_from(user.0.as_u128() % self.queues.len() as u128).unwrap_or(0);
        self.queues[task].try_send(Job { user, batch, now, deadline, answer }).map_err(|refused| {
            match refused {
                TrySendError::Full(_) => unavailable("too many batches wait to be written"),
                TrySendError::Closed(_) => unavailable("the store is closing"),
            }
        })?;
        outcome.await.unwrap_or_else(|_| Err(unavailable("the batch was given up")))
    }

    /// Refuses new batches, and returns when those that wait are committed.
    pub(crate) async fn close(&self) {
        self.closing.send_replace(true);
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a committer ended early");
            }
        }
    }
}
