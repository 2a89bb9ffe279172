//! One transaction for a group of batches, and what its failure means.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use diesel::result::{DatabaseErrorKind as Kind, Error as SqlError};
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::PoolableConnection;
use domain::StoreError;
use futures_util::FutureExt;
use tokio::time::{Instant, timeout};

use super::group::{self, Decision, Job, Verdict};
use super::lost_commit::{CommitStatus, LostCommit, SentCommit};
use super::write_health::WriteHealth;
use super::{load, statements};
use crate::connector::Connector;
use crate::epochs::EpochCache;
use crate::error::{Failure, is_connection_lost, timed_out, unavailable};
use crate::session::Limits;

/// Why a group has no verdicts.
pub(super) enum CommitError {
    /// A statement failed or a batch could not be decided. Nothing was written, and another batch
    /// of the group may be at fault.
    Rejected(StoreError),
    /// The connection broke, and nothing was written.
    ConnectionLost(StoreError),
    /// The commit did not happen in time, or its outcome can no longer be determined.
    GivenUp(StoreError),
    /// The outcome of the commit is not known yet.
    Unknown(StoreError, LostCommit),
}

/// Commits groups of batches on a connection of its own.
pub(super) struct GroupWriter {
    connector: Arc<Connector>,
    epochs: Arc<EpochCache>,
    /// Absent before the first group, and after the connection broke.
    connection: Option<AsyncPgConnection>,
    health: Arc<WriteHealth>,
}

/// How far a transaction got. The value survives a transaction that times out or panics.
#[derive(Default)]
struct Progress {
    transaction: Option<String>,
    /// Set once all rows are written. From then on `COMMIT` may have been sent.
    decision: Option<Decision>,
}

impl GroupWriter {
    pub(super) const fn new(
        connector: Arc<Connector>,
        epochs: Arc<EpochCache>,
        health: Arc<WriteHealth>,
    ) -> Self {
        Self { connector, epochs, connection: None, health }
    }

    /// Commits the group, on a second connection if the first one breaks: a broken connection says
    /// nothing about the batches.
    pub(super) async fn commit(&mut self, jobs: &[Job]) -> Result<Vec<Verdict>, CommitError> {
        match self.attempt(jobs).await {
            Err(CommitError::ConnectionLost(_)) => self.attempt(jobs).await,
            outcome => outcome,
        }
    }

    pub(super) fn disconnect(&mut self) {
        self.connection = None;
    }

    /// How long the transaction of a single user waits for a row lock.
    ///
    /// It is short compared with the time-out of a batch, because the next groups wait with it.
    pub(super) fn lock_timeout(&self) -> Duration {
        self.connector.timeout() / 4
    }

    async fn connect(&mut self) -> Result<AsyncPgConnection, SqlError> {
        if let Some(mut conn) = self.connection.take()
            && !conn.is_broken()
        {
            return Ok(conn);
        }
        self.connector.connect().await
    }

    async fn attempt(&mut self, jobs: &[Job]) -> Result<Vec<Verdict>, CommitError> {
        let connected = self.connect().await;
        let mut conn = connected.map_err(|error| CommitError::ConnectionLost(unavailable(&error)))?;

        let limits = Limits { statement: self.connector.timeout(), lock: self.lock_timeout() };
        let started = Instant::now();
        let epochs = Arc::clone(&self.epochs);
        let mut progress = Progress::default();
        let reached = &mut progress;
        let mut transaction = conn.build_transaction().read_committed().read_write();
        let work = transaction.run(async move |conn| {
            let loaded = load::load(conn, &epochs, jobs, limits, &mut reached.transaction).await?;
            let decision = group::decide(jobs, loaded)?;
            statements::store(conn, &decision).await?;
            reached.decision = Some(decision);
            Ok::<_, Failure>(())
        });
        let outcome = timeout(self.connector.timeout() * 2, AssertUnwindSafe(work).catch_unwind()).await;
        let Progress { transaction, decision } = progress;
        let (failure, decision) = match (outcome, decision) {
            (Ok(Ok(Ok(()))), Some(decision)) => {
                self.connection = Some(conn);
                if !decision.rows.is_empty() {
                    self.health.succeeded();
                }
                return Ok(decision.verdicts);
            }
            (Ok(Ok(Err(failure))), decision) => (failure, decision),
            (Err(_), None) => return Err(CommitError::GivenUp(timed_out())),
            (Err(_), decision) => (Failure::Store(timed_out()), decision),
            (Ok(_), _) => {
                let panicked = StoreError::Unavailable("deciding a batch panicked".to_owned());
                return Err(CommitError::Rejected(panicked));
            }
        };
        match decision {
            Some(decision) if !is_rollback(&failure) => {
                drop(conn);
                self.find_outcome(jobs, transaction, decision, failure).await
            }
            _ if is_connection_lost(&failure) || conn.is_broken() => {
                Err(CommitError::ConnectionLost(failure.into()))
            }
            _ => {
                self.connection = Some(conn);
                // A lock of another transaction says nothing about the database.
                if is_refusal(&failure) && started.elapsed() < limits.lock {
                    self.health.failed();
                }
                Err(CommitError::Rejected(failure.into()))
            }
        }
    }

    /// Asks PostgreSQL for the outcome of a `COMMIT` that was not answered. A group that wrote
    /// nothing needs no answer.
    async fn find_outcome(
        &self,
        jobs: &[Job],
        transaction: Option<String>,
        decision: Decision,
        failure: Failure,
    ) -> Result<Vec<Verdict>, CommitError> {
        if decision.users.is_empty() {
            return Ok(decision.verdicts);
        }
        let Some(transaction) = transaction else { return Err(CommitError::GivenUp(failure.into())) };
        let sent = SentCommit::new(transaction, &decision);
        match sent.status(&self.connector).await {
            CommitStatus::Committed => Ok(decision.verdicts),
            CommitStatus::Aborted => Err(CommitError::ConnectionLost(failure.into())),
            CommitStatus::Indeterminate => Err(CommitError::GivenUp(failure.into())),
            CommitStatus::Unknown => {
                let users = jobs.iter().map(|job| job.user);
                let events = users.zip(decision.verdicts.into_iter().map(Verdict::into_events)).collect();
                Err(CommitError::Unknown(failure.into(), LostCommit { sent, events }))
            }
        }
    }
}

/// Whether PostgreSQL reported that the transaction rolled back. Any other error after `COMMIT` was
/// sent may follow a commit that took place, for example if the server shuts down in between.
fn is_rollback(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::Sql(SqlError::DatabaseError(
            Kind::SerializationFailure
                | Kind::UniqueViolation
                | Kind::ForeignKeyViolation
                | Kind::CheckViolation
                | Kind::ReadOnlyTransaction,
            _
        ))
    )
}

/// Whether PostgreSQL refused a statement for a reason other than the rows, such as a full disk or
/// a database that can't be written.
fn is_refusal(failure: &Failure) -> bool {
    matches!(failure, Failure::Sql(SqlError::DatabaseError(Kind::ReadOnlyTransaction | Kind::Unknown, _)))
}
