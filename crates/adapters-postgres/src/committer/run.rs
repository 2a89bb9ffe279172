//! One committer: takes what waits, commits it together, and where that fails each batch alone.

use std::collections::{HashSet, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use diesel_async::AsyncPgConnection;
use domain::todo::{EventBus, TodoEvent};
use domain::{StoreError, UserId};
use futures_util::FutureExt;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use super::attempt::Trouble;
use super::group::{Answer, Job};
use super::settle::Unsettled;
use crate::connector::Connector;
use crate::fence::RowSecurity;

/// The most batches of one transaction.
const BATCHES: usize = 64;
/// A group takes no further batch when it has so many changes: a full sync of a thousand todos shares with a few small batches only.
const CHANGES: usize = 2000;
/// How long an idle committer waits before it asks again what became of a commit.
const ASK_AGAIN: Duration = Duration::from_secs(1);

pub(super) struct Committer {
    pub(super) connector: Arc<Connector>,
    pub(super) timeout: Duration,
    pub(super) unsettled: Option<Unsettled>,
    pub(super) connection: Option<AsyncPgConnection>,
    bus: Arc<dyn EventBus>,
    row_security: RowSecurity,
}

impl Committer {
    pub(super) fn new(
        connector: Arc<Connector>,
        bus: Arc<dyn EventBus>,
        row_security: RowSecurity,
        timeout: Duration,
    ) -> Self {
        Self { connector, timeout, unsettled: None, connection: None, bus, row_security }
    }

    /// Works until the queue is closed and empty.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Job>, mut closing: watch::Receiver<bool>) {
        let mut waiting = VecDeque::new();
        let mut arrived = Vec::new();
        let mut open = true;
        loop {
            if waiting.is_empty() {
                tokio::select! {
                    count = queue.recv_many(&mut arrived, BATCHES) => if count == 0 { break },
                    _ = closing.changed(), if open => {
                        open = false;
                        queue.close();
                    }
                    () = sleep(ASK_AGAIN), if self.unsettled.is_some() => {
                        self.settle().await;
                    }
                }
                waiting.extend(arrived.drain(..));
            }
            while waiting.len() < BATCHES
                && let Ok(job) = queue.try_recv()
            {
                waiting.push_back(job);
            }
            let group = self.take(&mut waiting);
            // One panic must not stop every later write; those who wait for this group see that it was given up.
            if AssertUnwindSafe(self.group(group)).catch_unwind().await.is_err() {
                tracing::error!("a committer panicked over a group of batches");
                self.connection = None;
            }
        }
    }

    /// The next group. Who must wait for the next one is overtaken by nobody of their own user.
    fn take(&self, waiting: &mut VecDeque<Job>) -> Vec<Job> {
        let Some(first) = waiting.pop_front() else { return Vec::new() };
        let one_user = (self.row_security == RowSecurity::All).then_some(first.user);
        let mut changes = first.batch.changes.len();
        let mut full = false;
        let mut group = vec![first];
        let mut rest = VecDeque::new();
        for job in waiting.drain(..) {
            let admitted = one_user.is_none_or(|user| job.user == user);
            full |= admitted && changes + job.batch.changes.len() > CHANGES;
            if admitted && !full {
                changes += job.batch.changes.len();
                group.push(job);
            } else {
                rest.push_back(job);
            }
        }
        *waiting = rest;
        group
    }

    async fn group(&mut self, jobs: Vec<Job>) {
        let now = Instant::now();
        let (jobs, late): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.deadline > now);
        refuse(late, "the batch waited too long to be written");
        if jobs.is_empty() {
            return;
        }
        if !self.settle().await {
            refuse(jobs, "the database can't be reached");
            return;
        }
        match self.attempt_again(&jobs).await {
            Err(Trouble::Refused(error)) if jobs.len() > 1 => {
                tracing::warn!(%error, batches = jobs.len(), "a group of batches failed; each is done alone");
                self.each_alone(jobs).await;
            }
            outcome => self.answer(jobs, outcome),
        }
    }

    /// No batch suffers for another. One that waited in vain for its user's row speaks for all of that user: if each waited in
    /// turn, everybody else would wait for all of them.
    async fn each_alone(&mut self, jobs: Vec<Job>) {
        let mut held = HashSet::new();
        for job in jobs {
            let user = job.user;
            if held.contains(&user) {
                refuse(vec![job], "the user's row is locked");
                continue;
            }
            let begun = Instant::now();
            let alone = [job];
            let outcome = self.attempt_again(&alone).await;
            if outcome.is_err() && begun.elapsed() >= self.lock_wait() {
                held.insert(user);
            }
            self.answer(alone.into(), outcome);
        }
    }

    /// How long a transaction waits for a user's row that another holds: short against the time that a batch may wait in all, as
    /// the batches of other users wait with it.
    pub(super) fn lock_wait(&self) -> Duration {
        self.timeout / 4
    }

    /// Publishes what is durable, then answers those who still wait.
    fn answer(&self, jobs: Vec<Job>, outcome: Result<Vec<Answer>, Trouble>) {
        match outcome {
            Ok(answers) => {
                for (job, answer) in jobs.into_iter().zip(answers) {
                    self.publish(job.user, answer.events);
                    // Whoever does not wait any more is not told.
                    let _ = job.answer.send(Ok(answer.commit));
                }
            }
            Err(Trouble::Refused(StoreError::Corrupt { table, column, problem })) => {
                for job in jobs {
                    let _ = job.answer.send(Err(StoreError::corrupt(table, column, problem.clone())));
                }
            }
            Err(Trouble::Refused(error) | Trouble::Lost(error) | Trouble::GivenUp(error)) => {
                refuse(jobs, &error.to_string());
            }
        }
    }

    pub(super) fn publish(&self, user: UserId, events: Vec<TodoEvent>) {
        if !events.is_empty() {
            self.bus.publish(user, events);
        }
    }
}

fn refuse(jobs: Vec<Job>, problem: &str) {
    for job in jobs {
        let _ = job.answer.send(Err(StoreError::Unavailable(problem.to_owned())));
    }
}
