//! Pages, cursors and replays.

use super::*;

#[tokio::test]
async fn a_replay_continues_only_from_the_horizon_to_the_clock() {
    let found = || all(vec![todo(1, 2, 30)]);
    let refused = || Replay::StaleCursor(position(50));
    let cases = [
        (10, Some(found()), Replay::Changes(found())),
        (50, Some(found()), Replay::Changes(found())),
        (9, Some(found()), refused()),
        (51, Some(found()), refused()),
        (20, None, Replay::NoSuchUser),
    ];
    for (since, read, expected) in cases {
        let mut store = MockTodoStore::new();
        store
            .expect_changes()
            .once()
            .withf(move |user, from, deleted, limit| {
                (*user, *from, *deleted, *limit) == (USER, Some(at(since)), true, 7)
            })
            .return_once(|_, _, _, _| Ok(read));
        let replay = service(store).replay(USER, at(since), 7).await.expect("the store answers");
        assert_eq!(replay, expected, "{since}");
    }
}

#[tokio::test]
async fn the_timestamp_is_the_clock_on_the_last_page_and_else_the_last_stamp() {
    let answer = exchange(&[], vec![], all(vec![todo(1, 1, 30)])).await;
    assert_eq!(
        (answer.sync_timestamp, answer.has_more, answer.epoch, answer.digest),
        (at(50).into(), false, Epoch("now".into()), Some(DIGEST))
    );

    let some =
        Changes { todos: vec![todo(1, 1, 30), todo(2, 1, 31)], has_more: true, position: position(50) };
    let answer = exchange(&[], vec![], some).await;
    assert_eq!((answer.sync_timestamp, answer.has_more, answer.digest), (at(31).into(), true, None));
}

#[tokio::test]
async fn a_todo_that_is_left_out_takes_no_place_on_the_page() {
    let mine: Vec<_> = (1..=4).map(|n| todo(n, 1, 30 + i64::try_from(n).expect("small"))).collect();
    let outcomes: Vec<_> = mine.iter().map(|todo| applied(todo.clone(), true)).collect();
    let others = [todo(5, 1, 40), todo(6, 1, 41), todo(7, 1, 42), todo(8, 1, 43)];
    for (given, has_more, cursor) in [(0, false, 50), (3, false, 50), (4, true, 42)] {
        let found = mine.iter().chain(&others[..given]).cloned().collect();
        let answer = exchange(&[1, 2, 3, 4], outcomes.clone(), all(found)).await;
        assert_eq!((answer.server_changes.len(), answer.has_more), (given.min(3), has_more));
        assert_eq!(answer.sync_timestamp, at(cursor).into(), "the stamp of the last todo, or the clock");
    }
}

#[tokio::test]
async fn a_page_that_ends_before_the_horizon_is_marked_as_an_initial_sync() {
    let far = |horizon| Position { horizon: at(horizon), ..position(50) };
    for (horizon, marked) in [(31, false), (32, true)] {
        let mut store = MockTodoStore::new();
        let todos = vec![todo(1, 1, 30), todo(2, 1, 31)];
        let changes = Changes { todos, has_more: true, position: far(horizon) };
        store.expect_changes().once().return_once(|_, _, _, _| Ok(Some(changes)));
        let beginning = SyncRequest { cursor: Cursor::default(), ..request(&[]) };
        let outcome = service(store).sync(USER, beginning).await.expect("the store answers");
        let SyncOutcome::Done(answer) = outcome else { panic!("{outcome:?}") };
        let SyncTimestamp { at: stamp, initial_sync } = answer.sync_timestamp;
        assert_eq!((stamp, initial_sync.is_some()), (at(31), marked));
        let next = Cursor { since: Some(answer.sync_timestamp), epoch: Some(answer.epoch) };
        assert_eq!(next.check(&far(horizon)), Ok(()));
    }
}

#[tokio::test]
async fn a_cursor_that_is_stale_at_the_write_reads_nothing() {
    let mut store = MockTodoStore::new();
    store.expect_commit().once().return_once(|_, _, _| Ok(Commit::StaleCursor(stale())));
    let outcome = service(store).sync(USER, request(&[1])).await.expect("the store answers");
    assert_eq!(outcome, SyncOutcome::StaleCursor(stale()));
}

