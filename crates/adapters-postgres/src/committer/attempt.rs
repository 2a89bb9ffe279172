//! One transaction for a group of batches, and what its failure means.

use std::panic::AssertUnwindSafe;

use diesel::result::{DatabaseErrorKind as Kind, Error as SqlError};
use diesel_async::pooled_connection::PoolableConnection;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use domain::StoreError;
use futures_util::FutureExt;
use tokio::time::timeout;

use super::group::{self, Answer, Decided, Job};
use super::run::Committer;
use super::settle::{Sent, Unsettled, Verdict};
use super::write;
use crate::error::{Failure, timed_out, unavailable};

/// Why nothing was written, or it is not known whether it was.
pub(super) enum Trouble {
    /// A statement or a batch failed: perhaps the fault of one batch.
    Refused(StoreError),
    /// The connection was lost and nothing written.
    Lost(StoreError),
    /// Trying again is of no use now.
    GivenUp(StoreError),
}

/// How far a transaction came; outlives it.
#[derive(Default)]
struct Progress {
    transaction: Option<String>,
    /// Set when all is written: from then on COMMIT may have been sent.
    decided: Option<Decided>,
}

impl Committer {
    /// A connection that broke says nothing about the batches: they get a second one.
    pub(super) async fn attempt_again(&mut self, jobs: &[Job]) -> Result<Vec<Answer>, Trouble> {
        match self.attempt(jobs).await {
            Err(Trouble::Lost(_)) => self.attempt(jobs).await,
            outcome => outcome,
        }
    }

    async fn connection(&mut self) -> Result<AsyncPgConnection, SqlError> {
        if let Some(mut conn) = self.connection.take()
            && !conn.is_broken()
        {
            return Ok(conn);
        }
        self.connector.connect().await
    }

    async fn attempt(&mut self, jobs: &[Job]) -> Result<Vec<Answer>, Trouble> {
        let mut conn = self.connection().await.map_err(|error| Trouble::Lost(unavailable(&error)))?;

        let lock_wait = self.lock_wait();
        let mut progress = Progress::default();
        let seen = &mut progress;
        let work = conn.transaction(async move |conn| {
            let loaded = write::load(conn, jobs, lock_wait, &mut seen.transaction).await?;
            let decided = group::decide(jobs, loaded)?;
            write::store(conn, &decided).await?;
            seen.decided = Some(decided);
            Ok::<_, Failure>(())
        });
        let outcome = timeout(self.timeout * 2, AssertUnwindSafe(work).catch_unwind()).await;
        let Progress { transaction, decided } = progress;
        let (failure, decided) = match (outcome, decided) {
            (Ok(Ok(Ok(()))), Some(decided)) => {
                self.connection = Some(conn);
                return Ok(decided.answers);
            }
            (Ok(Ok(Err(failure))), decided) => (failure, decided),
            (Err(_), None) => return Err(Trouble::GivenUp(timed_out())),
            (Err(_), decided) => (Failure::Store(timed_out()), decided),
            (Ok(_), _) => {
                return Err(Trouble::Refused(StoreError::Unavailable("a batch can't be decided".to_owned())));
            }
        };
        match decided {
            Some(decided) if !is_verdict(&failure) => {
                drop(conn);
                self.after_lost_commit(jobs, transaction, decided, failure).await
            }
            _ if is_lost(&failure) || conn.is_broken() => Err(Trouble::Lost(failure.into())),
            _ => {
                self.connection = Some(conn);
                Err(Trouble::Refused(failure.into()))
            }
        }
    }

    /// COMMIT was sent and not answered: PostgreSQL is asked what became of it, if anything was written.
    async fn after_lost_commit(
        &mut self,
        jobs: &[Job],
        transaction: Option<String>,
        decided: Decided,
        failure: Failure,
    ) -> Result<Vec<Answer>, Trouble> {
        if decided.rows.is_empty() {
            return Ok(decided.answers);
        }
        let Some(transaction) = transaction else { return Err(Trouble::GivenUp(failure.into())) };
        let sent = Sent::new(transaction, &decided);
        match self.verdict(&sent).await {
            Verdict::Committed => Ok(decided.answers),
            Verdict::Aborted => Err(Trouble::Lost(failure.into())),
            Verdict::Ended => Err(Trouble::GivenUp(failure.into())),
            Verdict::NotKnown => {
                let users = decided.events(jobs.iter().map(|job| job.user));
                self.unsettled = Some(Unsettled { sent, users });
                Err(Trouble::GivenUp(failure.into()))
            }
        }
    }
}

/// Whether PostgreSQL itself said that a COMMIT did not take place. It may also fail after it has: when the server is shut
/// down in between, say.
fn is_verdict(failure: &Failure) -> bool {
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

fn is_lost(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::Sql(
            SqlError::DatabaseError(Kind::UnableToSendCommand | Kind::ClosedConnection, _)
                | SqlError::BrokenTransactionManager
        )
    )
}
