//! Tombstones beyond their limit, and those whose texts are no longer needed.

use std::collections::BTreeMap;

use domain::todo::{
    Action, Base, Batch, Change, Commit, Edit, NewTodo, Outcome, StorageLimits, Todo, Upsert,
};
use domain::{Stamp, TodoId, UserId};

use crate::build::{
    T0, at, at_most, batch, content, create, create_as, delete, description, restore, title, todo_id, upsert,
};
use crate::{Harness, all};

const ANSWERS: &str = "the store answers";

/// Limits that keep `tombstones` and remove `sweep` beyond that.
fn keeping(tombstones: u32, sweep: u32) -> StorageLimits {
    StorageLimits { tombstones, sweep, ..at_most(100_000) }
}

fn within(limits: StorageLimits, changes: impl IntoIterator<Item = Change>) -> Batch {
    Batch { limits, ..batch(changes) }
}

/// Creates and deletes `count` todos, the oldest tombstone first.
async fn tombstones(h: &Harness, user: UserId, count: usize) -> Vec<Todo> {
    let ids: Vec<_> = (0..count).map(|_| todo_id()).collect();
    h.apply(user, ids.iter().map(|id| create(*id, "milk"))).await;
    h.apply(user, ids.iter().map(|id| delete(*id))).await;
    let mut found = h.everything(user).await;
    found.retain(|todo| ids.contains(&todo.id()));
    found
}

async fn ids(h: &Harness, user: UserId) -> Vec<TodoId> {
    h.everything(user).await.iter().map(Todo::id).collect()
}

/// The commit that adds one tombstone too many removes the oldest, and moves the horizon.
pub async fn a_commit_beyond_the_limit_removes_the_oldest_tombstones(h: Harness) {
    let [user, other] = [h.user().await, h.user().await];
    let of_other = tombstones(&h, other, 5).await;
    let old = tombstones(&h, user, 10).await;
    let live = h.applied(user, create(todo_id(), "live")).await;
    let last = h.applied(user, create(todo_id(), "last")).await;
    let limits = keeping(10, 4);

    h.decide(user, within(limits, [restore(old[5].id()), delete(old[5].id())]), T0).await;
    assert_eq!(h.everything(user).await.len(), 12, "the limit is not exceeded");
    assert_eq!(h.position(user).await.horizon, Stamp::EPOCH);

    h.decide(user, within(limits, [delete(last.id())]), T0).await;
    let kept = [4, 6, 7, 8, 9].map(|n| old[n].id());
    let later = [live.id(), old[5].id(), last.id()];
    assert_eq!(ids(&h, user).await, [&kept[..], &later].concat());
    assert_eq!(h.position(user).await.horizon, old[3].updated_at());
    assert_eq!(h.todo(user, old[0].id()).await, None);
    assert_eq!(h.everything(other).await, of_other, "other users keep theirs");
    let clock = h.clock(user).await;
    let events = h.bus.wait_until(user, clock).await;
    assert_eq!(events.last().map(|event| event.todo.id()), Some(last.id()), "a removal is no event");
}

/// An old tombstone that the same batch restores or creates anew is not removed, and one that it
/// names without an effect is.
pub async fn a_tombstone_that_the_batch_changes_is_not_removed(h: Harness) {
    let user = h.user().await;
    let old = tombstones(&h, user, 4).await;
    let live: Vec<_> = (0..3).map(|_| todo_id()).collect();
    h.apply(user, live.iter().map(|id| create(*id, "milk"))).await;
    let changes =
        [restore(old[0].id()), delete(old[1].id())].into_iter().chain(live.iter().map(|id| delete(*id)));
    let outcomes = h.decide(user, within(keeping(4, 2), changes), T0).await;
    assert!(outcomes.iter().all(Outcome::succeeded), "{outcomes:#?}");
    let mut expected = vec![old[3].id(), old[0].id()];
    expected.extend(live);
    assert_eq!(ids(&h, user).await, expected);
    assert_eq!(h.position(user).await.horizon, old[2].updated_at());
}

