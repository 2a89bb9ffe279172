//! The lock under which one instance changes the schema.
//!
//! It belongs to the transaction that makes the change, so none stays behind: neither in the session of a pooler
//! nor with an instance that died. One that waits says so.

use std::time::{Duration, Instant};

use diesel::Connection as _;
use diesel::RunQueryDsl as _;
use diesel::connection::SimpleConnection;
use diesel::result::Error as SqlError;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel_async::AsyncPgConnection;

use super::{Harness, MigrateError, Outcome};
use crate::session::{self, Limits};
use crate::sql::{Sql, sql};

/// The key is arbitrary. No other program that uses the database may lock it.
pub(super) const KEY: i64 = 7_210_935_518_024_177;

/// How long an instance waits for another's change of the schema.
#[derive(Clone, Copy, Debug)]
pub(super) struct LockTimeouts {
    /// How often to say so.
    pub report: Duration,
    pub give_up: Duration,
}

impl LockTimeouts {
    pub(super) const USUAL: Self = Self { report: Duration::from_secs(5), give_up: Duration::from_mins(1) };
    const INTERVAL: Duration = Duration::from_millis(100);
}

/// Why a transaction is rolled back.
enum Undone<T> {
    /// Another session has the lock.
    Locked,
    /// The work is done, and not kept.
    Shown(T),
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

impl<T> From<SqlError> for Undone<T> {
    fn from(error: SqlError) -> Self {
        Self::Failed(Box::new(error))
    }
}

/// Runs `work` in one transaction, under the lock. Rolls back unless `keep` is set.
pub(super) async fn locked<T, W>(
    mut conn: AsyncPgConnection,
    timeouts: LockTimeouts,
    keep: bool,
    work: W,
) -> Result<(AsyncPgConnection, T), MigrateError>
where
    T: Send + 'static,
    W: FnOnce(&mut Harness) -> Outcome<T> + Send + 'static,
{
    let started = Instant::now();
    let mut reports = 0;
    let mut work = Some(work);
    loop {
        let (given_back, (outcome, left)) = super::blocking(conn, move |harness| {
            let outcome = harness.transaction(|harness| attempt(harness, &mut work, keep));
            Ok((outcome, work))
        })
        .await?;
        (conn, work) = (given_back, left);
        match outcome {
            Ok(done) | Err(Undone::Shown(done)) => return Ok((conn, done)),
            Err(Undone::Failed(error)) => return Err(super::failure(error)),
            Err(Undone::Locked) => {}
        }
        let waited = started.elapsed();
        if waited >= timeouts.report * reports || waited >= timeouts.give_up {
            let (given_back, holder) =
                super::blocking(conn, |harness| Ok(holder().get_result(harness)?)).await?;
            let holder: String = holder;
            conn = given_back;
            if waited >= timeouts.give_up {
                return Err(MigrateError::Locked { holder });
            }
            reports += 1;
            tracing::warn!(
                holder,
                waited_seconds = waited.as_secs(),
                "another instance is changing the database schema; waiting for it"
            );
        }
        tokio::time::sleep(LockTimeouts::INTERVAL).await;
    }
}

fn attempt<T, W>(harness: &mut Harness, work: &mut Option<W>, keep: bool) -> Result<T, Undone<T>>
where
    W: FnOnce(&mut Harness) -> Outcome<T>,
{
    harness.batch_execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE")?;
    let set: Sql<'_, Text> = session::local(sql("select "), Limits::NONE);
    set.execute(harness)?;
    let lock: Sql<'_, Bool> = sql("select pg_try_advisory_xact_lock(").bind::<BigInt, _>(KEY).sql(")");
    if !lock.get_result::<bool>(harness)? {
        return Err(Undone::Locked);
    }
    let Some(work) = work.take() else { return Err(SqlError::RollbackTransaction.into()) };
    let done = work(harness).map_err(Undone::Failed)?;
    if keep { Ok(done) } else { Err(Undone::Shown(done)) }
}

/// The process ids of the sessions that have the lock.
fn holder<'a>() -> Sql<'a, Text> {
    sql("select coalesce(string_agg(l.pid::text, ', '), 'unknown') from pg_locks l \
         join pg_database d on d.oid = l.database where d.datname = current_database() \
         and l.locktype = 'advisory' and l.granted and l.objsubid = 1 \
         and (l.classid::bigint << 32 | l.objid::bigint) = ")
    .bind::<BigInt, _>(KEY)
}

#[cfg(test)]
mod tests {
    use diesel_async::AsyncConnection as _;
    use diesel_async::SimpleAsyncConnection;
    use postgres_testbed::Testbed;

    use super::*;
    use crate::migrations::{connect, target};

    const SHORT: LockTimeouts =
        LockTimeouts { report: Duration::from_millis(1), give_up: Duration::from_millis(300) };

    async fn try_work(url: &str, timeouts: LockTimeouts) -> Result<i32, MigrateError> {
        let conn = connect(&target(url).expect("a URL")).await.expect("connects");
        let (_, answer) = locked(conn, timeouts, true, |_| Ok(7)).await?;
        Ok(answer)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_wait_that_is_too_long_ends_and_names_the_holder() {
        let database = Testbed::shared().create_database("lock");
        let url = database.owner_url();
        let mut holder = AsyncPgConnection::establish(&url).await.expect("connects");
        // Earlier versions took the same lock for the session.
        for (take, give_back) in [
            (format!("begin; select pg_advisory_xact_lock({KEY})"), "commit"),
            (format!("select pg_advisory_lock({KEY})"), "select pg_advisory_unlock_all()"),
        ] {
            SimpleAsyncConnection::batch_execute(&mut holder, &take).await.expect("locked");
            let refused = try_work(&url, SHORT).await.expect_err("locked").to_string();
            let pid: Sql<'_, Text> = sql("select pg_backend_pid()::text");
            let pid: String = diesel_async::RunQueryDsl::get_result(pid, &mut holder).await.expect("a pid");
            assert!(refused.contains(&format!("process {pid} of PostgreSQL")), "{refused}");
            let waiting = tokio::spawn({
                let url = url.clone();
                async move { try_work(&url, LockTimeouts::USUAL).await }
            });
            tokio::time::sleep(Duration::from_millis(300)).await;
            assert!(!waiting.is_finished());
            SimpleAsyncConnection::batch_execute(&mut holder, give_back).await.expect("unlocked");
            assert_eq!(waiting.await.expect("no panic").expect("done"), 7);
        }
        let left: Sql<'_, Bool> = sql("select not exists (select from pg_locks l \
            join pg_database d on d.oid = l.database where d.datname = current_database() and l.locktype = 'advisory')");
        assert!(diesel_async::RunQueryDsl::get_result::<bool>(left, &mut holder).await.expect("an answer"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_not_kept_is_rolled_back_and_returned() {
        let database = Testbed::shared().create_database("lock_shown");
        let conn = connect(&target(&database.owner_url()).expect("a URL")).await.expect("connects");
        let work = |harness: &mut Harness| Ok(SimpleConnection::batch_execute(harness, "create table t ()")?);
        let (conn, ()) = locked(conn, SHORT, false, work).await.expect("shown");
        locked(conn, SHORT, true, work).await.expect("there is no table yet");
    }
}
