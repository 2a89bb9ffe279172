//! A client can repeat a request whose answer was lost.

use std::sync::Arc;

use domain::todo::{Base, Batch, Edit, EventKind, Field, NewTodo, Outcome, Strategy, Upsert};

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
    let marker = h.applied(user, create(todo_id(), "marker")).await;
    assert_eq!(h.bus.wait_until(user, marker.updated_at()).await.len(), 4 + 4 + 1, "repeats publish nothing");
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
        assert_eq!(h.apply(user, [create_as(id, other)]).await, [Outcome::IdInUse(Arc::new(todo.clone()))]);
    }
    assert_eq!(h.todo(user, id).await, Some(todo));
    let tombstone = h.applied(user, delete(id)).await;
    let in_use = Outcome::IdInUse(Arc::new(tombstone.clone()));
    assert_eq!(h.apply(user, [create(id, "eggs")]).await, [in_use]);
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

/// A request that repeats an unanswered one and adds to it conflicts with nothing: a creation and its
/// correction, and several changes of one todo.
pub async fn a_repeated_request_may_add_changes_of_the_same_todos(h: Harness) {
    let user = h.user().await;
    for strategy in Strategy::ALL {
        let [created, edited] = [(); 2].map(|()| todo_id());
        h.apply(user, [create(edited, "milk")]).await;
        let send =
            |id, base, edit| upsert(id, base, Upsert { edit, updated_at: Some(at(0)), ..Upsert::default() });
        let named = |text: &str| Edit { title: Some(title(text)), ..Edit::default() };
        let done = Edit { completed: Some(true), ..Edit::default() };
        let all = [
            send(created, Base::Version(1), named("oil")),
            send(edited, Base::Version(1), named("milk and bread")),
            send(edited, Base::Version(1), done),
            send(created, Base::Version(1), named("olive oil")),
            send(edited, Base::Version(1), named("milk, bread, eggs")),
        ];
        for count in [1, 3, 3, 5, 5] {
            let request = Batch { strategy, ..batch(all[..count].to_vec()) };
            let outcomes = h.decide(user, request, at(1)).await;
            assert!(outcomes.iter().all(Outcome::succeeded), "{strategy:?}: {outcomes:#?}");
        }
        let [oil, milk] = [h.todo(user, created).await, h.todo(user, edited).await];
        let (oil, milk) = (oil.expect("it exists"), milk.expect("it exists"));
        assert_eq!((oil.title().as_str(), oil.version()), ("olive oil", 2), "{strategy:?}");
        assert_eq!((milk.title().as_str(), milk.version()), ("milk, bread, eggs", 4), "{strategy:?}");
        assert!(milk.completed());
    }
}

/// Under `merge`, the fields that only one side changed are stored although another one is in
/// conflict, and the conflict shows the todo as it is stored.
pub async fn a_merge_applies_the_fields_that_are_not_in_conflict(h: Harness) {
    let user = h.user().await;
    let id = todo_id();
    h.apply(user, [create(id, "milk"), retitle(id, Base::Version(1), "oat milk")]).await;
    let (clock, before) = (h.clock(user).await, h.bus.so_far(user).len());
    let edit = Edit { title: Some(title("soy milk")), completed: Some(true), ..Edit::default() };
    let change = upsert(id, Base::Version(1), Upsert { edit, ..Upsert::default() });
    let request = Batch { strategy: Strategy::Merge, ..batch([change]) };
    let outcome = h.decide(user, request.clone(), at(1)).await.remove(0);

    let Outcome::Conflict(conflict) = &outcome else { panic!("{outcome:#?}") };
    assert_eq!(conflict.fields, [Field::Title]);
    let part = conflict.applied.as_ref().expect("a part is applied");
    assert_eq!((&*part.fields, part.event), (&[Field::Completed][..], EventKind::Updated));
    let stored = h.todo(user, id).await.expect("it exists");
    assert_eq!(stored, *conflict.current);
    assert_eq!((stored.title().as_str(), stored.completed(), stored.version()), ("oat milk", true, 3));
    assert_eq!(h.clock(user).await, stored.updated_at());
    assert!(stored.updated_at() > clock);
    assert_eq!(h.changes(user, Some(clock), 10).await.todos, std::slice::from_ref(&stored));
    let events = h.bus.wait_until(user, stored.updated_at()).await;
    assert_eq!(events[before..].iter().map(|event| &*event.todo).collect::<Vec<_>>(), [&stored]);

    // In the repeat, the applied part is in place, and the conflict remains.
    let again = h.decide(user, request, at(2)).await.remove(0);
    let Outcome::Conflict(conflict) = &again else { panic!("{again:#?}") };
    assert_eq!((&*conflict.fields, &conflict.applied), (&[Field::Title][..], &None));
    assert_eq!(h.todo(user, id).await, Some(stored));
}