/// After its removal, an id can be used again, even by the next of two concurrent batches.
pub async fn an_id_removed_beyond_the_limit_can_be_used_again(h: Harness) {
    let user = h.user().await;
    let old = tombstones(&h, user, 3).await;
    let extra = h.applied(user, create(todo_id(), "extra")).await;
    let limits = keeping(3, 3);
    let deletion = within(limits, [delete(extra.id())]);
    let again = || within(limits, [create(old[0].id(), "again")]);
    let both = [deletion, again()].map(|batch| {
        let h = h.clone();
        async move { h.commit(user, batch, T0).await }
    });
    all(both).await;
    // The creation may have come first, when the id was still that of a tombstone.
    h.commit(user, again(), T0).await;
    let todo = h.todo(user, old[0].id()).await.expect("it is stored");
    assert_eq!((todo.version(), todo.deleted(), todo.title().as_str()), (1, false, "again"));
    assert_ne!(todo.number(), old[0].number(), "numbers are not reused");
}

/// However often todos are created and deleted, the number of rows stays within the limit.
pub async fn tombstones_stay_within_the_limit(h: Harness) {
    let user = h.user().await;
    let limits = keeping(200, 50);
    for round in 0..40 {
        let ids: Vec<_> = (0..25).map(|_| todo_id()).collect();
        let creations = ids.iter().map(|id| create(*id, "milk"));
        let changes = creations.chain(ids.iter().map(|id| delete(*id)));
        let before = h.clock(user).await;
        h.decide(user, within(limits, changes), at(round)).await;
        assert!(h.everything(user).await.len() <= 200, "round {round}");
        assert!(h.position(user).await.horizon <= before, "nothing of the same commit is removed");
    }
    assert!(h.everything(user).await.len() > 150, "no more is removed than necessary");
}

/// Concurrent commits remove what each of them has to. A store may commit them together, and such a
/// commit keeps the tombstones that it makes; the next one removes what is then too many.
pub async fn concurrent_deletions_stay_within_the_limit(h: Harness) {
    let user = h.user().await;
    tombstones(&h, user, 20).await;
    let live: Vec<_> = (0..60).map(|_| todo_id()).collect();
    h.apply(user, live.iter().map(|id| create(*id, "milk"))).await;
    let commits = live.chunks(3).map(|ids| {
        let (h, request) = (h.clone(), within(keeping(20, 5), ids.iter().map(|id| delete(*id))));
        async move { h.commit(user, request, T0).await }
    });
    for answer in all(commits.collect::<Vec<_>>()).await {
        let Commit::Done(decided) = answer else { panic!("{answer:?}") };
        assert!(decided.outcomes.iter().all(Outcome::succeeded), "{decided:?}");
    }
    let last = todo_id();
    h.apply(user, [create(last, "bread")]).await;
    h.decide(user, within(keeping(20, 5), [delete(last)]), T0).await;
    let left = h.everything(user).await;
    assert!((16..=20).contains(&left.len()), "{}", left.len());
}

/// A device that heals stores tombstones without texts, and they count.
pub async fn a_healed_deletion_is_a_tombstone_that_counts(h: Harness) {
    let user = h.user().await;
    let old = tombstones(&h, user, 2).await;
    let healing =
        |id| upsert(id, Base::Version(0), Upsert { deleted: Some(true), healing: true, ..Upsert::default() });
    let id = todo_id();
    let outcomes = h.decide(user, within(keeping(2, 1), [healing(id)]), T0).await;
    let Outcome::Applied { todo, .. } = &outcomes[0] else { panic!("{outcomes:?}") };
    assert_eq!((todo.version(), todo.is_shrunk(), todo.deleted()), (1, true, true));
    assert_eq!(h.todo(user, id).await.as_ref(), Some(&**todo));
    assert_eq!(ids(&h, user).await, [old[1].id(), id]);
    assert_eq!(h.decide(user, within(keeping(2, 1), [healing(id)]), T0).await.len(), 1);
    assert_eq!(h.todo(user, id).await.map(|todo| todo.version()), Some(1), "a repeat changes nothing");
}

