//! Restores, announced or not: where histories part, and what a device is told.

use std::sync::Arc;

use domain::sync::{Cursor, Epoch, StaleCursor, StaleReason, SyncOutcome, SyncRequest, SyncService};
use domain::todo::{Base, Batch, Change, Commit, Strategy};
use domain::{Stamp, UserId};

use crate::build::{T0, at, at_most, batch, create, retitle, todo_id};
use crate::{Harness, ManualClock, all};

fn cursor(since: Stamp, epoch: &Epoch) -> Cursor {
    Cursor { epoch: Some(epoch.clone()), ..Cursor::at(Some(since)) }
}

/// Commits on a cursor, and returns why the cursor can't be continued.
async fn refusal(h: &Harness, user: UserId, cursor: Cursor, changes: Vec<Change>) -> Option<StaleCursor> {
    let request = Batch { cursor: Some(cursor), ..batch(changes) };
    match h.commit(user, request, at(100)).await {
        Commit::Done(_) => None,
        Commit::StaleCursor(stale) => Some(stale),
        Commit::NoSuchUser => panic!("the user exists"),
    }
}

fn restored_to(stale: Option<&StaleCursor>) -> Option<Option<Stamp>> {
    match stale?.reason {
        StaleReason::Restored { restored_to } => Some(restored_to),
        StaleReason::Forgotten => None,
    }
}

/// A cursor ahead of the clock begins an epoch of that user alone, in a commit of its own. The
/// device learns the epoch and where the histories part, and another device of the lost history
/// learns the same later.
pub async fn a_cursor_ahead_of_the_clock_begins_an_epoch_of_the_user(h: Harness) {
    let [ann, bob] = [h.user().await, h.user().await];
    let todo = h.applied_at(ann, create(todo_id(), "milk"), at(1)).await;
    let first = h.position(ann).await.epoch();
    let changes = vec![create(todo_id(), "bread"), retitle(todo.id(), Base::Current, "eggs")];
    let stale = refusal(&h, ann, cursor(at(1).next(), &first), changes).await.expect("it is ahead");
    assert_eq!(restored_to(Some(&stale)), Some(Some(at(1))));
    assert_eq!(stale.epoch.as_str(), format!("{first}.1"));
    assert_eq!(h.everything(ann).await, [todo], "no todo is written");
    for position in [h.position(ann).await, h.changes(ann, None, 1).await.position] {
        assert_eq!((position.epoch(), position.clock), (stale.epoch.clone(), at(1)));
    }
    assert_eq!(h.position(bob).await.epoch(), first, "other users keep their history");

    assert_eq!(refusal(&h, ann, cursor(at(1), &stale.epoch), vec![]).await, None);
    h.applied_at(ann, create(todo_id(), "bread"), at(50)).await;
    let of_another = refusal(&h, ann, cursor(at(40), &first), vec![]).await;
    assert_eq!(restored_to(of_another.as_ref()), Some(Some(at(1))));
    assert_eq!(of_another.expect("it parted").epoch, stale.epoch, "no further epoch begins");
    assert_eq!(refusal(&h, ann, cursor(at(1), &first), vec![]).await, None, "it lost nothing");
}

/// Devices of a lost history that come at the same time begin one epoch.
pub async fn concurrent_cursors_ahead_of_the_clock_begin_one_epoch(h: Harness) {
    let user = h.user().await;
    h.applied_at(user, create(todo_id(), "milk"), at(1)).await;
    let first = h.position(user).await.epoch();
    let devices = (2..22).map(|seconds| {
        let (h, cursor) = (h.clone(), cursor(at(seconds), &first));
        async move { refusal(&h, user, cursor, vec![]).await }
    });
    for stale in all(devices).await {
        assert_eq!(restored_to(stale.as_ref()), Some(Some(at(1))));
        assert_eq!(stale.expect("it is ahead").epoch.as_str(), format!("{first}.1"));
    }
    assert_eq!(h.position(user).await.epoch().as_str(), format!("{first}.1"));
}

/// The epoch begins even if the device sends nothing.
pub async fn an_exchange_without_changes_notices_a_restore(h: Harness) {
    let user = h.user().await;
    h.applied_at(user, create(todo_id(), "milk"), at(1)).await;
    let first = h.position(user).await.epoch();
    let sync = async |service: &SyncService, cursor| {
        let (strategy, changes) = (Strategy::Merge, Vec::new());
        let request = SyncRequest { cursor, strategy, changes, limit: 10, include_deleted: false };
        service.sync(user, request).await.expect("an answer")
    };
    let service = SyncService::new(h.todos.clone(), Arc::new(ManualClock::at(at(20))), at_most(100));
    let outcome = sync(&service, cursor(at(2), &first)).await;
    let SyncOutcome::StaleCursor(stale) = outcome else { panic!("{outcome:?}") };
    assert_eq!(restored_to(Some(&stale)), Some(Some(at(1))));
    assert_eq!(h.position(user).await.epoch(), stale.epoch);
    let outcome = sync(&service, cursor(at(1), &stale.epoch)).await;
    let SyncOutcome::Done(answer) = outcome else { panic!("{outcome:?}") };
    assert_eq!((answer.epoch, answer.sync_timestamp), (stale.epoch, at(1).into()));
}

