//! The sweep of old tombstones, and the horizon that it moves.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use domain::Stamp;
use domain::sync::Cursor;
use domain::todo::{Batch, Commit, Outcome, Todo};

use crate::build::{at, batch, create, delete, restore, todo_id};
use crate::{Harness, all};

const ANSWERS: &str = "the store answers";

async fn sweep_tombstones(h: &Harness, before: Stamp, limit: u32) -> u64 {
    h.todos.sweep_tombstones(before, limit).await.expect(ANSWERS)
}

/// Old tombstones are removed in batches. Each user's horizon moves to the newest stamp among that
/// user's removed tombstones, and earlier cursors are stale.
pub async fn old_tombstones_are_swept_and_move_the_horizon(h: Harness) {
    let [ann, bob, carol] = [h.user().await, h.user().await, h.user().await];
    for user in [ann, bob] {
        let ids: Vec<_> = (0..5).map(|_| todo_id()).collect();
        h.apply(user, ids.iter().map(|id| create(*id, "milk"))).await;
        for (seconds, id) in (10..).zip(&ids[..4]) {
            h.applied_at(user, delete(*id), at(seconds)).await;
        }
    }
    let of_carol = h.applied_at(carol, create(todo_id(), "live"), at(1)).await;
    let horizon = async |user| h.changes(user, None, 1).await.position.horizon;
    assert_eq!(sweep_tombstones(&h, at(10), 100).await, 0, "no tombstone is older than that");
    assert_eq!(horizon(ann).await, Stamp::EPOCH);

    // Three tombstones of each user are older than this.
    let before = at(13);
    let mut gone = 0;
    loop {
        let was = [h.everything(ann).await, h.everything(bob).await];
        let went = sweep_tombstones(&h, before, 4).await;
        assert!(went <= 4, "at most as many as the limit: {went}");
        gone += went;
        for (user, was) in [ann, bob].into_iter().zip(was) {
            let is: HashSet<_> = h.everything(user).await.iter().map(Todo::id).collect();
            let removed = was.iter().filter(|todo| !is.contains(&todo.id()));
            if let Some(newest) = removed.map(Todo::updated_at).max() {
                assert_eq!(horizon(user).await, newest);
            }
        }
        if went == 0 || gone > 6 {
            break;
        }
    }
    assert_eq!(gone, 6);
    for user in [ann, bob] {
        let left = h.everything(user).await;
        assert_eq!(left.iter().map(Todo::deleted).collect::<Vec<_>>(), [false, true], "{left:#?}");
        assert_eq!(left[1].updated_at(), at(13));
        h.assert_live(user, 1).await;
        assert_eq!(horizon(user).await, at(12));
        assert_eq!(h.clock(user).await, at(13), "the clock does not change");
        for (since, continues) in
            [(at(12), true), (at(13), true), (at(12).minus(Duration::from_micros(1)), false)]
        {
            let request = Batch { cursor: Some(Cursor::at(Some(since))), ..batch([]) };
            let stale = matches!(h.commit(user, request, at(20)).await, Commit::StaleCursor(_));
            assert_eq!(!stale, continues, "{since:?}");
        }
    }
    assert_eq!(h.everything(carol).await, [of_carol]);
    assert_eq!(horizon(carol).await, Stamp::EPOCH, "no tombstone of Carol was removed");
}

/// After its tombstone is removed, an id can be used again, and its number is not reused.
pub async fn a_swept_id_can_be_reused_and_its_number_can_not(h: Harness) {
    let user = h.user().await;
    let id = todo_id();
    h.apply(user, [create(id, "milk"), delete(id)]).await;
    let old = h.todo(user, id).await.expect("the tombstone");
    assert_eq!(sweep_tombstones(&h, at(1), 10).await, 1);
    assert_eq!(h.todo(user, id).await, None);
    assert_eq!(h.apply(user, [restore(id)]).await, [Outcome::NotFound]);
    let new = h.applied(user, create(id, "bread")).await;
    assert_eq!(new.version(), 1);
    assert_ne!(new.number(), old.number());
    assert!(new.updated_at() > old.updated_at());
}

/// A tombstone that is restored during a sweep is live afterwards, or gone.
pub async fn a_restoration_during_a_sweep_succeeds_or_finds_nothing(h: Harness) {
    let user = h.user().await;
    let ids: Vec<_> = (0..40).map(|_| todo_id()).collect();
    h.apply(user, ids.iter().map(|id| create(*id, "milk"))).await;
    h.apply(user, ids.iter().map(|id| delete(*id))).await;
    let h = Arc::new(h);
    let outcomes = all(ids.iter().enumerate().map(|(place, id)| {
        let (h, id) = (Arc::clone(&h), *id);
        async move {
            if place % 2 == 0 {
                sweep_tombstones(&h, at(1), 1).await;
            }
            h.apply(user, [restore(id)]).await.remove(0)
        }
    }))
    .await;
    let mut live = 0;
    for (id, outcome) in ids.iter().zip(outcomes) {
        let stored = h.todo(user, *id).await;
        match outcome {
            Outcome::Applied { todo, .. } => {
                live += 1;
                assert_eq!(stored.as_ref(), Some(&*todo));
            }
            Outcome::NotFound => assert_eq!(stored, None),
            other => panic!("it is restored or gone, not {other:?}"),
        }
    }
    h.assert_live(user, live).await;
}