/// A tombstone shrinks after its time. Its texts go; version, stamp and number stay, and no event is
/// published.
pub async fn a_shrunk_tombstone_keeps_version_stamp_and_number(h: Harness) {
    let user = h.user().await;
    let [gone, young, live] = [(); 3].map(|()| todo_id());
    let long = || NewTodo { description: Some(description("two litres")), ..content("milk") };
    h.apply(user, [gone, young, live].map(|id| create_as(id, long()))).await;
    h.applied_at(user, delete(gone), at(10)).await;
    h.applied_at(user, delete(young), at(20)).await;
    let (before, events) = (h.everything(user).await, h.bus.so_far(user).len());
    let position = h.position(user).await;

    assert_eq!(h.todos.shrink_tombstones(at(10), 10).await.expect(ANSWERS), 0);
    assert_eq!(h.todos.shrink_tombstones(at(11), 10).await.expect(ANSWERS), 1);
    assert_eq!(h.todos.shrink_tombstones(at(11), 10).await.expect(ANSWERS), 0, "each shrinks once");
    let todo = h.todo(user, gone).await.expect("the tombstone stays");
    let was = before.iter().find(|todo| todo.id() == gone).expect("it was there");
    assert!(todo.is_shrunk() && !was.is_shrunk());
    assert_eq!((todo.title().as_str(), todo.description(), todo.metadata().len()), ("", None, 0));
    assert_eq!(
        (todo.versions(), todo.updated_at(), todo.number(), todo.deleted_at(), todo.created_at()),
        (was.versions(), was.updated_at(), was.number(), was.deleted_at(), was.created_at()),
    );
    assert_eq!(h.todos.get_by_number(user, was.number()).await.expect(ANSWERS), Some(todo.clone()));
    let after: BTreeMap<_, _> = h.everything(user).await.into_iter().map(|todo| (todo.id(), todo)).collect();
    for other in before.iter().filter(|todo| todo.id() != gone) {
        assert_eq!(after.get(&other.id()), Some(other), "only tombstones old enough shrink");
    }
    assert_eq!(h.position(user).await, position, "digest, clock and horizon stay");
    assert_eq!(h.bus.so_far(user).len(), events);

    assert_eq!(h.apply(user, [restore(gone)]).await, [Outcome::TextGone]);
    let whole = Upsert {
        edit: Edit { title: Some(title("bread")), ..Edit::default() },
        deleted: Some(false),
        ..Upsert::default()
    };
    let restored = h.applied(user, upsert(gone, Base::Version(todo.version()), whole)).await;
    assert_eq!((restored.title().as_str(), restored.version()), ("bread", todo.version() + 1));
    assert_eq!(h.todo(user, gone).await, Some(restored));
}

/// The oldest tombstones shrink first, in batches, and shrunk ones are swept like any other.
pub async fn tombstones_shrink_in_batches_and_are_swept(h: Harness) {
    let users = [h.user().await, h.user().await];
    for user in users {
        for seconds in 0..5 {
            let id = todo_id();
            h.apply(user, [create(id, "milk")]).await;
            h.applied_at(user, delete(id), at(10 + seconds)).await;
        }
    }
    let shrunk = async || {
        let mut counts = [0, 0];
        for (count, user) in counts.iter_mut().zip(users) {
            let all = h.everything(user).await;
            let shrunk = all.iter().take_while(|todo| todo.is_shrunk()).count();
            *count = shrunk;
            assert!(all[shrunk..].iter().all(|todo| !todo.is_shrunk()), "the oldest come first");
        }
        counts
    };
    let mut total = 0;
    loop {
        let count = h.todos.shrink_tombstones(at(13), 4).await.expect(ANSWERS);
        assert!(count <= 4, "{count}");
        if count == 0 {
            break;
        }
        total += count;
    }
    assert_eq!((total, shrunk().await), (6, [3, 3]));
    assert_eq!(h.todos.sweep_tombstones(at(12), 100).await.expect(ANSWERS), 4);
    assert_eq!(shrunk().await, [1, 1]);
    h.apply(users[0], [create(todo_id(), "bread")]).await;
}

/// A restoration concurrent with the shrinking restores the whole todo, or is told that the text is
/// gone.
pub async fn a_restoration_during_a_shrinking_succeeds_or_finds_no_text(h: Harness) {
    for round in 0..10 {
        let user = h.user().await;
        let id = todo_id();
        h.apply(user, [create(id, "milk"), delete(id)]).await;
        let (shrinking, restoring) = (h.clone(), h.clone());
        let (_, outcomes) = tokio::join!(
            async move { shrinking.todos.shrink_tombstones(at(1), 1000).await.expect(ANSWERS) },
            async move { restoring.apply(user, [restore(id)]).await },
        );
        let todo = h.todo(user, id).await.expect("it stays");
        match &outcomes[0] {
            Outcome::Applied { .. } => {
                assert_eq!((todo.deleted(), todo.title().as_str()), (false, "milk"), "round {round}");
            }
            Outcome::TextGone => assert!(todo.is_shrunk(), "round {round}: {todo:?}"),
            other => panic!("round {round}: {other:?}"),
        }
        h.apply(user, [Change::new(todo_id(), Base::Current, Action::Create(content("after")))]).await;
    }
}
