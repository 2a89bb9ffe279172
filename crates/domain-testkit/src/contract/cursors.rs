//! Changes after a stamp, and cursors that can't be continued.

use std::sync::Arc;
use std::time::Duration;

use domain::Stamp;
use domain::sync::{Cursor, Epoch, SyncOutcome, SyncRequest, SyncService};
use domain::todo::query::ListQuery;
use domain::todo::{Base, Batch, Commit, NewTodo, PART_BYTES, Strategy, Upsert};

use crate::build::{
    T0, at, at_most, batch, content, create, create_as, delete, description, todo_id, toggle, upsert,
};
use crate::{Harness, ManualClock};

/// Changes come in stamp order, page by page, tombstones included.
pub async fn changes_come_in_pages_without_gap_or_repeat(h: Harness) {
    let user = h.user().await;
    let ids: Vec<_> = (0..10).map(|_| todo_id()).collect();
    h.apply(user, ids.iter().map(|id| create(*id, "milk"))).await;
    h.apply(user, [delete(ids[4]), toggle(ids[0])]).await;
    let everything = h.everything(user).await;
    let order: Vec<_> = everything.iter().map(domain::todo::Todo::id).collect();
    assert_eq!(order[8..], [ids[4], ids[0]], "the latest change comes last");
    assert!(everything[8].deleted(), "tombstones are changes too");

    for limit in [1, 3, 9, 10, 11, u32::MAX] {
        let (mut cursor, mut got) = (None, Vec::new());
        loop {
            let found = h.changes(user, cursor, limit).await;
            assert!(found.todos.len() as u64 <= u64::from(limit));
            assert_eq!(found.has_more, got.len() + found.todos.len() < 10, "limit {limit}, at {}", got.len());
            let to = found.complete_to();
            let expected = if found.has_more {
                found.todos[found.todos.len() - 1].updated_at()
            } else {
                h.clock(user).await
            };
            assert_eq!(to, expected, "limit {limit}");
            got.extend(found.todos);
            cursor = Some(to);
            if !found.has_more {
                break;
            }
        }
        assert_eq!(got, everything, "limit {limit}");
    }
}

/// A page of changes ends with the todo that makes its texts long enough, and says that there are more.
pub async fn a_page_of_changes_ends_with_two_mebibytes_of_text(h: Harness) {
    let user = h.user().await;
    let long = || NewTodo { description: Some(description(&"y".repeat(10_000))), ..content("x") };
    h.apply(user, (0..300).map(|_| create_as(todo_id(), long()))).await;
    let first = h.changes(user, None, 1000).await;
    assert_eq!((first.todos.len(), first.has_more), (PART_BYTES / 10_001 + 1, true));
    let rest = h.changes(user, Some(first.complete_to()), 1000).await;
    assert_eq!((first.todos.len() + rest.todos.len(), rest.has_more), (300, false));
}

/// At the clock there is nothing new, and a cursor truncated to milliseconds only repeats rows.
pub async fn a_cursor_finds_exactly_the_later_changes(h: Harness) {
    let user = h.user().await;
    let first = h.applied_at(user, create(todo_id(), "a"), at(1).plus(Duration::from_micros(1_500))).await;
    let second = h.applied_at(user, create(todo_id(), "b"), at(2)).await;
    let since = async |stamp| h.changes(user, Some(stamp), 10).await;

    let none = since(h.clock(user).await).await;
    assert_eq!((none.todos.len(), none.has_more, none.complete_to()), (0, false, second.updated_at()));
    assert_eq!(since(first.updated_at()).await.todos, std::slice::from_ref(&second));
    let cut = at(1).plus(Duration::from_millis(1));
    assert_eq!(since(cut).await.todos, [first, second]);
}

/// A cursor ahead of the user's clock, behind the horizon, or of an unknown epoch refuses the whole
/// batch.
pub async fn a_stale_cursor_writes_nothing(h: Harness) {
    let user = h.user().await;
    let todo = h.applied_at(user, create(todo_id(), "milk"), at(1)).await;
    let clock = h.clock(user).await;
    let epoch = h.position(user).await.epoch();
    let unknown = Epoch("another".to_owned());
    let before_all = Stamp::EPOCH.minus(Duration::from_micros(1));
    let stale = [
        Cursor::at(Some(before_all)),
        Cursor { epoch: Some(unknown.clone()), ..Cursor::at(Some(clock)) },
        Cursor { epoch: Some(epoch.clone()), ..Cursor::at(Some(clock.next())) },
        Cursor::at(Some(clock.next())),
        Cursor::at(Some(Stamp::MAX)),
    ];
    for cursor in stale {
        for changes in [vec![create(todo_id(), "eggs"), toggle(todo.id())], vec![]] {
            let request = Batch { cursor: Some(cursor.clone()), ..batch(changes) };
            let answer = h.commit(user, request, at(9)).await;
            assert!(matches!(answer, Commit::StaleCursor(_)), "{cursor:?}: {answer:?}");
        }
    }
    assert_eq!(h.everything(user).await, [todo]);
    assert_eq!(h.clock(user).await, clock);
    h.assert_live(user, 1).await;

    let good = [
        Cursor::default(),
        Cursor { epoch: Some(unknown), ..Cursor::default() },
        Cursor::at(Some(Stamp::EPOCH)),
        Cursor::at(Some(clock)),
        Cursor { epoch: Some(epoch.clone()), ..Cursor::at(Some(T0)) },
        Cursor { epoch: Some(epoch), ..Cursor::default() },
    ];
    let count = good.len();
    for cursor in good {
        let request = Batch { cursor: Some(cursor.clone()), ..batch([create(todo_id(), "eggs")]) };
        let answer = h.commit(user, request, at(9)).await;
        assert!(matches!(answer, Commit::Done(_)), "{cursor:?} continues: {answer:?}");
    }
    let published = h.bus.wait_until(user, h.clock(user).await).await;
    assert_eq!(published.len(), 1 + count, "stale batches publish nothing");
}

