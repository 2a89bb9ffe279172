//! Deadlines of the committers.

use std::sync::Arc;
use std::time::Duration;

use adapters_postgres::{Options, RowSecurity};
use domain::StoreError;
use domain::UserId;
use domain::todo::{Commit, TodoStore as _};
use domain_testkit::build::{T0, batch, create, todo_id};
use domain_testkit::{RecordingBus, all};
use futures_util::FutureExt;
use postgres_testbed::Role;

use crate::support::{client, connect, fresh, options, until, url_of, waiting_for_locks};

/// Each locked user makes the committer wait for a quarter of the time-out, first the group and then each batch
/// alone, so the last batches are past their deadline before it is their turn.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_waited_past_its_deadline_is_never_written() {
    let (h, database) = fresh("deadlines", RowSecurity::Writes).await;
    let mut users = Vec::new();
    for _ in 0..16 {
        users.push(h.user().await);
    }
    let bus = Arc::new(RecordingBus::new());
    let timeout = Duration::from_secs(2);
    let store = connect(Options { timeout, ..options(database.app_url(), &bus) }).await;
    let holder = client(&database.owner_url()).await;
    holder.batch_execute("begin; select from users for update").await.expect("locked");
    let commits = users.iter().map(|user| {
        let (store, user) = (Arc::clone(&store), *user);
        async move { store.commit(user, batch([create(todo_id(), "milk")]), T0).await }
    });
    let commits = all(commits).await;
    let waited_too_long = |commit: &Result<_, StoreError>| matches!(commit, Err(StoreError::Unavailable(problem)) if problem.contains("waited too long"));
    assert!(commits.iter().all(Result::is_err), "{commits:?}");
    assert!(commits.iter().any(waited_too_long), "{commits:?}");
    holder.batch_execute("rollback").await.expect("unlocked");
    for user in &users {
        h.applied(*user, create(todo_id(), "bread")).await;
    }
    let titles = "select title || ' ' || count(*) from todos group by title";
    assert_eq!(database.sql(Role::Owner, titles).expect("an answer").trim(), "bread 16");
    assert!(bus.everything().is_empty(), "no event of a refused batch");
}

/// The batch of a user whose row is locked would hold its group up for a quarter of the time-out: one minute.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_does_not_wait_for_the_locked_row_of_one_of_its_users() {
    let (h, database) = fresh("skipped", RowSecurity::Writes).await;
    let timeout = Duration::from_mins(4);
    let store = connect(Options { timeout, ..options(database.app_url(), &h.bus) }).await;
    let mut users: Vec<UserId> = Vec::new();
    for _ in 0..4 {
        users.push(h.user().await);
    }
    let mut holders = Vec::new();
    for user in &users[..3] {
        let holder = client(&database.owner_url()).await;
        let lock = format!("begin; select from users where id = '{user}' for update");
        holder.batch_execute(&lock).await.expect("locked");
        holders.push(holder);
    }
    let watcher = client(&url_of(&database, "postgres")).await;
    // Each of the first two keeps one of the committers busy, so the other two form a group.
    let mut busy = Vec::new();
    for user in users[..2].iter().copied() {
        let store = Arc::clone(&store);
        let change = create(todo_id(), "milk");
        busy.push(tokio::spawn(async move { store.commit(user, batch([change]), T0).await }));
        until(&watcher, &waiting_for_locks(busy.len())).await;
    }
    let mut queued =
        users[2..].iter().map(|user| store.commit(*user, batch([create(todo_id(), "milk")]), T0));
    let (mut locked, mut free) = (queued.next().expect("the third"), queued.next().expect("the fourth"));
    assert!((&mut locked).now_or_never().is_none());
    assert!((&mut free).now_or_never().is_none());
    holders[0].batch_execute("rollback").await.expect("unlocked");
    let free = tokio::time::timeout(Duration::from_secs(30), free).await;
    assert!(matches!(free, Ok(Ok(Commit::Done(_)))), "{free:?}");
    for holder in &holders[1..] {
        holder.batch_execute("rollback").await.expect("unlocked");
    }
    assert!(matches!(locked.await, Ok(Commit::Done(_))));
    for commit in busy {
        assert!(matches!(commit.await, Ok(Ok(Commit::Done(_)))));
    }
}
