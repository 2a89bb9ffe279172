//! Deadlines of the committers.

use std::sync::Arc;
use std::time::Duration;

use adapters_postgres::{Options, RowSecurity};
use domain::StoreError;
use domain::todo::TodoStore as _;
use domain_testkit::build::{T0, batch, create, todo_id};
use domain_testkit::{RecordingBus, all};
use postgres_testbed::Role;

use crate::support::{client, connect, fresh, options};

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
