//! What became of a commit that was sent and not answered.
//!
//! PostgreSQL knows: it is asked on a new connection. Until it has answered the committer does nothing else, so that the events of
//! what was committed after all are published before those of any later commit of the same users.
//!
//! The status of the transaction's id is not enough. A crash of the server loses the ids of transactions of which nothing had reached
//! the disk, and gives them again to others afterwards. So an id that has not been given (again) yet is one that was lost, and
//! a transaction counts as committed only where a row of it is found.

use std::time::Duration;

use diesel::sql_types::{Array, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl};
use domain::todo::TodoEvent;
use domain::{Stamp, TodoId, UserId};
use tokio::time::{Instant, sleep};

use super::group::Decided;
use super::run::Committer;
use crate::error::Failure;
use crate::fence::Scope;
use crate::rows::timestamp;
use crate::sql::{Sql, sql};

/// A commit of which it is not known whether it took place.
pub(super) struct Unsettled {
    pub sent: Sent,
    /// What to publish if it did.
    pub users: Vec<(UserId, Vec<TodoEvent>)>,
}

/// By what a transaction is known again.
pub(super) struct Sent {
    /// Its id, which a crash may give to another one.
    transaction: String,
    /// The rows that it wrote. No other transaction gives one of them the same stamp.
    rows: Vec<(UserId, TodoId, Stamp)>,
}