/// A device that sends from the user's clock, and holds what it sent, has everything.
pub async fn a_device_that_sends_from_the_clock_is_up_to_date(h: Harness) {
    let user = h.user().await;
    let send = async |since, title: &str| {
        let cursor = Some(Cursor::at(Some(since)));
        let request = Batch { cursor, strategy: Strategy::Merge, ..batch([create(todo_id(), title)]) };
        match h.commit(user, request, at(9)).await {
            Commit::Done(decided) => decided.up_to_date,
            other => panic!("{other:?}"),
        }
    };
    let before = h.clock(user).await;
    assert_eq!(send(before, "milk").await, Some(h.position(user).await));
    assert_eq!(send(before, "bread").await, None, "it lacks the milk");
    assert_eq!(send(h.clock(user).await, "eggs").await, Some(h.position(user).await));
}

/// Lists, changes and the clock report the same position.
pub async fn every_read_reports_the_same_position(h: Harness) {
    let [ann, bob] = [h.user().await, h.user().await];
    h.applied_at(ann, create(todo_id(), "milk"), at(1)).await;
    let page = h.list(ann, &ListQuery::default()).await.position;
    assert_eq!((page.clock, page.horizon), (at(1), Stamp::EPOCH));
    assert_eq!(page.digest, h.everything(ann).await[0].digest());
    assert_eq!(h.position(ann).await, page);
    assert_eq!(h.changes(ann, None, 10).await.position, page);
    assert_eq!(h.changes(ann, Some(at(1)), 1).await.position, page);
    let beyond = ListQuery { offset: 100, ..ListQuery::default() };
    assert_eq!(h.list(ann, &beyond).await.position, page);
    let of_bob = h.list(bob, &ListQuery::default()).await.position;
    assert_eq!(of_bob.epoch(), page.epoch(), "the epoch belongs to the database");
    assert!(!page.epoch().as_str().is_empty());
    assert_eq!(of_bob.clock, T0);
}

/// Tombstones are left out only where they are not asked for, and then take no place on a page.
pub async fn tombstones_are_left_out_unless_asked_for(h: Harness) {
    let user = h.user().await;
    let ids: Vec<_> = (0..6).map(|_| todo_id()).collect();
    h.apply(user, ids.iter().map(|id| create(*id, "milk"))).await;
    h.apply(user, [0, 2, 3].map(|n| delete(ids[n]))).await;
    let read = async |since, include_deleted, limit| {
        let found = h.todos.changes(user, since, include_deleted, limit).await;
        let found = found.expect("the store answers").expect("the user exists");
        (found.todos.iter().map(domain::todo::Todo::id).collect::<Vec<_>>(), found.has_more, found.position)
    };
    let (live, has_more, position) = read(None, false, 3).await;
    assert_eq!((live, has_more), (vec![ids[1], ids[4], ids[5]], false));
    assert_eq!(position, h.position(user).await);
    let (live, has_more, _) = read(None, false, 2).await;
    assert_eq!((live, has_more), (vec![ids[1], ids[4]], true));
    let second = h.todo(user, ids[1]).await.expect("it is live").updated_at();
    assert_eq!(read(Some(second), false, 9).await.0, [ids[4], ids[5]]);
    assert_eq!(read(Some(second), true, 9).await.0, [4, 5, 0, 2, 3].map(|n| ids[n]));
    assert_eq!(read(None, true, 2).await.0, [ids[1], ids[4]]);
}

/// A device that starts from the beginning gets everything, page by page, although tombstones newer
/// than most todos were removed.
pub async fn an_initial_sync_passes_the_horizon(h: Harness) {
    let user = h.user().await;
    h.apply(user, (0..5).map(|_| create(todo_id(), "milk"))).await;
    let gone = h.applied(user, create(todo_id(), "bread")).await;
    h.applied_at(user, delete(gone.id()), at(10)).await;
    let swept = h.todos.sweep_tombstones(at(11), 1000).await.expect("the store answers");
    assert!(swept >= 1);
    let service = SyncService::new(h.todos.clone(), Arc::new(ManualClock::at(at(20))), at_most(100));
    let (mut cursor, mut given, mut more) = (Cursor::default(), Vec::new(), true);
    while more {
        // A change without effect, so that the write checks the cursor too.
        let nothing = Upsert { deleted: Some(true), ..Upsert::default() };
        let changes = vec![upsert(todo_id(), Base::Unknown, nothing)];
        let request =
            SyncRequest { cursor, strategy: Strategy::Manual, changes, limit: 2, include_deleted: false };
        let outcome = service.sync(user, request).await.expect("an answer");
        let SyncOutcome::Done(answer) = outcome else { panic!("{outcome:?}") };
        given.extend(answer.server_changes);
        cursor = Cursor { since: Some(answer.sync_timestamp), epoch: Some(answer.epoch) };
        more = answer.has_more;
    }
    assert_eq!(given, h.everything(user).await);
    assert_eq!((given.len(), cursor.since.and_then(|since| since.initial_sync)), (5, None));
}
