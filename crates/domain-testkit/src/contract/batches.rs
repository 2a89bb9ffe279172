//! Several changes in one commit.

use std::sync::Arc;

use domain::todo::{Base, Change, EventKind, Outcome, TodoNumber, Versions};

use crate::build::{T0, at, batch, complete, create, delete, restore, retitle, todo_id, toggle};
use crate::{Harness, all};

/// Two batches of the maximum size: one that only creates, and one of every kind of change.
pub async fn a_thousand_changes_are_one_commit(h: Harness) {
    let user = h.user().await;
    let ids: Vec<_> = (0..1_000).map(|_| todo_id()).collect();
    let outcomes =
        h.decide(user, batch(ids.iter().map(|id| create(*id, &format!("todo {id}")))), at(1)).await;
    assert_eq!(applied(&outcomes), 1_000);
    assert_eq!(h.everything(user).await.len(), 1_000);
    h.assert_live(user, 1_000).await;

    let mixed = ids.iter().enumerate().map(|(place, id)| match place % 4 {
        0 => retitle(*id, Base::Version(1), "edited"),
        1 => delete(*id),
        2 => toggle(*id),
        _ => create(todo_id(), "more"),
    });
    let outcomes = h.decide(user, batch(mixed), at(2)).await;
    assert_eq!(applied(&outcomes), 1_000);
    let changed = h.changes(user, Some(at(2).minus(std::time::Duration::from_micros(1))), 10_000).await.todos;
    let answered: Vec<_> = outcomes
        .into_iter()
        .filter_map(|outcome| {
            if let Outcome::Applied { todo, .. } = outcome { Some(Arc::unwrap_or_clone(todo)) } else { None }
        })
        .collect();
    assert!(changed == answered, "the stored todos equal the answered ones, in the order of the request");
    h.assert_live(user, 1_000).await;
    let events = h.bus.wait_for(user, 2_000).await;
    assert!(events.is_sorted_by(|a, b| a.todo.updated_at() < b.todo.updated_at()), "events in stamp order");
}

/// Several changes of one id apply in order, each on top of the one before.
pub async fn a_second_change_of_an_id_applies_on_top_of_the_first(h: Harness) {
    let user = h.user().await;
    let [new, old] = [todo_id(), todo_id()];
    h.applied(user, create(old, "old")).await;
    let changes = [
        create(new, "new"),
        retitle(old, Base::Version(1), "older"),
        retitle(new, Base::Version(1), "newer"),
        toggle(old),
        delete(old),
        retitle(new, Base::Version(1), "newest"),
    ];
    let outcomes = h.decide(user, batch(changes), at(1)).await;
    assert_eq!(applied(&outcomes), 6, "{outcomes:#?}");
    let stored = h.todo(user, new).await.expect("it was created");
    assert_eq!(stored.title().as_str(), "newest");
    assert_eq!(
        stored.versions(),
        Versions { version: 3, title: 3, description: 1, completed: 1, deleted: 1 }
    );
    let stored = h.todo(user, old).await.expect("a tombstone is stored");
    assert_eq!(stored.title().as_str(), "older");
    assert_eq!(
        stored.versions(),
        Versions { version: 4, title: 2, description: 1, completed: 3, deleted: 4 }
    );
    assert_eq!(h.everything(user).await.len(), 2, "one row per todo");
    h.assert_live(user, 1).await;
    let kinds: Vec<_> = h.bus.wait_for(user, 7).await.iter().map(|event| event.kind).collect();
    let (created, updated, deleted) = (EventKind::Created, EventKind::Updated, EventKind::Deleted);
    assert_eq!(kinds, [created, created, updated, updated, updated, deleted, updated]);
}

/// One batch creates, deletes and restores a todo, and creates and deletes another.
pub async fn one_batch_may_create_delete_and_restore_a_todo(h: Harness) {
    let user = h.user().await;
    let [a, b] = [todo_id(), todo_id()];
    let changes = [create(a, "a"), delete(a), restore(a), complete(a, true), create(b, "b"), delete(b)];
    let outcomes = h.apply(user, changes).await;
    assert_eq!(applied(&outcomes), 6, "{outcomes:#?}");
    let stored = h.todo(user, a).await.expect("it was created");
    assert_eq!((stored.version(), stored.deleted(), stored.completed()), (4, false, true));
    assert!(h.todo(user, b).await.expect("a tombstone is stored").deleted());
    h.assert_live(user, 1).await;
}

