//! Group commit: batches share a transaction, and no batch fails because of another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use adapters_postgres::{Options, RowSecurity};
use domain::health::Probe as _;
use domain::todo::{Base, Commit, EventBus, Outcome, TodoEvent, TodoStore};
use domain::{Stamp, StoreError, UserId};
use domain_testkit::build::{T0, at, batch, create, retitle, todo_id};
use domain_testkit::{Harness, RecordingBus, all};
use postgres_testbed::Role;

use crate::proxy::Proxy;
use crate::support::{
    client, connect, database, fresh, harness_of, options, store_at, until, url_of, waiting_for_locks,
};

/// Holds the lock of a user's row while `meanwhile` runs, so that batches queue up and form a group.
async fn behind_a_lock(url: &str, user: UserId, meanwhile: impl Future<Output = ()>) {
    let holder = client(url).await;
    holder
        .batch_execute(&format!("begin; select from users where id = '{user}' for update"))
        .await
        .expect("locked");
    meanwhile.await;
    holder.batch_execute("rollback").await.expect("unlocked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_the_database_refuses_fails_alone() {
    let (h, database) = fresh("refused", RowSecurity::Writes).await;
    let poison = "create function refuse() returns trigger language plpgsql as
                    $$ begin raise exception 'refused'; end $$;
                  create trigger poison before insert on todos for each row when (new.title = 'poison') \
                    execute function refuse()";
    database.sql(Role::Owner, poison).expect("the trigger is made");
    let (h, mut users) = (Arc::new(h), Vec::new());
    for _ in 0..24 {
        users.push(h.user().await);
    }
    let (poisoned, healthy) = users.split_at(4);
    let watcher = client(&url_of(&database, "postgres")).await;
    let mut done = Vec::new();
    behind_a_lock(&database.owner_url(), healthy[0], async {
        for user in [healthy[0]].into_iter().chain(users.iter().copied()) {
            let title = if poisoned.contains(&user) { "poison" } else { "milk" };
            let todos = Arc::clone(&h.todos);
            let change = create(todo_id(), title);
            done.push((user, tokio::spawn(async move { todos.commit(user, batch([change]), T0).await })));
            if done.len() == 1 {
                until(&watcher, &waiting_for_locks(1)).await;
            }
        }
    })
    .await;
    for (user, commit) in done {
        let commit = commit.await.expect("no panic");
        if poisoned.contains(&user) {
            assert!(
                matches!(&commit, Err(StoreError::Unavailable(problem)) if problem.contains("refused")),
                "{commit:?}"
            );
            assert_eq!(h.everything(user).await, []);
            assert_eq!(h.clock(user).await, T0);
        } else {
            assert!(matches!(commit, Ok(Commit::Done(_))), "{commit:?}");
        }
    }
    for user in healthy {
        let stored = h.everything(*user).await;
        assert_eq!(stored.len(), if *user == healthy[0] { 2 } else { 1 });
        assert_eq!(h.bus.so_far(*user).len(), stored.len());
    }
    assert!(poisoned.iter().all(|user| h.bus.so_far(*user).is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_row_fails_only_the_calls_that_read_it() {
    let (h, database) = fresh("corrupt", RowSecurity::Writes).await;
    let (ann, bob) = (h.user().await, h.user().await);
    let todo = h.applied(ann, create(todo_id(), "milk")).await;
    database.sql(Role::Owner, "update todos set created_at = 'infinity'").expect("no check forbids it");
    let h = Arc::new(h);
    let commits = all((0..20).map(|place| {
        let (h, id) = (Arc::clone(&h), todo.id());
        async move {
            let (user, change) = if place % 2 == 0 {
                (ann, retitle(id, Base::Current, "eggs"))
            } else {
                (bob, create(todo_id(), "bread"))
            };
            (user, h.todos.commit(user, batch([change]), T0).await)
        }
    }))
    .await;
    for (user, commit) in commits {
        if user == ann {
            assert!(
                matches!(commit, Err(StoreError::Corrupt { table: "todos", column: "created_at", .. })),
                "{commit:?}"
            );
        } else {
            assert!(matches!(commit, Ok(Commit::Done(_))), "{commit:?}");
        }
    }
    let read = h.todos.get(ann, todo.id()).await;
    assert!(
        matches!(read, Err(StoreError::Corrupt { table: "todos", column: "created_at", .. })),
        "{read:?}"
    );
    assert_eq!(h.todo(bob, todo.id()).await, None);
}

async fn behind_proxy(hint: &str) -> (Harness, Proxy, postgres_testbed::Database) {
    let database = database(hint);
    let (proxy, url) = Proxy::start(&database.app_url()).await;
    let (store, bus) = store_at(url).await;
    (harness_of(&store, bus, &database, ()), proxy, database)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_statements_of_a_commit_does_not_depend_on_its_size() {
    let (h, proxy, _database) = behind_proxy("statements").await;
    let user = h.user().await;
    let ids: Vec<_> = (0..1_000).map(|_| todo_id()).collect();
    h.apply(user, ids.iter().map(|id| create(*id, "milk"))).await;
    proxy.statements();

    let mut seen = Vec::new();
    for count in [1, 1_000] {
        let mut rounds = Vec::new();
        // Either committer may take a batch. The first time, it connects.
        for round in 0..3 {
            let title = format!("eggs for {count}, {round}");
            let changes = ids[..count].iter().map(|id| retitle(*id, Base::Current, &title));
            let outcomes = h.apply(user, changes).await;
            assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Applied { .. })));
            rounds.push(proxy.statements());
        }
        seen.push(rounds.into_iter().min_by_key(Vec::len).expect("three rounds"));
    }
    assert_eq!(seen[0], seen[1]);
    let expected = [
        "BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED READ WRITE",
        "execute",
        "execute",
        "execute",
        "execute",
        "execute",
        "COMMIT",
    ];
    assert_eq!(seen[0], expected, "set the scope, lock, load; update the todos, update the user");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_read_is_one_statement() {
    let (h, proxy, _database) = behind_proxy("one_statement").await;
    let user = h.user().await;
    let todo = h.applied(user, create(todo_id(), "milk")).await;
    proxy.statements();
    let query = domain::todo::query::ListQuery::default();
    h.todo(user, todo.id()).await;
    assert_eq!(proxy.statements(), ["execute"], "get");
    h.list(user, &query).await;
    assert_eq!(proxy.statements(), ["execute"], "list");
    h.changes(user, None, 10).await;
    assert_eq!(proxy.statements(), ["execute"], "changes");
    h.clock(user).await;
    assert_eq!(proxy.statements(), ["execute"], "clock");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_refuses_writes_is_not_healthy_until_it_accepts_one() {
    let (h, database) = fresh("refuses_writes", RowSecurity::Writes).await;
    let user = h.user().await;
    h.probe.probe().await.expect("healthy");
    let full = "create function full_disk() returns trigger language plpgsql as
                    $$ begin raise exception 'the disk is full' using errcode = 'disk_full'; end $$;
                create trigger full_disk before insert on todos for each row execute function full_disk()";
    database.sql(Role::Owner, full).expect("the trigger is made");
    let refused = h.todos.commit(user, batch([create(todo_id(), "milk")]), T0).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    let probed = h.probe.probe().await;
    assert!(
        matches!(&probed, Err(StoreError::Unavailable(problem)) if problem.contains("refuses writes")),
        "{probed:?}"
    );
    database.sql(Role::Owner, "drop trigger full_disk on todos").expect("there is room again");
    h.applied(user, create(todo_id(), "milk")).await;
    h.probe.probe().await.expect("healthy again");
}

/// Panics at its first event, and records the others.
struct PanickingBus {
    panicked: AtomicBool,
    rest: Arc<RecordingBus>,
}

impl EventBus for PanickingBus {
    fn publish(&self, user: UserId, previous: Stamp, events: Vec<TodoEvent>) {
        assert!(self.panicked.swap(true, Ordering::Relaxed), "a bus of this test panics deliberately");
        self.rest.publish(user, previous, events);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_panics_fails_no_batch_and_loses_no_other_event() {
    let (h, database) = fresh("panicking_bus", RowSecurity::Writes).await;
    let mut users = Vec::new();
    for _ in 0..24 {
        users.push(h.user().await);
    }
    let bus = Arc::new(RecordingBus::new());
    let panicking = Arc::new(PanickingBus { panicked: AtomicBool::new(false), rest: Arc::clone(&bus) });
    let store = connect(Options { bus: panicking, ..options(database.app_url(), &bus) }).await;
    let commits = users.iter().map(|user| {
        let (store, user) = (Arc::clone(&store), *user);
        async move { store.commit(user, batch([create(todo_id(), "milk")]), T0).await }
    });
    for commit in all(commits).await {
        assert!(matches!(commit, Ok(Commit::Done(_))), "{commit:?}");
    }
    let published = async {
        while bus.everything().len() < users.len() - 1 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_mins(1), published).await.expect("the rest is published");
    store.probe().await.expect("the committers work");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_that_write_for_the_same_users_neither_deadlock_nor_reuse_a_stamp() {
    let (h, database) = fresh("instances", RowSecurity::Writes).await;
    let mut users = Vec::new();
    for _ in 0..6 {
        users.push(h.user().await);
    }
    let (second, _bus) = store_at(database.app_url()).await;
    let stores = [Arc::clone(&h.todos), second as Arc<dyn TodoStore>];
    let writers =
        (0..120).map(|place| {
            let (store, user) = (Arc::clone(&stores[place % 2]), users[place % users.len()]);
            async move {
                store.commit(user, batch([create(todo_id(), "milk"), create(todo_id(), "eggs")]), T0).await
            }
        });
    for commit in all(writers).await {
        assert!(matches!(commit, Ok(Commit::Done(_))), "{commit:?}");
    }
    for user in users {
        let stamps: Vec<_> = h.everything(user).await.iter().map(domain::todo::Todo::updated_at).collect();
        assert_eq!(stamps.len(), 40);
        assert!(stamps.is_sorted_by(|a, b| a < b), "{stamps:?}");
        assert_eq!(h.clock(user).await, stamps[39]);
        h.assert_live(user, 40).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_commits_queued_batches_and_refuses_later_ones() {
    let database = database("closing");
    let bus = Arc::new(RecordingBus::new());
    let store = connect(Options { pool_size: 2, ..options(database.app_url(), &bus) }).await;
    let h = harness_of(&store, Arc::clone(&bus), &database, ());
    let user = h.user().await;
    let watcher = client(&url_of(&database, "postgres")).await;
    let mut waiting = Vec::new();
    let mut closing = None;
    behind_a_lock(&database.owner_url(), user, async {
        for _ in 0..5 {
            let store = Arc::clone(&store);
            let commit = async move { store.commit(user, batch([create(todo_id(), "milk")]), at(1)).await };
            waiting.push(tokio::spawn(commit));
        }
        until(&watcher, &waiting_for_locks(1)).await;
        let store = Arc::clone(&store);
        closing = Some(tokio::spawn(async move { store.close().await }));
    })
    .await;
    closing.expect("closing").await.expect("closed");
    let mut done = 0;
    for commit in waiting {
        done += usize::from(matches!(commit.await.expect("no panic"), Ok(Commit::Done(_))));
    }
    assert_eq!(bus.so_far(user).len(), done, "each answered batch was published");
    assert!(done >= 1, "the batch that waited for the lock was committed");
    let late = store.commit(user, batch([create(todo_id(), "late")]), at(2)).await;
    assert!(matches!(late, Err(StoreError::Unavailable(_))), "{late:?}");
}