impl Sent {
    pub fn new(transaction: String, decided: &Decided) -> Self {
        let rows =
            decided.rows.iter().map(|(user, written)| (*user, written.todo.id(), written.todo.updated_at()));
        Self { transaction, rows: rows.collect() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Committed,
    Aborted,
    /// It has ended, but how can't be told any more: others have changed every row of it since, or it was lost and another one
    /// has its id.
    Ended,
    NotKnown,
}

/// How long the server is given to end a transaction before it is asked again.
const PAUSE: Duration = Duration::from_millis(50);

impl Committer {
    /// Whether nothing is unsettled, after asking where something was.
    pub(super) async fn settle(&mut self) -> bool {
        let Some(unsettled) = self.unsettled.take() else { return true };
        match self.verdict(&unsettled.sent).await {
            Verdict::Committed => {
                for (user, events) in unsettled.users {
                    self.publish(user, events);
                }
                true
            }
            // Where others changed every row since, their events say more.
            Verdict::Aborted | Verdict::Ended => true,
            Verdict::NotKnown => {
                self.unsettled = Some(unsettled);
                false
            }
        }
    }

    /// Asks until the transaction has ended, for the time-out at most. One whose client is gone ends when the server
    /// notices, or by `idle_in_transaction_session_timeout`.
    pub(super) async fn verdict(&self, sent: &Sent) -> Verdict {
        let deadline = Instant::now() + self.timeout;
        let asking = async {
            let mut conn = self.connector.connect().await.ok()?;
            loop {
                match status(&sent.transaction).get_result::<Option<String>>(&mut conn).await.ok()?.as_deref()
                {
                    Some("committed") => break,
                    Some("in progress") => sleep(PAUSE).await,
                    // Too old to be known was never the case within a committer's patience.
                    _ => return Some(Verdict::Aborted),
                }
            }
            Some(if found(&mut conn, &sent.rows).await.ok()? { Verdict::Committed } else { Verdict::Ended })
        };
        tokio::time::timeout_at(deadline, asking).await.ok().flatten().unwrap_or(Verdict::NotKnown)
    }
}

/// What PostgreSQL says of a transaction, which it refuses for an id that is still to be given. Asking takes an id itself: it is then
/// beyond every one that is in use.
fn status(transaction: &str) -> Sql<'_, Nullable<Text>> {
    sql("select case when pg_current_xact_id() <= ")
        .bind::<Text, _>(transaction)
        .sql("::xid8 then 'aborted' else pg_xact_status(")
        .bind::<Text, _>(transaction)
        .sql("::xid8) end")
}

/// Whether one of the rows is as it was written.
async fn found(conn: &mut AsyncPgConnection, rows: &[(UserId, TodoId, Stamp)]) -> Result<bool, Failure> {
    let scope = Scope::Users(rows.iter().map(|(user, ..)| *user).collect());
    let question: Sql<'_, Bool> = sql("select exists (select from unnest(")
        .bind::<Array<SqlUuid>, _>(rows.iter().map(|(user, ..)| user.0).collect::<Vec<_>>())
        .sql("::uuid[], ")
        .bind::<Array<SqlUuid>, _>(rows.iter().map(|(_, id, _)| id.0).collect::<Vec<_>>())
        .sql("::uuid[], ")
        .bind::<Array<Timestamptz>, _>(rows.iter().map(|(.., stamp)| timestamp(*stamp)).collect::<Vec<_>>())
        .sql("::timestamptz[]) as k(user_id, id, updated_at) join todos t on t.user_id = k.user_id and t.id = k.id \
              and t.updated_at = k.updated_at)");
    conn.transaction(async move |conn| {
        scope.set(conn).await?;
        Ok(question.get_result(conn).await?)
    })
    .await
}

impl Decided {
    /// What is to be published, in the order of the jobs.
    pub(super) fn events(self, users: impl Iterator<Item = UserId>) -> Vec<(UserId, Vec<TodoEvent>)> {
        users.zip(self.answers).map(|(user, answer)| (user, answer.events)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use diesel_async::SimpleAsyncConnection as _;
    use domain_testkit::RecordingBus;
    use postgres_testbed::Testbed;
    use uuid::Uuid;

    use super::*;
    use crate::fence::RowSecurity;
    use crate::todos::plans::connector;

    const USER: UserId = UserId(Uuid::from_u128(1));
    const TODO: TodoId = TodoId(Uuid::from_u128(2));
    const WRITE: &str = "insert into users (id, email_verified, is_active, created_at, updated_at, sync_clock, sync_horizon, live_todos)
            values (lpad('1', 32, '0')::uuid, false, true, now(), now(), now(), 'epoch', 1) on conflict do nothing;
        insert into todos (user_id, id, number, title, title_folded, created_at, updated_at, version, title_version,
                description_version, completed_version, deleted_version)
            values (lpad('1', 32, '0')::uuid, lpad('2', 32, '0')::uuid, 1, 'milk', 'milk', now(), 'epoch', 1, 1, 1, 1, 1)";

    #[tokio::test(flavor = "multi_thread")]
    async fn a_transaction_is_committed_where_its_id_is_and_a_row_of_it_is_found() {
        let database = Testbed::shared().create_database("verdicts");
        crate::migrate(&database.owner_url(), &database.app_url()).await.expect("the schema is made");
        let mut owner =
            AsyncPgConnection::establish(&database.owner_url()).await.expect("the owner may connect");
        for row_security in [RowSecurity::Writes, RowSecurity::All] {
            let committer = Committer::new(
                connector(&database, row_security),
                Arc::new(RecordingBus::default()),
                row_security,
                Duration::from_secs(5),
            );
            let says = async |transaction: String| {
                committer.verdict(&Sent { transaction, rows: vec![(USER, TODO, Stamp::EPOCH)] }).await
            };
            // A crash lost the id, and nobody has it yet; or somebody else has it since.
            assert_eq!(says("4000000000".to_owned()).await, Verdict::Aborted);
            assert_eq!(says(within(&mut owner, "select", "commit").await).await, Verdict::Ended);
            assert_eq!(says(within(&mut owner, WRITE, "rollback").await).await, Verdict::Aborted);
            assert_eq!(says(within(&mut owner, WRITE, "commit").await).await, Verdict::Committed);
            owner.batch_execute("delete from todos").await.expect("deleted");
        }
    }

    /// The id of a transaction that does `work` and ends.
    async fn within(conn: &mut AsyncPgConnection, work: &str, end: &str) -> String {
        conn.batch_execute(&format!("begin; {work}")).await.expect("done");
        let id: Sql<'_, Text> = sql("select pg_current_xact_id()::text");
        let id = id.get_result(conn).await.expect("an id");
        conn.batch_execute(end).await.expect("ended");
        id
    }
}