/// A new epoch costs a device nothing that is up to date. What devices acknowledged after the clock
/// at the user's first commit in the epoch is lost, and they are told so.
pub async fn an_announced_epoch_refuses_only_what_was_lost(h: Harness) {
    let [ann, bob] = [h.user().await, h.user().await];
    h.applied_at(ann, create(todo_id(), "milk"), at(10)).await;
    h.applied_at(bob, create(todo_id(), "milk"), at(20)).await;
    let first = h.position(ann).await.epoch();
    h.operator.begin_epoch().await;
    let second = h.position(ann).await.epoch();
    assert_ne!(second, first);
    for position in [h.changes(ann, None, 1).await.position, h.position(bob).await] {
        assert_eq!(position.epoch(), second, "every read reports the new epoch");
    }

    let check = async |parted: [Stamp; 2]| {
        for (user, parted) in [ann, bob].into_iter().zip(parted) {
            assert_eq!(refusal(&h, user, cursor(parted, &first), vec![]).await, None);
            let beyond = refusal(&h, user, cursor(parted.next(), &first), vec![]).await;
            assert_eq!(restored_to(beyond.as_ref()), Some(Some(parted)));
            assert_eq!(beyond.expect("it parted").epoch, second);
        }
    };
    check([at(10), at(20)]).await;
    h.applied_at(ann, create(todo_id(), "bread"), at(30)).await;
    h.applied_at(bob, create(todo_id(), "bread"), at(15)).await;
    check([at(10), at(20)]).await;
    assert_eq!(refusal(&h, ann, cursor(at(30), &second), vec![]).await, None);

    // Nothing is committed in the third epoch.
    h.operator.begin_epoch().await;
    h.operator.begin_epoch().await;
    let fourth = h.position(ann).await.epoch();
    h.applied_at(ann, create(todo_id(), "eggs"), at(40)).await;
    for (since, epoch, expected) in [
        (at(10), &first, None),
        (at(11), &first, Some(Some(at(10)))),
        (at(30), &second, None),
        (at(31), &second, Some(Some(at(30)))),
        (at(40), &fourth, None),
    ] {
        let stale = refusal(&h, ann, cursor(since, epoch), vec![]).await;
        assert_eq!(restored_to(stale.as_ref()), expected, "{since} {epoch}");
    }
}

/// A commit that changes nothing, and one on a stale cursor, leave the history as it is.
pub async fn only_a_change_enters_a_new_epoch(h: Harness) {
    let user = h.user().await;
    h.applied_at(user, create(todo_id(), "milk"), at(1)).await;
    let first = h.position(user).await;
    h.operator.begin_epoch().await;
    h.commit(user, batch([]), at(2)).await;
    h.apply(user, [retitle(todo_id(), Base::Current, "unknown")]).await;
    refusal(&h, user, cursor(at(9), &first.epoch()), vec![create(todo_id(), "bread")]).await;
    let position = h.position(user).await;
    assert_eq!(position.history, first.history);
    assert_ne!(position.epoch(), first.epoch());
}

/// Nothing is known about an epoch that is not in the list: the device has to compare everything.
pub async fn an_unknown_epoch_is_never_continued(h: Harness) {
    let user = h.user().await;
    h.applied_at(user, create(todo_id(), "milk"), at(1)).await;
    let current = h.position(user).await.epoch();
    for unknown in ["", "another", &format!("{current}.1"), &format!("{current}.x")] {
        let stale = refusal(&h, user, cursor(T0, &Epoch(unknown.to_owned())), vec![]).await;
        assert_eq!(restored_to(stale.as_ref()), Some(None), "{unknown:?}");
        assert_eq!(stale.expect("it is unknown").epoch, current);
    }
    assert_eq!(h.position(user).await.epoch(), current, "it begins no epoch");
}

/// A user who registers in a later epoch has no earlier history.
pub async fn a_user_begins_in_the_epoch_of_the_registration(h: Harness) {
    h.operator.begin_epoch().await;
    let user = h.user().await;
    let registered = h.position(user).await;
    h.applied_at(user, create(todo_id(), "milk"), at(1)).await;
    let position = h.position(user).await;
    assert_eq!((&position.history, position.epoch()), (&registered.history, registered.epoch()));
    assert_eq!(position.history.stored_partings(), None);
}
