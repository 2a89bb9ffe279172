//! Commits whose `COMMIT` was sent and not answered.
//!
//! PostgreSQL knows the outcome and is asked on a new connection. The committer does nothing else
//! until it has the answer, so that the events of a lost commit are published before those of later
//! commits of the same users.
//!
//! The status of the transaction id is not enough. A crash of the server loses the ids of
//! transactions that had written nothing to disk, and assigns them to later transactions. Therefore
//! an id that has not been assigned (again) counts as lost, and a transaction counts as committed
//! only if one of its rows is found.

use std::time::Duration;

use diesel::sql_types::{Array, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::todo::BatchEvents;
use domain::{Stamp, TodoId, UserId};
use tokio::time::sleep;

use super::group::Decision;
use crate::connector::Connector;
use crate::error::Failure;
use crate::row_security::RowScope;
use crate::rows::timestamp;
use crate::session::Limits;
use crate::sql::{Sql, sql};

/// How long to wait before asking again about a transaction that is still in progress.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A commit whose outcome is not known.
pub(super) struct LostCommit {
    pub sent: SentCommit,
    /// Published if the commit took place, in the order of the jobs.
    pub events: Vec<(UserId, Option<BatchEvents>)>,
}

/// Identifies a transaction after its connection is gone.
pub(super) struct SentCommit {
    /// The transaction id. A crash may assign it to another transaction.
    transaction: String,
    /// The rows that it wrote. No other transaction assigns the same stamp to one of them.
    rows: Vec<(UserId, TodoId, Stamp)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CommitStatus {
    Committed,
    Aborted,
    /// The transaction has ended, but its outcome can't be determined: later commits have changed
    /// each of its rows, or it was lost and its id belongs to another transaction.
    Indeterminate,
    /// The server gave no answer in time.
    Unknown,
}

impl SentCommit {
    pub(super) fn new(transaction: String, decision: &Decision) -> Self {
        let rows =
            decision.rows.iter().map(|(user, written)| (*user, written.todo.id(), written.todo.updated_at()));
        Self { transaction, rows: rows.collect() }
    }

    /// Asks until the transaction has ended, for the connector's time-out at most.
    ///
    /// A transaction whose client is gone ends when the server notices, or by
    /// `idle_in_transaction_session_timeout`.
    pub(super) async fn status(&self, connector: &Connector) -> CommitStatus {
        let status = tokio::time::timeout(connector.timeout(), self.ask(connector)).await;
        status.ok().flatten().unwrap_or(CommitStatus::Unknown)
    }

    /// Returns `None` if the server can't be asked.
    async fn ask(&self, connector: &Connector) -> Option<CommitStatus> {
        let mut conn = connector.connect().await.ok()?;
        loop {
            let status =
                status_of_id(&self.transaction).get_result::<Option<String>>(&mut conn).await.ok()?;
            match status.as_deref() {
                Some("committed") => break,
                Some("in progress") => sleep(POLL_INTERVAL).await,
                // PostgreSQL forgets the status of ids that are far older than any lost commit.
                _ => return Some(CommitStatus::Aborted),
            }
        }
        let limits = Limits::statement(connector.timeout());
        let found = any_row_present(&mut conn, &self.rows, limits).await.ok()?;
        Some(if found { CommitStatus::Committed } else { CommitStatus::Indeterminate })
    }
}

/// The status of a transaction id. `pg_xact_status` fails for an id that has not been assigned yet,
/// so such an id counts as aborted. The statement takes an id itself, which is greater than every
/// id in use.
fn status_of_id(transaction: &str) -> Sql<'_, Nullable<Text>> {
    sql("select case when pg_current_xact_id() <= ")
        .bind::<Text, _>(transaction)
        .sql("::xid8 then 'aborted' else pg_xact_status(")
        .bind::<Text, _>(transaction)
        .sql("::xid8) end")
}

/// Whether at least one row still has the stamp that the transaction assigned to it.
async fn any_row_present(
    conn: &mut AsyncPgConnection,
    rows: &[(UserId, TodoId, Stamp)],
    limits: Limits,
) -> Result<bool, Failure> {
    let scope = RowScope::Users(rows.iter().map(|(user, ..)| *user).collect());
    let question: Sql<'_, Bool> = sql("select exists (select from unnest(")
        .bind::<Array<SqlUuid>, _>(rows.iter().map(|(user, ..)| user.0).collect::<Vec<_>>())
        .sql("::uuid[], ")
        .bind::<Array<SqlUuid>, _>(rows.iter().map(|(_, id, _)| id.0).collect::<Vec<_>>())
        .sql("::uuid[], ")
        .bind::<Array<Timestamptz>, _>(rows.iter().map(|(.., stamp)| timestamp(*stamp)).collect::<Vec<_>>())
        .sql("::timestamptz[]) as k(user_id, id, updated_at) join todos t on t.user_id = k.user_id and t.id = k.id \
              and t.updated_at = k.updated_at)");
    let mut transaction = conn.build_transaction().read_committed().read_only();
    let found = transaction.run(async move |conn| {
        scope.begin(conn, limits).await?;
        Ok(question.get_result(conn).await?)
    });
    found.await
}

#[cfg(test)]
mod tests {
    use diesel_async::SimpleAsyncConnection as _;

    use super::*;
    use crate::row_security::RowSecurity;
    use crate::test_support::{INSERT_TODO, INSERT_USER, TODO, USER, connector, migrated};

    #[tokio::test(flavor = "multi_thread")]
    async fn a_transaction_counts_as_committed_if_its_id_is_and_one_of_its_rows_is_found() {
        let (database, mut owner) = migrated("verdicts").await;
        let write = format!("{INSERT_USER}; {INSERT_TODO}");
        for row_security in [RowSecurity::Writes, RowSecurity::All] {
            crate::set_row_security(&database.owner_url(), row_security).await.expect("set");
            let connector = connector(&database).await;
            let status = async |transaction: String| {
                SentCommit { transaction, rows: vec![(USER, TODO, Stamp::EPOCH)] }.status(&connector).await
            };
            // A crash lost the id, which is not assigned again yet, or which another
            // transaction has since.
            assert_eq!(status("4000000000".to_owned()).await, CommitStatus::Aborted);
            assert_eq!(
                status(within(&mut owner, "select", "commit").await).await,
                CommitStatus::Indeterminate
            );
            assert_eq!(status(within(&mut owner, &write, "rollback").await).await, CommitStatus::Aborted);
            assert_eq!(status(within(&mut owner, &write, "commit").await).await, CommitStatus::Committed);
            owner.batch_execute("delete from todos").await.expect("deleted");
        }
    }

    /// Runs `work` in a transaction, ends it with `end`, and returns its id.
    async fn within(conn: &mut AsyncPgConnection, work: &str, end: &str) -> String {
        conn.batch_execute(&format!("begin; {work}")).await.expect("done");
        let id: Sql<'_, Text> = sql("select pg_current_xact_id()::text");
        let id = id.get_result(conn).await.expect("an id");
        conn.batch_execute(end).await.expect("ended");
        id
    }
}