/// An empty batch succeeds.
pub async fn an_empty_batch_changes_nothing(h: Harness) {
    let user = h.user().await;
    assert_eq!(h.decide(user, batch([]), at(9)).await, []);
    assert_eq!(h.clock(user).await, T0);
}

/// Concurrent batches of one user are decided one after the other, each on what the one before
/// left.
pub async fn concurrent_batches_are_decided_one_after_the_other(h: Harness) {
    const BATCHES: u32 = 30;
    let user = h.user().await;
    let shared = todo_id();
    h.applied(user, create(shared, "shared")).await;
    let h = Arc::new(h);
    let outcomes = all((0..BATCHES).map(|_| {
        let h = Arc::clone(&h);
        async move {
            h.apply(user, [toggle(shared), create(todo_id(), "own"), toggle(shared), toggle(shared)]).await
        }
    }))
    .await;
    assert!(outcomes.iter().all(|outcomes| applied(outcomes) == 4), "{outcomes:#?}");
    let stored = h.todo(user, shared).await.expect("it exists");
    assert_eq!(stored.version(), i64::from(1 + 3 * BATCHES));
    assert!(!stored.completed(), "an even number of toggles");
    h.assert_live(user, 1 + BATCHES).await;
    let events = h.bus.wait_for(user, 1 + 4 * 30).await;
    let versions: Vec<_> =
        events.iter().filter(|event| event.todo.id() == shared).map(|event| event.todo.version()).collect();
    assert!(
        versions.iter().copied().eq(1..=stored.version()),
        "each version was published once: {versions:?}"
    );
}

/// Numbers are positive, unique over all users, never reused, and stay with their todo.
pub async fn numbers_are_unique_and_permanent(h: Harness) {
    let [ann, bob] = [h.user().await, h.user().await];
    let h = Arc::new(h);
    let numbers: Vec<TodoNumber> = all([ann, bob, ann, bob].map(|user| {
        let h = Arc::clone(&h);
        async move {
            let mut numbers = Vec::new();
            for _ in 0..10 {
                let id = todo_id();
                let todo = h.applied(user, create(id, "milk")).await;
                let deleted = h.applied(user, delete(id)).await;
                let restored = h.apply(user, [restore(id), toggle(id), delete(id)]).await;
                assert_eq!(applied(&restored), 3);
                assert_eq!(deleted.number(), todo.number());
                let found = h.todos.get_by_number(user, todo.number()).await.expect("get_by_number answers");
                assert_eq!(found, h.todo(user, id).await, "a tombstone is found by its number too");
                numbers.push(todo.number());
            }
            numbers
        }
    }))
    .await
    .concat();
    assert!(numbers.iter().all(|number| number.0 > 0), "{numbers:?}");
    let mut unique = numbers.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), 40, "each number is unique: {numbers:?}");
    let missing = h.todos.get_by_number(ann, TodoNumber(i64::MAX)).await.expect("get_by_number answers");
    assert_eq!(missing, None);
    for bad in [0, -1, i64::MIN] {
        let missing = h.todos.get_by_number(ann, TodoNumber(bad)).await.expect("get_by_number answers");
        assert_eq!(missing, None, "number {bad}");
    }
}

/// The outcomes are in the order of the changes, although nearly every change is refused.
pub async fn outcomes_are_in_the_order_of_the_changes(h: Harness) {
    let user = h.user().await;
    let [a, b] = [todo_id(), todo_id()];
    h.applied(user, create(a, "a")).await;
    let changes: Vec<Change> = vec![
        toggle(b),
        retitle(a, Base::Version(7), "x"),
        create(a, "other"),
        create(b, "b"),
        create(a, "a"),
    ];
    let outcomes = h.apply(user, changes).await;
    assert_eq!(outcomes[0], Outcome::NotFound);
    assert!(
        matches!(&outcomes[1], Outcome::Conflict(conflict) if conflict.current.id() == a),
        "{outcomes:#?}"
    );
    assert!(matches!(&outcomes[2], Outcome::IdInUse(todo) if todo.id() == a), "{outcomes:#?}");
    assert!(matches!(&outcomes[3], Outcome::Applied { todo, .. } if todo.id() == b), "{outcomes:#?}");
    assert!(matches!(&outcomes[4], Outcome::Unchanged { todo: Some(todo), .. } if todo.id() == a));
}

fn applied(outcomes: &[Outcome]) -> usize {
    outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Applied { .. })).count()
}
