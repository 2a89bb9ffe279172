//! Epochs that begin while stores are open: by command, and by a change of the timeline.

use std::sync::Arc;

use adapters_postgres::{EpochSource, MigrateError, Options, PostgresStore, RowSecurity, begin_epoch};
use domain::UserId;
use domain::sync::Epoch;
use domain::todo::TodoStore as _;
use domain_testkit::build::{T0, at, batch, create, todo_id};
use domain_testkit::{Harness, RecordingBus, all};
use postgres_testbed::{Database, Role};

use crate::support::{connect, database, fresh, harness_of, options};

/// A store that observes the timeline.
async fn observing(database: &Database) -> (Harness, Arc<PostgresStore>) {
    let bus = Arc::new(RecordingBus::new());
    let options = options(database.app_url(), &bus);
    let store = connect(Options { epoch_source: EpochSource::Timeline, ..options }).await;
    (harness_of(&store, bus, database, ()), store)
}

async fn epoch(store: &PostgresStore, user: UserId) -> Epoch {
    store.position(user).await.expect("an answer").expect("the user exists").epoch()
}

fn names(database: &Database) -> Vec<String> {
    let rows =
        database.sql(Role::Owner, "select epoch from epochs order by ordinal").expect("the owner may read");
    rows.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_open_store_notices_a_new_epoch() {
    for mode in [RowSecurity::Writes, RowSecurity::All] {
        let (h, database) = fresh("new_epoch", mode).await;
        let options = options(database.app_url(), &Arc::new(RecordingBus::new()));
        let other = connect(Options { row_security: mode, ..options }).await;
        let user = h.user().await;
        let before = epoch(&other, user).await;
        let begun = begin_epoch(&database.owner_url()).await.expect("it begins");
        assert_ne!(begun, before);
        assert_eq!(epoch(&other, user).await, begun);
        h.applied(user, create(todo_id(), "milk")).await;
        assert_eq!(h.changes(user, None, 1).await.position.epoch(), begun);
        assert_eq!(names(&database), [before.0, begun.0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn epochs_that_begin_at_once_have_names_and_places_of_their_own() {
    let database = database("epochs_at_once");
    let begun = all((0..8).map(|_| {
        let url = database.owner_url();
        async move { begin_epoch(&url).await.expect("it begins").0 }
    }));
    let mut begun = begun.await;
    let mut names = names(&database)[1..].to_vec();
    begun.sort_unstable();
    names.sort_unstable();
    assert_eq!(names, begun);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_begins_an_epoch() {
    let database = database("epoch_as_app");
    database.sql(Role::Owner, "revoke insert on epochs from todo_app").expect("the owner may revoke");
    let refused = begin_epoch(&database.app_url()).await;
    let Err(MigrateError::Epoch(problem)) = refused else { panic!("{refused:?}") };
    assert!(problem.contains("permission denied"), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_commit_on_a_timeline_begins_its_epoch_once() {
    let database = database("timeline");
    let [stored] = &names(&database)[..] else { panic!("one epoch") };
    let stored = stored.clone();
    let ((h, store), (_other, second)) = (observing(&database).await, observing(&database).await);
    let users = [h.user().await, h.user().await, h.user().await, h.user().await];
    all(users.iter().zip([&store, &second, &store, &second]).map(|(user, store)| {
        let (user, store) = (*user, Arc::clone(store));
        async move { store.commit(user, batch([create(todo_id(), "milk")]), T0).await.expect("commits") }
    }))
    .await;
    let cluster = "select system_identifier || '-00000001' from pg_control_system()";
    let observed = format!("{stored}-{}", database.sql(Role::Owner, cluster).expect("an answer"));
    assert_eq!(names(&database), [stored.clone(), observed.clone()]);
    for (user, store) in users.into_iter().zip([&second, &store, &second, &store]) {
        assert_eq!(epoch(store, user).await.0, observed);
    }

    // An operator's epoch keeps its name in front.
    let begun = begin_epoch(&database.owner_url()).await.expect("it begins");
    h.applied_at(users[0], create(todo_id(), "bread"), at(1)).await;
    let now = observed.replacen(&stored, &begun.0, 1);
    assert_eq!(names(&database)[2..], [begun.0.clone(), now.clone()]);
    assert_eq!(epoch(&second, users[0]).await.0, now);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeline_that_comes_back_begins_an_epoch_with_a_new_name() {
    let database = database("timeline_again");
    let (h, store) = observing(&database).await;
    let user = h.user().await;
    h.applied(user, create(todo_id(), "milk")).await;
    let elsewhere = "insert into epochs (ordinal, stored, timeline, begun_at)
        select max(ordinal) + 1, min(stored), 'elsewhere', now() from epochs";
    database.sql(Role::Owner, elsewhere).expect("the owner may write");
    let before = names(&database);
    h.applied(user, create(todo_id(), "bread")).await;
    let after = names(&database);
    assert_eq!(after[..3], before);
    assert!(after.len() == 4 && !before.contains(&after[3]), "{after:?}");
    assert_eq!(epoch(&store, user).await.0, after[3]);
    h.applied(user, create(todo_id(), "tea")).await;
    assert_eq!(names(&database), after);
}
