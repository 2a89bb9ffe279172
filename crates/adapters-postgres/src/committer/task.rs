//! The committer task: takes waiting batches, commits them as a group, and in smaller
//! groups if that fails: by user, then each alone.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use domain::StoreError;
use domain::UserId;
use domain::todo::{EventBus, TodoEvent};
use futures_util::FutureExt;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use super::group::{self, Job, Verdict};
use super::lost_commit::{CommitStatus, LostCommit};
use super::transaction::{CommitError, GroupWriter};
use super::write_health::WriteHealth;
use crate::connector::Connector;
use crate::epochs::EpochCache;
use crate::row_security::RowSecurity;

/// The maximum number of batches in one transaction.
const MAX_BATCHES: usize = 64;
/// A group takes no further batch once it would exceed this number of changes, so a sync of 1,000 todos
/// shares its transaction with small batches only.
const MAX_CHANGES: usize = 2000;
/// How often an idle committer asks for the outcome of a lost commit.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// How long a committer pauses after a panic.
const RESTART_PAUSE: Duration = Duration::from_millis(100);

/// Why a batch past its deadline is not written.
const TOO_LATE: &str = "the batch waited too long to be written";

pub(super) struct Committer {
    connector: Arc<Connector>,
    writer: GroupWriter,
    /// A commit whose outcome is not known. No other group is committed before it is.
    lost: Option<LostCommit>,
    bus: Arc<dyn EventBus>,
    row_security: RowSecurity,
}

impl Committer {
    pub(super) fn new(
        connector: Arc<Connector>,
        epochs: Arc<EpochCache>,
        bus: Arc<dyn EventBus>,
        row_security: RowSecurity,
        health: Arc<WriteHealth>,
    ) -> Self {
        let writer = GroupWriter::new(Arc::clone(&connector), epochs, health);
        Self { connector, writer, lost: None, bus, row_security }
    }

