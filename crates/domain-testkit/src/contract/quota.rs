//! The count of live todos, and the quota that limits it.

use std::sync::Arc;

use domain::todo::{Base, Batch, Change, Edit, NewTodo, Outcome, Rejection, Strategy, Upsert};

use crate::build::{
    T0, at_most, batch, complete, content, create, create_as, delete, restore, retitle, title, todo_id,
    toggle, upsert,
};
use crate::{Harness, all};

/// The count follows every kind of change, applied or not.
pub async fn the_live_count_follows_every_change(h: Harness) {
    let user = h.user().await;
    let [first, second, third, fourth] = [(); 4].map(|()| todo_id());
    let synced = |deleted| Upsert {
        edit: Edit { title: Some(title("synced")), ..Edit::default() },
        deleted,
        ..Upsert::default()
    };
    let done = NewTodo { completed: true, ..content("done") };
    let steps: Vec<(&str, Change, u32)> = vec![
        ("a creation", create(first, "a"), 1),
        ("its repeat", create(first, "a"), 1),
        ("an id in use", create(first, "other"), 1),
        ("a creation of a completed todo", create_as(second, done), 2),
        ("an edit", retitle(first, Base::Current, "A"), 2),
        ("a toggle", toggle(first), 2),
        ("an edit of an unknown id", retitle(todo_id(), Base::Current, "A"), 2),
        ("a stale edit", retitle(first, Base::Version(9), "AA"), 2),
        ("a deletion", delete(first), 1),
        ("its repeat", delete(first), 1),
        ("a deletion of an unknown id", delete(todo_id()), 1),
        ("a restoration", restore(first), 2),
        ("its repeat", restore(first), 2),
        ("a synced creation", upsert(third, Base::Unknown, synced(None)), 3),
        ("a synced deletion", upsert(third, Base::Version(1), synced(Some(true))), 2),
        ("its repeat", upsert(third, Base::Version(1), synced(Some(true))), 2),
        ("a synced deletion of an unknown id", upsert(todo_id(), Base::Unknown, synced(Some(true))), 2),
        ("a synced restoration", upsert(third, Base::Version(2), synced(Some(false))), 3),
        ("a synced creation with deleted: false", upsert(fourth, Base::Unknown, synced(Some(false))), 4),
    ];
    for (what, change, live) in steps {
        let outcomes = h.apply(user, [change]).await;
        let stored = h.everything(user).await.iter().filter(|todo| !todo.deleted()).count();
        assert_eq!(stored, live as usize, "live todos after {what}: {outcomes:#?}");
        h.assert_live(user, live).await;
    }
}

/// An edit that wins against a deletion restores the todo, which then counts again.
pub async fn a_restoring_edit_counts_against_the_quota(h: Harness) {
    let user = h.user().await;
    for strategy in [Strategy::Merge, Strategy::ClientWins] {
        let id = todo_id();
        h.apply(user, [create(id, "milk"), delete(id)]).await;
        h.assert_live(user, 0).await;
        let late =
            Upsert { edit: Edit { title: Some(title("oat milk")), ..Edit::default() }, ..Upsert::default() };
        let request = Batch { strategy, ..batch([upsert(id, Base::Version(1), late)]) };
        let outcomes = h.decide(user, request, T0).await;
        assert!(matches!(&outcomes[0], Outcome::Applied { todo, .. } if !todo.deleted()), "{outcomes:#?}");
        h.assert_live(user, 1).await;
        h.applied(user, delete(id)).await;
    }
}

/// A device made the later change on top of the one that was rejected. Alone, it would end in the
/// tombstone, where its user does not see it. A deletion is accepted all the same.
pub async fn a_change_after_a_rejected_one_of_the_same_todo_is_rejected_with_it(h: Harness) {
    let user = h.user().await;
    let [full, deleted] = [todo_id(), todo_id()];
    h.apply(user, [create(full, "milk"), create(deleted, "bread"), delete(deleted)]).await;
    let sent = |edit, deleted| Upsert { edit, deleted, ..Upsert::default() };
    let edited = || Edit { title: Some(title("rye bread")), ..Edit::default() };
    let changes =
        [sent(Edit::default(), Some(false)), sent(edited(), None), sent(Edit::default(), Some(true))];
    let changes = changes.map(|change| upsert(deleted, Base::Version(2), change));
    let outcomes = h.decide(user, Batch { limits: at_most(1), ..batch(changes) }, T0).await;
    let rejected = Outcome::Rejected(Rejection::Quota { limit: 1 });
    assert_eq!(outcomes[..2], [rejected.clone(), rejected]);
    assert!(matches!(&outcomes[2], Outcome::Unchanged { todo: Some(todo), .. } if todo.version() == 2));
    h.assert_live(user, 1).await;
}

/// At the quota, nothing can be added, everything else works, and a deletion makes room
/// immediately.
pub async fn at_the_quota_creations_and_restorations_are_rejected(h: Harness) {
    let user = h.user().await;
    let [a, b, c] = [(); 3].map(|()| todo_id());
    let full = Outcome::Rejected(Rejection::Quota { limit: 2 });
    let request = |changes: Vec<Change>| Batch { limits: at_most(2), ..batch(changes) };
    let outcomes = h.decide(user, request(vec![create(a, "a"), create(b, "b"), create(c, "c")]), T0).await;
    assert!(outcomes[..2].iter().all(is_applied), "the first two fit: {outcomes:#?}");
    assert_eq!(outcomes[2], full);
    assert_eq!(h.todo(user, c).await, None);

    let repeats = h.decide(user, request(vec![create(a, "a"), create(b, "b")]), T0).await;
    let in_place = |outcome: &Outcome| matches!(outcome, Outcome::Unchanged { .. });
    assert!(repeats.iter().all(in_place), "a repeated creation needs no room: {repeats:#?}");

    let edits = vec![toggle(a), retitle(b, Base::Version(1), "B"), create(a, "a"), create(c, "c")];
    let outcomes = h.decide(user, request(edits), T0).await;
    assert!(outcomes[..2].iter().all(is_applied), "edits need no room: {outcomes:#?}");
    assert_eq!(outcomes[3], full);

    let swap = vec![delete(a), create(c, "c"), restore(a)];
    let outcomes = h.decide(user, request(swap), T0).await;
    assert!(outcomes[..2].iter().all(is_applied), "a deletion makes room: {outcomes:#?}");
    assert_eq!(outcomes[2], full, "a restoration needs room");
    assert!(h.todo(user, a).await.expect("a tombstone is stored").deleted());
    h.assert_live(user, 2).await;
    let other = h.user().await;
    let outcomes = h.decide(other, request(vec![create(a, "a")]), T0).await;
    assert!(is_applied(&outcomes[0]), "each user has a separate quota: {outcomes:#?}");
}

/// Concurrent creations never exceed the quota.
pub async fn concurrent_creations_stay_within_the_quota(h: Harness) {
    let user = h.user().await;
    let h = Arc::new(h);
    let outcomes = all((0..30).map(|_| {
        let h = Arc::clone(&h);
        async move {
            let request = Batch { limits: at_most(10), ..batch([create(todo_id(), "milk")]) };
            h.decide(user, request, T0).await.remove(0)
        }
    }))
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| is_applied(outcome)).count(), 10, "{outcomes:#?}");
    assert_eq!(h.everything(user).await.len(), 10);
    h.apply(user, [complete(todo_id(), true)]).await;
    h.assert_live(user, 10).await;
}

fn is_applied(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Applied { .. })
}
