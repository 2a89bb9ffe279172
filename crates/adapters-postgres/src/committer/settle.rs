//! What became of a commit that was sent and not answered.
//!
//! PostgreSQL knows: it is asked for the status of the transaction's id on a new connection. Until it has answered the committer
//! does nothing else, so that the events of what was committed after all are published before those of any later commit
//! of the same users.

use diesel::sql_types::{Nullable, Text};
use diesel_async::RunQueryDsl;
use domain::UserId;
use domain::event::TodoEvent;
use std::time::Duration;
use tokio::time::{Instant, sleep};

use super::group::Decided;
use super::run::Committer;
use crate::sql::{Sql, sql};

/// A commit of which it is not known whether it took place.
pub(super) struct Unsettled {
    pub transaction: String,
    /// What to publish if it did.
    pub users: Vec<(UserId, Vec<TodoEvent>)>,
}

pub(super) enum Verdict {
    Committed,
    Aborted,
    NotKnown,
}

/// How long the server is given to end a transaction before it is asked again.
const PAUSE: Duration = Duration::from_millis(50);

impl Committer {
    /// Whether nothing is unsettled, after asking where something was.
    pub(super) async fn settle(&mut self) -> bool {
        let Some(unsettled) = self.unsettled.take() else { return true };
        match self.verdict(&unsettled.transaction).await {
            Verdict::Committed => {
                for (user, events) in unsettled.users {
                    self.publish(user, events);
                }
                true
            }
            Verdict::Aborted => true,
            Verdict::NotKnown => {
                self.unsettled = Some(unsettled);
                false
            }
        }
    }

    /// Asks until the transaction has ended, for the time-out at most. One whose client is gone ends when the server
    /// notices, or by `idle_in_transaction_session_timeout`.
    pub(super) async fn verdict(&self, transaction: &str) -> Verdict {
        let deadline = Instant::now() + self.timeout;
        let asking = async {
            let mut conn = self.connector.connect().await.ok()?;
            loop {
                let question: Sql<'_, Nullable<Text>> =
                    sql("select pg_xact_status(").bind::<Text, _>(transaction).sql("::xid8)");
                match question.get_result::<Option<String>>(&mut conn).await.ok()?.as_deref() {
                    Some("committed") => return Some(Verdict::Committed),
                    Some("in progress") => sleep(PAUSE).await,
                    // Too old to be known was never the case within a committer's patience.
                    _ => return Some(Verdict::Aborted),
                }
            }
        };
        tokio::time::timeout_at(deadline, asking).await.ok().flatten().unwrap_or(Verdict::NotKnown)
    }
}

impl Decided {
    /// What is to be published, in the order of the jobs.
    pub(super) fn events(self, users: impl Iterator<Item = UserId>) -> Vec<(UserId, Vec<TodoEvent>)> {
        users.zip(self.answers).map(|(user, answer)| (user, answer.events)).collect()
    }
}