#[tokio::test]
async fn a_cursor_that_goes_stale_between_write_and_read_is_reported_by_the_next_exchange() {
    let gone = Position { horizon: at(25), ..position(50) };
    let mut store = MockTodoStore::new();
    store
        .expect_commit()
        .once()
        .return_once(|_, _, _| Ok(Commit::Done(vec![applied(todo(1, 2, 40), true)].into())));
    let changes = Changes { todos: vec![], has_more: false, position: gone };
    store.expect_changes().once().return_once(|_, _, _, _| Ok(Some(changes)));
    let outcome = service(store).sync(USER, request(&[1])).await.expect("the store answers");
    let SyncOutcome::Done(answer) = outcome else { panic!("the device gets the outcomes: {outcome:?}") };
    assert_eq!((answer.outcomes.len(), answer.server_changes.len()), (1, 0));
    assert_eq!(
        (answer.sync_timestamp, answer.has_more),
        (at(20).into(), true),
        "the device continues from its old cursor"
    );
}

#[tokio::test]
async fn a_stale_cursor_is_reported_to_a_device_that_sends_nothing() {
    let mut store = MockTodoStore::new();
    let changes = Changes { position: Position { horizon: at(25), ..position(50) }, ..all(vec![]) };
    store.expect_changes().once().return_once(|_, _, _, _| Ok(Some(changes)));
    let outcome = service(store).sync(USER, request(&[])).await.expect("the store answers");
    let SyncOutcome::StaleCursor(stale) = outcome else { panic!("{outcome:?}") };
    assert_eq!((stale.reason, stale.horizon), (StaleReason::Forgotten, at(25)));
}

#[tokio::test]
async fn a_cursor_ahead_of_the_clock_begins_an_epoch_even_if_the_device_sends_nothing() {
    let ahead = || Changes { position: position(19), ..all(vec![]) };
    let nothing = Batch {
        changes: vec![],
        strategy: Strategy::Merge,
        cursor: Some(Cursor::at(Some(at(20)))),
        limits: LIMITS,
    };
    // The other device of a race wrote more in between: the cursor is not ahead any more.
    for (committed, read_again, expected) in [
        (Commit::StaleCursor(stale()), None, SyncOutcome::StaleCursor(stale())),
        (Commit::NoSuchUser, None, SyncOutcome::NoSuchUser),
        (Commit::Done(vec![].into()), Some(None), SyncOutcome::NoSuchUser),
    ] {
        let mut store = MockTodoStore::new();
        let mut order = Sequence::new();
        let expect_read = |store: &mut MockTodoStore, order: &mut Sequence, found| {
            store.expect_changes().once().in_sequence(order).return_once(|_, _, _, _| Ok(found));
        };
        expect_read(&mut store, &mut order, Some(ahead()));
        let nothing = nothing.clone();
        store
            .expect_commit()
            .once()
            .in_sequence(&mut order)
            .withf(move |user, batch, _| (*user, batch) == (USER, &nothing))
            .return_once(|_, _, _| Ok(committed));
        if let Some(found) = read_again {
            expect_read(&mut store, &mut order, found);
        }
        let outcome = service(store).sync(USER, request(&[])).await.expect("the store answers");
        assert_eq!(outcome, expected);
    }
}

#[tokio::test]
async fn tombstones_are_left_out_only_from_the_beginning_and_unless_asked_for() {
    for (since, include_deleted, expected) in
        [(None, false, false), (None, true, true), (Some(at(20)), false, true), (Some(at(20)), true, true)]
    {
        let mut store = MockTodoStore::new();
        store
            .expect_changes()
            .once()
            .withf(move |_, from, included, _| (*from, *included) == (since, expected))
            .return_once(|_, _, _, _| Ok(None));
        let request = SyncRequest { cursor: Cursor::at(since), include_deleted, ..request(&[]) };
        service(store).sync(USER, request).await.expect("the store answers");
    }
}
