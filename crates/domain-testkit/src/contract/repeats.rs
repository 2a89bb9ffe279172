//! A client can repeat a request whose answer was lost.

use std::sync::Arc;

use domain::todo::{Base, Batch, Edit, NewTodo, Outcome, Strategy, Upsert};

use crate::build::{
    at, batch, complete, content, create, create_as, delete, description, restore, retitle, title, todo_id,
    upsert,
};
use crate::{Harness, all};

/// Repeating a batch succeeds and changes nothing: no version, no stamp, no event.
pub async fn a_batch_sent_again_changes_nothing(h: Harness) {
    let user = h.user().await;
    let [edited, deleted, restored, created, gone] = [(); 5].map(|()| todo_id());
    h.apply(user, [create(edited, "a"), create(deleted, "b"), create(restored, "c"), delete(restored)]).await;
    let upserted = Upsert {
        edit: Edit { title: Some(title("d")), completed: Some(true), ..Edit::default() },
        ..Upsert::default()
    };
    let request = batch([
        retitle(edited, Base::Version(1), "A"),
        delete(deleted),
        restore(restored),
        upsert(created, Base::Unknown, upserted),
        upsert(gone, Base::Unknown, Upsert { deleted: Some(true), ..Upsert::default() }),
    ]);
    let first = h.decide(user, request.clone(), at(1)).await;
    let is_applied = |outcome: &Outcome| matches!(outcome, Outcome::Applied { .. });
    assert!(first[..4].iter().all(is_applied), "{first:#?}");
    let (todos, clock) = (h.everything(user).await, h.clock(user).await);

    for again in 1..=2 {
        let outcomes = h.decide(user, request.clone(), at(9)).await;
        for (outcome, before) in outcomes.iter().zip(&first) {
            let Outcome::Unchanged { todo, .. } = outcome else {
                panic!("repeat {again} finds its effect in place, not {outcome:#?}");
            };
            let expected = if let Outcome::Applied { todo, .. } = before { Some(todo) } else { None };
            assert_eq!(todo.as_ref(), expected, "repeat {again} is answered with the current todo");
        }
        assert_eq!(h.everything(user).await, todos);
        assert_eq!(h.clock(user).await, clock);
    }
    let fence = h.applied(user, create(todo_id(), "fence")).await;
    assert_eq!(h.bus.wait_until(user, fence.updated_at()).await.len(), 4 + 4 + 1, "repeats publish nothing");
}

/// Of many equal creations of one id, one creates the todo and the others find it in place.
pub async fn exactly_one_of_concurrent_equal_creations_creates(h: Harness) {
    let user = h.user().await;
    let h = Arc::new(h);
    for _ in 0..5 {
        let id = todo_id();
        let outcomes = all((0..10).map(|_| {
            let h = Arc::clone(&h);
            async move { h.apply(user, [create(id, "milk")]).await.remove(0) }
        }))
        .await;
        let stored = h.todo(user, id).await;
        let mut created = 0;
        for outcome in &outcomes {
            match outcome {
                Outcome::Applied { todo, .. } => {
                    created += 1;
                    assert_eq!(Some(&**todo), stored.as_ref());
                }
                Outcome::Unchanged { todo, .. } => assert_eq!(todo.as_deref(), stored.as_ref()),
                other => panic!("created or unchanged, not {other:#?}"),
            }
        }
        assert_eq!(created, 1, "{outcomes:#?}");
    }
    h.assert_live(user, 5).await;
}

/// A creation is refused if the id has other content, also as a tombstone.
pub async fn an_id_in_use_is_not_created_again(h: Harness) {
    let user = h.user().await;
    let id = todo_id();
    let todo = h.applied(user, create(id, "milk")).await;
    let others = [
        content("eggs"),
        NewTodo { description: Some(description("")), ..content("milk") },
        NewTodo { completed: true, ..content("milk") },
    ];
    for other in others {
        assert_eq!(h.apply(user, [create_as(id, other)]).await, [Outcome::IdInUse]);
    }
    assert_eq!(h.todo(user, id).await, Some(todo));
    let tombstone = h.applied(user, delete(id)).await;
    assert_eq!(h.apply(user, [create(id, "eggs")]).await, [Outcome::IdInUse]);
    assert_eq!(h.todo(user, id).await, Some(tombstone));
}

/// Each strategy decides a stale change on the stored todo. The rule itself has its own tests in
/// the domain.
pub async fn the_strategy_of_the_batch_decides_stale_changes(h: Harness) {
    let user = h.user().await;
    for (strategy, applies) in [
        (Strategy::Manual, false),
        (Strategy::Merge, true),
        (Strategy::ClientWins, true),
        (Strategy::LastWriteWins, false),
    ] {
        let id = todo_id();
        h.apply(user, [create(id, "milk"), complete(id, true)]).await;
        let stale = Upsert {
            edit: Edit { title: Some(title("oat milk")), ..Edit::default() },
            updated_at: Some(at(0)),
            ..Upsert::default()
        };
        let request = Batch { strategy, ..batch([upsert(id, Base::Version(1), stale)]) };
        let outcome = h.decide(user, request, at(1)).await.remove(0);
        let stored = h.todo(user, id).await.expect("it exists");
        assert_eq!(matches!(outcome, Outcome::Applied { .. }), applies, "{strategy:?}: {outcome:#?}");
        assert_eq!(stored.version(), if applies { 3 } else { 2 }, "{strategy:?}");
        assert!(stored.completed(), "{strategy:?} keeps the field that only the server changed");
    }
}