    /// Runs until the queue is closed and empty. After a panic it goes on with the batches that wait: only the
    /// callers of the group that it was busy with get an error, because their answer channels are dropped.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Job>, mut closing: watch::Receiver<bool>) {
        let mut waiting = VecDeque::new();
        loop {
            let work = AssertUnwindSafe(self.work(&mut queue, &mut waiting, &mut closing));
            if work.catch_unwind().await.is_ok() {
                return;
            }
            tracing::error!("a committer panicked; it goes on after a pause");
            self.writer.disconnect();
            sleep(RESTART_PAUSE).await;
        }
    }

    async fn work(
        &mut self,
        queue: &mut mpsc::Receiver<Job>,
        waiting: &mut VecDeque<Job>,
        closing: &mut watch::Receiver<bool>,
    ) {
        let mut arrived = Vec::new();
        let mut open = true;
        loop {
            if waiting.is_empty() {
                tokio::select! {
                    count = queue.recv_many(&mut arrived, MAX_BATCHES) => if count == 0 { return },
                    _ = closing.changed(), if open => {
                        open = false;
                        queue.close();
                    }
                    () = sleep(RETRY_INTERVAL), if self.lost.is_some() => {
                        self.recover_lost_commit().await;
                    }
                }
                waiting.extend(arrived.drain(..));
            }
            while waiting.len() < MAX_BATCHES
                && let Ok(job) = queue.try_recv()
            {
                waiting.push_back(job);
            }
            let group = take_group(waiting, self.row_security);
            self.commit_group(group).await;
        }
    }

    /// Commits the batches together, and those that are left over by user, then each alone.
    async fn commit_group(&mut self, jobs: Vec<Job>) {
        let several = group::several_users(&jobs);
        let left = self.commit_together(jobs).await;
        for jobs in by_user(left) {
            // One user's batches were committed together just now.
            let left = if several { self.commit_together(jobs).await } else { jobs };
            for job in left {
                self.commit_together(vec![job]).await;
            }
        }
    }

    /// Commits the batches in one transaction and answers their callers.
    ///
    /// Returns the batches that a smaller group may commit: those of users whose row was locked, or all of them if
    /// the transaction was rolled back. If a single user's group waited in vain for the row lock, all of its
    /// batches fail at once: trying one after the other would make other users wait for each.
    async fn commit_together(&mut self, jobs: Vec<Job>) -> Vec<Job> {
        let jobs = refuse_late(jobs);
        if jobs.is_empty() {
            return jobs;
        }
        if !self.recover_lost_commit().await {
            refuse(jobs, "the database can't be reached");
            return Vec::new();
        }
        let started = Instant::now();
        let error = match self.writer.commit(&jobs).await {
            Ok(verdicts) => return self.answer(jobs, verdicts),
            Err(error) => error,
        };
        if let CommitError::Rejected(error) = &error
            && jobs.len() > 1
        {
            let locked = started.elapsed() >= self.writer.lock_timeout();
            if group::several_users(&jobs) || !locked {
                tracing::warn!(%error, batches = jobs.len(), "a group of batches failed; committing smaller ones");
                return jobs;
            }
        }
        self.fail(jobs, error);
        Vec::new()
    }

    /// Publishes the events of a durable group and answers the callers that still wait. Returns the batches that
    /// were put off.
    fn answer(&self, jobs: Vec<Job>, verdicts: Vec<Verdict>) -> Vec<Job> {
        let mut put_off = Vec::new();
        for (job, verdict) in jobs.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Decided(answer) => {
                    self.publish(job.user, answer.events);
                    // The caller may no longer wait.
                    let _ = job.answer.send(Ok(answer.commit));
                }
                Verdict::PutOff => put_off.push(job),
            }
        }
        put_off
    }

    fn fail(&mut self, jobs: Vec<Job>, error: CommitError) {
        let error = match error {
            CommitError::Rejected(StoreError::Corrupt { table, column, problem }) => {
                for job in jobs {
                    let _ = job.answer.send(Err(StoreError::corrupt(table, column, problem.clone())));
                }
                return;
            }
            CommitError::Unknown(error, lost) => {
                self.lost = Some(lost);
                error
            }
            CommitError::Rejected(error)
            | CommitError::ConnectionLost(error)
            | CommitError::GivenUp(error) => error,
        };
        refuse(jobs, &error.to_string());
    }

    /// Determines the outcome of the lost commit, if there is one, and publishes its events if it
    /// took place.
    ///
    /// Returns `false` if the outcome is still unknown.
    async fn recover_lost_commit(&mut self) -> bool {
        let Some(lost) = self.lost.take() else { return true };
        match lost.sent.status(&self.connector).await {
            CommitStatus::Committed => {
                for (user, events) in lost.events {
                    self.publish(user, events);
                }
                true
            }
            // If later commits changed every row of an indeterminate one, their events are newer.
            CommitStatus::Aborted | CommitStatus::Indeterminate => true,
            CommitStatus::Unknown => {
                self.lost = Some(lost);
                false
            }
        }
    }

    fn publish(&self, user: UserId, events: Vec<TodoEvent>) {
        if events.is_empty() {
            return;
        }
        // The rows are durable: a panic of the bus must not fail the batches whose answers come next.
        let published = catch_unwind(AssertUnwindSafe(|| self.bus.publish(user, events)));
        if published.is_err() {
            tracing::error!("the event bus panicked; its sockets miss the events of one batch");
        }
    }
}

/// Takes the next group from the front. The batches of one user keep their order.
fn take_group(waiting: &mut VecDeque<Job>, row_security: RowSecurity) -> Vec<Job> {
    let Some(first) = waiting.pop_front() else { return Vec::new() };
    let one_user = (row_security == RowSecurity::All).then_some(first.user);
    let mut changes = first.batch.changes.len();
    let mut full = false;
    let mut group = vec![first];
    let mut rest = VecDeque::new();
    for job in waiting.drain(..) {
        let admitted = one_user.is_none_or(|user| job.user == user);
        full |= admitted && changes + job.batch.changes.len() > MAX_CHANGES;
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

/// Groups the batches by user. The users come in the order of their first batch, and each user's batches keep
/// their order.
fn by_user(jobs: Vec<Job>) -> Vec<Vec<Job>> {
    let mut users: Vec<Vec<Job>> = Vec::new();
    for job in jobs {
        match users.iter_mut().find(|batches| batches[0].user == job.user) {
            Some(batches) => batches.push(job),
            None => users.push(vec![job]),
        }
    }
    users
}

/// Refuses the batches whose deadline has passed, and returns the others.
fn refuse_late(jobs: Vec<Job>) -> Vec<Job> {
    let now = Instant::now();
    let (jobs, late): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.deadline > now);
    refuse(late, TOO_LATE);
    jobs
}

fn refuse(jobs: Vec<Job>, problem: &str) {
    for job in jobs {
        let _ = job.answer.send(Err(StoreError::Unavailable(problem.to_owned())));
    }
}
