//! Calls whose caller is gone: they leave nothing half done, and nothing locked.

use std::sync::Arc;
use std::time::Duration;

use adapters_postgres::{Options, RowSecurity};
use domain::UserId;
use domain::health::Probe as _;
use domain::session::{EndReason, NewSession};
use domain_testkit::build::{T0, at, batch, create, ending, new_session, todo_id};
use domain_testkit::{Harness, RecordingBus};
use postgres_testbed::Database;
use tokio::runtime::Builder;
use tokio_postgres::Client;

use crate::lost_connections::assert_exactly;
use crate::support::{
    client, connect, database, fresh, harness_of, options, until, url_of, waiting_for_locks,
};

/// A store with one pooled connection, on which the opening of a session was dropped while it waited for the lock that `holder`
/// has. No time-out comes to its help.
async fn dropped_midway(
    database: &Database,
    holder: &Client,
    watcher: &Client,
) -> (Harness, UserId, NewSession) {
    let bus = Arc::new(RecordingBus::new());
    let timeout = Duration::from_mins(10);
    let store = connect(Options { pool_size: 1, timeout, ..options(database.app_url(), &bus) }).await;
    let h = harness_of(&store, bus, database, ());
    let user = h.user().await;
    let session = new_session(at(1_000));
    holder.batch_execute("begin; select from users for update").await.expect("locked");
    let (sessions, opening) = (Arc::clone(&h.sessions), session.clone());
    let open = tokio::spawn(async move {
        sessions.open(user, opening, 5, ending(EndReason::DeviceRevoked, at(1))).await
    });
    until(watcher, &waiting_for_locks(1)).await;
    open.abort();
    assert!(open.await.expect_err("dropped").is_cancelled());
    (h, user, session)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_transaction_rolls_back_and_releases_its_locks() {
    let database = database("dropped");
    let (holder, watcher) =
        (client(&database.owner_url()).await, client(&url_of(&database, "postgres")).await);
    let (h, user, session) = dropped_midway(&database, &holder, &watcher).await;
    holder.batch_execute("rollback").await.expect("unlocked");
    // Now the server goes on with what was dropped, and sees that its client is gone.
    let none_open = "select count(*) = 0 from pg_stat_activity
        where datname = current_database() and usename = 'todo_app' and xact_start is not null";
    until(&watcher, none_open).await;
    assert_eq!(h.sessions.find(&session.hash).await.expect("an answer"), None);
    let opened = h.sessions.open(user, session, 5, ending(EndReason::DeviceRevoked, at(1))).await;
    assert_eq!(opened.expect("an answer").map(|opened| opened.ended), Ok(Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_transaction_frees_its_place_in_the_pool() {
    let database = database("dropped_place");
    let (holder, watcher) =
        (client(&database.owner_url()).await, client(&url_of(&database, "postgres")).await);
    let (h, user, _) = dropped_midway(&database, &holder, &watcher).await;
    assert_eq!(h.clock(user).await, T0, "though the row is still locked");
    until(&watcher, &waiting_for_locks(0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_caller_is_gone_is_written_and_published() {
    let (h, database) = fresh("caller_gone", RowSecurity::Writes).await;
    let user = h.user().await;
    let (holder, watcher) =
        (client(&database.owner_url()).await, client(&url_of(&database, "postgres")).await);
    holder.batch_execute("begin; select from users for update").await.expect("locked");
    let todos = Arc::clone(&h.todos);
    let commit =
        tokio::spawn(async move { todos.commit(user, batch([create(todo_id(), "milk")]), T0).await });
    until(&watcher, &waiting_for_locks(1)).await;
    commit.abort();
    holder.batch_execute("rollback").await.expect("unlocked");
    h.bus.wait_for(user, 1).await;
    assert_exactly(&h, user, &["milk"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_that_ends_closes_no_connection_of_another() {
    let database = database("runtimes");
    let store =
        connect(Options { pool_size: 1, ..options(database.app_url(), &Arc::new(RecordingBus::new())) })
            .await;
    let watcher = client(&url_of(&database, "postgres")).await;
    let one_left = "select count(*) = 1 from pg_stat_activity
        where datname = current_database() and usename = 'todo_app'";
    for _ in 0..3 {
        let same = Arc::clone(&store);
        let other = std::thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async { (same.probe().await, same.load().in_use) })
        });
        let (probed, in_use) = other.join().expect("no panic");
        assert_eq!((probed.is_ok(), in_use), (true, 0));
        store.probe().await.expect("the connection is there");
        until(&watcher, one_left).await;
    }
}
