//! The events that a store publishes.

use std::sync::Arc;

use domain::todo::{Base, Batch, Edit, EventKind, Outcome, Strategy, TodoEvent, Upsert};

use domain::UserId;

use crate::build::{
    T0, batch, complete, create, delete, restore, retitle, title, todo_id, toggle, upsert, uuid,
};
use crate::{Harness, all};

/// Each accepted change is published once, in order, with its kind and the todo after it. Nothing
/// else is published.
pub async fn each_accepted_change_is_published_once(h: Harness) {
    let user = h.user().await;
    let [a, b] = [todo_id(), todo_id()];
    let changes = [
        create(a, "a"),
        create(a, "a"),
        create(a, "other"),
        complete(a, true),
        complete(a, true),
        retitle(a, Base::Version(9), "stale"),
        create(b, "b"),
        delete(a),
        delete(a),
        retitle(a, Base::Current, "of a tombstone"),
        restore(a),
        restore(a),
        toggle(b),
        toggle(todo_id()),
        delete(todo_id()),
    ];
    let mut accepted = Vec::new();
    // First in batches of one, then in one batch with other ids.
    for change in changes {
        accepted.extend(h.apply(user, [change]).await.into_iter().filter_map(event));
    }
    let [one, two] = [todo_id(), todo_id()];
    let changes = [
        create(one, "c"),
        create(two, "d"),
        delete(one),
        toggle(one),
        restore(one),
        retitle(two, Base::Version(1), "D"),
    ];
    accepted.extend(h.apply(user, changes).await.into_iter().filter_map(event));
    let (created, updated, deleted, restored) =
        (EventKind::Created, EventKind::Updated, EventKind::Deleted, EventKind::Restored);
    let kinds: Vec<_> = accepted.iter().map(|event| event.kind).collect();
    let one_by_one = [created, updated, created, deleted, restored, updated];
    let in_one = [created, created, deleted, restored, updated];
    assert_eq!(kinds, [&one_by_one[..], &in_one[..]].concat());
    assert_eq!(h.bus.wait_for(user, accepted.len()).await, accepted);

    let marker = h.applied(user, create(todo_id(), "marker")).await;
    let published = h.bus.wait_until(user, marker.updated_at()).await;
    assert_eq!(published.len(), accepted.len() + 1, "each event is published once");
}

fn event(outcome: Outcome) -> Option<TodoEvent> {
    match outcome {
        Outcome::Applied { todo, event, .. } => Some(TodoEvent { kind: event, todo }),
        _ => None,
    }
}

/// An edit that restores a todo is published as a restoration.
pub async fn a_restoring_edit_is_published_as_restored(h: Harness) {
    let user = h.user().await;
    let id = todo_id();
    h.apply(user, [create(id, "milk"), delete(id)]).await;
    let late =
        Upsert { edit: Edit { title: Some(title("oat milk")), ..Edit::default() }, ..Upsert::default() };
    let request = Batch { strategy: Strategy::Merge, ..batch([upsert(id, Base::Version(1), late)]) };
    h.decide(user, request, T0).await;
    let last = h.bus.wait_for(user, 3).await.remove(2);
    assert_eq!((last.kind, last.todo.deleted()), (EventKind::Restored, false));
    assert_eq!(Some(&*last.todo), h.todo(user, id).await.as_ref());
}

/// While many users write, the events of each are complete and in stamp order.
pub async fn the_events_of_each_user_are_in_order(h: Harness) {
    let mut users = Vec::new();
    for _ in 0..6 {
        users.push(h.user().await);
    }
    let h = Arc::new(h);
    all(users.iter().copied().flat_map(|user| [user; 4]).map(|user| {
        let h = Arc::clone(&h);
        async move {
            for _ in 0..6 {
                let id = todo_id();
                h.apply(user, [create(id, "milk"), toggle(id)]).await;
            }
        }
    }))
    .await;
    for user in users {
        let events = h.bus.wait_for(user, 4 * 6 * 2).await;
        assert_eq!(events.len(), 48, "each once");
        let stamps: Vec<_> = events.iter().map(|event| event.todo.updated_at()).collect();
        assert!(stamps.is_sorted_by(|a, b| a < b), "in stamp order: {stamps:?}");
        let last: Vec<_> = events.into_iter().filter(|event| event.kind == EventKind::Updated).collect();
        assert!(last.into_iter().map(|event| Arc::unwrap_or_clone(event.todo)).eq(h.everything(user).await));
    }
}

/// Each batch names the user's clock before it, even if it shares a transaction with others of the
/// same user.
pub async fn the_batches_of_a_user_follow_on_one_another(h: Harness) {
    let (user, id) = (h.user().await, todo_id());
    let start = h.clock(user).await;
    let h = Arc::new(h);
    all((0..24).map(|n| {
        let h = Arc::clone(&h);
        // Some batches change nothing, and then advance no clock.
        let changes = if n % 4 == 0 {
            vec![create(id, "one")]
        } else {
            vec![create(todo_id(), "a"), toggle(todo_id())]
        };
        async move { h.apply(user, changes).await }
    }))
    .await;
    h.bus.wait_until(user, h.clock(user).await).await;
    let mut clock = start;
    for batch in h.bus.batches(user) {
        assert_eq!(batch.previous, clock, "it follows on the batch before it");
        clock = batch.events.last().expect("a batch that changed nothing is not published").todo.updated_at();
    }
    assert_eq!(clock, h.clock(user).await, "nothing is missing");
}

/// The clocks of several users are read together. A user who does not exist has none.
pub async fn the_clocks_of_several_users_are_read_together(h: Harness) {
    let (a, b, stranger) = (h.user().await, h.user().await, UserId(uuid()));
    h.apply(a, [create(todo_id(), "milk")]).await;
    let mut clocks = h.todos.clocks(&[a, stranger, b]).await.expect("read");
    clocks.sort_unstable();
    let mut expected = [(a, h.clock(a).await), (b, h.clock(b).await)];
    expected.sort_unstable();
    assert_eq!(clocks, expected);
    assert_eq!(h.todos.clocks(&[]).await.expect("read"), []);
}

/// A listener finds each published change in the store: nothing is published before it is
/// committed.
pub async fn a_published_todo_can_be_read(h: Harness) {
    let user = h.user().await;
    let h = Arc::new(h);
    let reader = tokio::spawn({
        let h = Arc::clone(&h);
        async move {
            for heard in 1..=40 {
                let event = h.bus.wait_for(user, heard).await.remove(heard - 1);
                let stored = h.todo(user, event.todo.id()).await.expect("what was published is stored");
                assert!(stored.version() >= event.todo.version(), "{stored:?} is older than {event:?}");
            }
        }
    });
    for _ in 0..20 {
        let id = todo_id();
        h.apply(user, [create(id, "milk")]).await;
        h.apply(user, [toggle(id)]).await;
    }
    reader.await.expect("the reader finds everything");
}
