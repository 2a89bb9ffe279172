//! The committer task: takes a group of waiting batches and commits it, and smaller groups if that
//! fails: by user, then each batch alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use domain::StoreError;
use domain::UserId;
use domain::todo::{BatchEvents, EventBus};
use futures_util::FutureExt;
use metrics::{Histogram, histogram};
use tokio::time::{Instant, sleep};
use tracing::Instrument as _;

use super::group::{self, Job, Verdict, refuse};
use super::lost_commit::{CommitStatus, LostCommit};
use super::queue::{Kind, Lease, Queue};
use super::transaction::{CommitError, GroupWriter};
use super::write_health::WriteHealth;
use crate::connector::Connector;
use crate::epochs::EpochCache;

/// How often an idle committer asks for the outcome of a lost commit.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// How long a committer pauses after a panic.
const RESTART_PAUSE: Duration = Duration::from_millis(100);

/// Why a batch past its deadline is not written.
const TOO_LATE: &str = "the batch waited too long to be written";
/// Why a batch behind a commit of unknown outcome is not written.
const UNREACHABLE: &str = "the database can't be reached";

pub(super) struct Committer {
    connector: Arc<Connector>,
    queue: Arc<Queue>,
    kind: Kind,
    writer: GroupWriter,
    /// A commit whose outcome is not known. This committer commits no other group before it is.
    lost: Option<LostCommit>,
    /// Keeps the other committers from the users of the lost commit.
    lease_of_lost: Option<Lease>,
    bus: Arc<dyn EventBus>,
    /// How many batches the groups have.
    sizes: Histogram,
    /// How long batches waited for their group.
    waits: Histogram,
}

impl Committer {
    pub(super) fn new(
        connector: Arc<Connector>,
        epochs: Arc<EpochCache>,
        (queue, kind): (Arc<Queue>, Kind),
        bus: Arc<dyn EventBus>,
        health: Arc<WriteHealth>,
    ) -> Self {
        let writer = GroupWriter::new(Arc::clone(&connector), epochs, health);
        let sizes = histogram!("database_commit_group_size");
        let waits = histogram!("database_commit_wait_seconds");
        Self { connector, queue, kind, writer, lost: None, lease_of_lost: None, bus, sizes, waits }
    }

    /// Runs until the queue is closed and empty. After a panic it goes on with the batches that
    /// wait: only the callers of the group that it was busy with get an error, because their answer
    /// channels are dropped.
    pub(super) async fn run(mut self) {
        while AssertUnwindSafe(self.work()).catch_unwind().await.is_err() {
            tracing::error!("a committer panicked; it goes on after a pause");
            self.writer.disconnect();
            sleep(RESTART_PAUSE).await;
        }
    }

    async fn work(&mut self) {
        let queue = Arc::clone(&self.queue);
        loop {
            let group = tokio::select! {
                group = queue.next(self.kind) => group,
                () = sleep(RETRY_INTERVAL), if self.lost.is_some() => {
                    self.recover_lost_commit().await;
                    continue;
                }
            };
            let Some((jobs, lease)) = group else { return };
            #[expect(clippy::cast_precision_loss, reason = "at most 64")]
            self.sizes.record(jobs.len() as f64);
            for job in &jobs {
                self.waits.record(job.queued.elapsed());
            }
            self.commit_group(jobs, lease).await;
        }
    }

    /// Commits the batches together, and those that are left over by user, then each alone.
    async fn commit_group(&mut self, jobs: Vec<Job>, mut lease: Lease) {
        let several = group::several_users(&jobs);
        let left = self.commit_together(jobs).await;
        if self.lost.is_none() {
            lease.keep(&left);
        }
        for jobs in by_user(left) {
            // One user's batches were committed together just now.
            let left = if several { self.commit_together(jobs).await } else { jobs };
            for job in left {
                self.commit_together(vec![job]).await;
            }
        }
        if self.lost.is_some() && self.lease_of_lost.is_none() {
            self.lease_of_lost = Some(lease);
        }
    }

    /// Commits the batches in one transaction and answers their callers.
    ///
    /// Returns the batches that a smaller group may commit: those of users whose row was locked, or
    /// all of them if the transaction was rolled back. If a single user's group waited in vain for
    /// the row lock, all of its batches fail at once: trying one after the other would make other
    /// users wait for each.
    async fn commit_together(&mut self, jobs: Vec<Job>) -> Vec<Job> {
        let jobs = refuse_late(jobs);
        if jobs.is_empty() {
            return jobs;
        }
        if !self.recover_lost_commit().await {
            refuse(jobs, UNREACHABLE);
            return Vec::new();
        }
        let started = Instant::now();
        let span = group::span(&jobs);
        let error = match self.writer.commit(&jobs).instrument(span).await {
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

    /// Publishes the events of a durable group and answers the callers that still wait. Returns the
    /// batches that were put off.
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
    /// took place. Until then the batches of its users are refused.
    ///
    /// Returns `false` if the outcome is still unknown.
    async fn recover_lost_commit(&mut self) -> bool {
        let Some(lost) = self.lost.take() else { return true };
        match lost.sent.status(&self.connector).await {
            CommitStatus::Committed => {
                for (user, events) in lost.events {
                    self.publish(user, events);
                }
            }
            // If later commits changed every row of an indeterminate one, their events are newer.
            CommitStatus::Aborted | CommitStatus::Indeterminate => {}
            CommitStatus::Unknown => {
                self.lost = Some(lost);
                if let Some(lease) = &self.lease_of_lost {
                    lease.refuse_waiting(UNREACHABLE);
                }
                return false;
            }
        }
        self.lease_of_lost = None;
        true
    }

    fn publish(&self, user: UserId, batch: Option<BatchEvents>) {
        let Some(BatchEvents { previous, events }) = batch else { return };
        // The rows are durable: a panic of the bus must not fail the batches whose
        // answers come next.
        let published = catch_unwind(AssertUnwindSafe(|| self.bus.publish(user, previous, events)));
        if published.is_err() {
            tracing::error!("the event bus panicked; its sockets read the changes of one batch later");
        }
    }
}

/// Groups the batches by user. The users come in the order of their first batch, and each user's
/// batches keep their order.
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
