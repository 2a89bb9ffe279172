//! Lost connections: no commit is lost, applied twice or reported wrongly.

use std::sync::Arc;
use std::time::Duration;

use adapters_postgres::{Options, RowSecurity};
use domain::session::EndReason;
use domain::todo::{Commit, TodoStore};
use domain::{Stamp, StoreError, UserId};
use domain_testkit::build::{T0, at, batch, create, ending, new_session, todo_id};
use domain_testkit::{Harness, RecordingBus};
use postgres_testbed::Database;

use crate::proxy::{NextCommit, Proxy};
use crate::support::{
    client, connect, database, fresh, harness_of, options, store_at, until, url_of, waiting_for_locks,
};

const CUT_ALL: &str = "select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and usename = 'todo_app'";
const NONE_LEFT: &str = "select count(*) = 0 from pg_stat_activity
    where datname = current_database() and usename = 'todo_app'";

async fn behind_proxy(hint: &str) -> (Harness, UserId, Proxy, Database) {
    let database = database(hint);
    let (proxy, url) = Proxy::start(&database.app_url()).await;
    let (store, bus) = store_at(url).await;
    let h = harness_of(&store, bus, &database, ());
    let user = h.user().await;
    (h, user, proxy, database)
}

/// Fails unless the user has just the todos with these titles, each created once and published once.
pub async fn assert_exactly(h: &Harness, user: UserId, titles: &[&str]) {
    let stored = h.everything(user).await;
    let published = h.bus.wait_for(user, titles.len()).await;
    let of_stored: Vec<_> = stored.iter().map(|todo| (todo.title().as_str(), todo.version())).collect();
    let of_published: Vec<_> =
        published.iter().map(|event| (event.todo.title().as_str(), event.todo.version())).collect();
    let expected: Vec<_> = titles.iter().map(|title| (*title, 1)).collect();
    assert_eq!(of_stored, expected);
    assert_eq!(of_published, expected);
    h.assert_live(user, u32::try_from(titles.len()).expect("few")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_found() {
    let (h, user, proxy, _database) = behind_proxy("answer_lost").await;
    proxy.next_commit(NextCommit::Unanswered);
    h.applied(user, create(todo_id(), "milk")).await;
    assert_exactly(&h, user, &["milk"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_never_arrived_is_repeated() {
    let (h, user, proxy, _database) = behind_proxy("commit_lost").await;
    proxy.next_commit(NextCommit::Lost);
    h.applied(user, create(todo_id(), "milk")).await;
    assert_exactly(&h, user, &["milk"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_unknown_outcome_is_published_once_the_database_is_back() {
    let (h, user, proxy, database) = behind_proxy("unsettled").await;
    proxy.next_commit(NextCommit::Unanswered);
    proxy.refuse_after_cut();
    let unknown = h.todos.commit(user, batch([create(todo_id(), "milk")]), T0).await;
    assert!(matches!(unknown, Err(StoreError::Unavailable(_))), "{unknown:?}");
    let stored = database.sql(postgres_testbed::Role::Owner, "select count(*) from todos");
    assert_eq!(stored.as_deref(), Ok("1"), "the server committed");
    assert_eq!(h.bus.so_far(user), [], "this instance can't know");
    proxy.heal();
    h.bus.wait_for(user, 1).await;
    h.applied_at(user, create(todo_id(), "eggs"), at(1)).await;
    assert_exactly(&h, user, &["milk", "eggs"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aborted_commit_of_unknown_outcome_is_never_published() {
    let (h, user, proxy, _database) = behind_proxy("unsettled_lost").await;
    proxy.next_commit(NextCommit::Lost);
    proxy.refuse_after_cut();
    let unknown = h.todos.commit(user, batch([create(todo_id(), "milk")]), T0).await;
    assert!(matches!(unknown, Err(StoreError::Unavailable(_))), "{unknown:?}");
    let refused = h.todos.commit(user, batch([create(todo_id(), "bread")]), T0).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    proxy.heal();
    h.applied_at(user, create(todo_id(), "eggs"), at(1)).await;
    assert_exactly(&h, user, &["eggs"]).await;
}

/// The batches behind it wait until the outcome is known, so a client sees the changes in order.
#[tokio::test(flavor = "multi_thread")]
async fn no_batch_overtakes_a_commit_of_unknown_outcome() {
    let database = database("unsettled_order");
    let poison = "create function refuse() returns trigger language plpgsql as
                    $$ begin raise exception 'refused'; end $$;
                  create trigger poison before insert on todos for each row when (new.title = 'poison') \
                    execute function refuse()";
    database.sql(postgres_testbed::Role::Owner, poison).expect("the trigger is made");
    let (proxy, url) = Proxy::start(&database.app_url()).await;
    let bus = Arc::new(RecordingBus::new());
    let store = connect(Options { timeout: Duration::from_mins(1), ..options(url, &bus) }).await;
    let h = harness_of(&store, bus, &database, ());
    let user = h.user().await;
    let (holder, watcher) =
        (client(&database.owner_url()).await, client(&url_of(&database, "postgres")).await);
    let commit = |title| h.todos.commit(user, batch([create(todo_id(), title)]), T0);
    holder.batch_execute("begin; lock table todos in exclusive mode").await.expect("locked");
    // The first commit gathers the others behind it. They fail as a group, and then each is committed alone.
    proxy.next_commits([NextCommit::Passes, NextCommit::Unanswered]);
    proxy.refuse_one_after_cut();
    let others = async {
        until(&watcher, &waiting_for_locks(1)).await;
        let queued = futures_util::future::join_all(["milk", "poison", "eggs"].map(commit));
        let release = async { holder.batch_execute("rollback").await.expect("unlocked") };
        tokio::join!(queued, release).0
    };
    let (first, others) = tokio::join!(commit("bread"), others);
    assert!(matches!(first, Ok(Commit::Done(_))), "{first:?}");
    assert!(
        matches!(
            &others[..],
            [Err(StoreError::Unavailable(_)), Err(StoreError::Unavailable(_)), Ok(Commit::Done(_))]
        ),
        "{others:?}"
    );
    assert_exactly(&h, user, &["bread", "milk", "eggs"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_connection_is_cut_at_a_lock_is_applied_once() {
    let (h, database) = fresh("cut_waiting", RowSecurity::Writes).await;
    let user = h.user().await;
    let (holder, root) = (client(&database.owner_url()).await, client(&url_of(&database, "postgres")).await);
    holder.batch_execute("begin; select from users for update").await.expect("locked");
    let todos = Arc::clone(&h.todos);
    let commit =
        tokio::spawn(async move { todos.commit(user, batch([create(todo_id(), "milk")]), T0).await });
    until(&root, &waiting_for_locks(1)).await;
    root.batch_execute(CUT_ALL).await.expect("cut");
    until(&root, &waiting_for_locks(1)).await;
    holder.batch_execute("rollback").await.expect("unlocked");
    let commit = commit.await.expect("no panic");
    assert!(matches!(commit, Ok(Commit::Done(_))), "{commit:?}");
    assert_exactly(&h, user, &["milk"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_port_recovers_after_all_connections_were_cut() {
    let (h, database) = fresh("cut_all", RowSecurity::Writes).await;
    let user = h.user().await;
    h.applied(user, create(todo_id(), "milk")).await;
    let root = client(&url_of(&database, "postgres")).await;
    root.batch_execute(CUT_ALL).await.expect("cut");
    until(&root, NONE_LEFT).await;
    // The first call on a cut connection may fail.
    let mut attempts = 0;
    while h.probe.probe().await.is_err() {
        attempts += 1;
        assert!(attempts < 8, "no more than there were connections");
    }
    assert_eq!(h.everything(user).await.len(), 1);
    h.applied_at(user, create(todo_id(), "eggs"), at(1)).await;
    let opened = h.sessions.open(user, new_session(at(9)), 5, ending(EndReason::DeviceRevoked, at(2))).await;
    assert_eq!(opened.expect("an answer").map(|opened| opened.ended), Ok(Vec::new()));
    assert_exactly(&h, user, &["milk", "eggs"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_database_is_unavailable_within_the_time_out() {
    let (h, user, proxy, _database) = behind_proxy("unreachable").await;
    proxy.next_commit(NextCommit::Lost);
    proxy.refuse_after_cut();
    let started = std::time::Instant::now();
    let commit = h.todos.commit(user, batch([create(todo_id(), "milk")]), T0).await;
    assert!(matches!(commit, Err(StoreError::Unavailable(_))), "{commit:?}");
    assert!(started.elapsed() < crate::support::TIMEOUT, "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_times_out_leaves_no_trace() {
    let database = database("slow");
    let bus = Arc::new(RecordingBus::new());
    let timeout = Duration::from_millis(300);
    let store = connect(Options { timeout, ..options(database.app_url(), &bus) }).await;
    let h = harness_of(&store, bus, &database, ());
    let user = h.user().await;
    let holder = client(&database.owner_url()).await;
    holder.batch_execute("begin; select from users for update").await.expect("locked");
    let commit = store.commit(user, batch([create(todo_id(), "milk")]), Stamp::EPOCH).await;
    assert!(
        matches!(&commit, Err(StoreError::Unavailable(problem)) if problem.contains("timeout")),
        "{commit:?}"
    );
    holder.batch_execute("rollback").await.expect("unlocked");
    h.applied(user, create(todo_id(), "eggs")).await;
    assert_exactly(&h, user, &["eggs"]).await;
}

/// Silence costs a read its time-out and an answer, but not the request.
#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_connection_costs_no_read() {
    for row_security in [RowSecurity::Writes, RowSecurity::All] {
        let database = database("forgotten");
        let (proxy, url) = Proxy::start(&database.app_url()).await;
        let bus = Arc::new(RecordingBus::new());
        let timeout = Duration::from_secs(2);
        let store = connect(Options { timeout, row_security, pool_size: 3, ..options(url, &bus) }).await;
        let h = harness_of(&store, bus, &database, ());
        let user = h.user().await;
        h.applied(user, create(todo_id(), "milk")).await;
        // Three connections are open.
        let reads = (0..3).map(|_| h.probe.probe());
        assert!(futures_util::future::join_all(reads).await.iter().all(Result::is_ok));
        proxy.forget_all();
        let before = proxy.opened();
        for _ in 0..4 {
            let position = h.todos.position(user).await;
            assert!(matches!(position, Ok(Some(_))), "{row_security:?}: {position:?}");
        }
        // One for the repeated read, and those that ask to cancel the silent one.
        assert!(proxy.opened() > before, "{row_security:?}");
    }
}

/// A slow statement is not a lost connection: it is cancelled, and not repeated.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_takes_too_long_is_cancelled_and_not_repeated() {
    let database = database("cancelled");
    let (proxy, url) = Proxy::start(&database.app_url()).await;
    let bus = Arc::new(RecordingBus::new());
    let timeout = Duration::from_secs(2);
    let store = connect(Options { timeout, ..options(url, &bus) }).await;
    let h = harness_of(&store, bus, &database, ());
    let user = h.user().await;
    assert_eq!(h.clock(user).await, T0);
    let holder = client(&database.owner_url()).await;
    holder.batch_execute("begin; lock table users in access exclusive mode").await.expect("locked");
    proxy.statements();
    let refused = h.todos.position(user).await;
    assert!(
        matches!(&refused, Err(StoreError::Unavailable(problem)) if problem.contains("in time")),
        "{refused:?}"
    );
    let executed = proxy.statements().iter().filter(|statement| *statement == "execute").count();
    assert_eq!(executed, 1);
    // Nothing waits, though the lock is still held, and the server itself would wait for twice the time.
    let root = client(&url_of(&database, "postgres")).await;
    until(&root, &waiting_for_locks(0)).await;
    holder.batch_execute("rollback").await.expect("unlocked");
    assert_eq!(h.clock(user).await, T0);
}

/// A transaction that could not begin has done nothing, and begins again.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_on_a_connection_that_was_cut_begins_again() {
    let (h, user, proxy, database) = behind_proxy("cut_begin").await;
    let session = new_session(at(9));
    proxy.cut_at_next_statement();
    let opened = h.sessions.open(user, session, 5, ending(EndReason::DeviceRevoked, at(2))).await;
    assert_eq!(opened.expect("an answer").map(|opened| opened.ended), Ok(Vec::new()));
    drop(database);
}
