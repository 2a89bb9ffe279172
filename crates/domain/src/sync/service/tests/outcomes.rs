//! What a device is told about its changes, and which todos it gets back.

use super::*;

#[tokio::test]
async fn the_changes_of_a_device_are_one_batch_on_its_cursor_under_the_quota() {
    let mut store = MockTodoStore::new();
    let expected = Batch {
        changes: request(&[1, 2]).changes,
        strategy: Strategy::Merge,
        cursor: Some(Cursor::at(Some(at(20)))),
        limits: LIMITS,
    };
    store
        .expect_commit()
        .once()
        .withf(move |user, batch, now| (*user, batch, *now) == (USER, &expected, at(100)))
        .return_once(|_, _, _| Ok(Commit::NoSuchUser));
    let outcome = service(store).sync(USER, request(&[1, 2])).await.expect("the store answers");
    assert_eq!(outcome, SyncOutcome::NoSuchUser);
}

#[tokio::test]
async fn an_exchange_without_changes_only_reads() {
    let answer = exchange(&[], vec![], all(vec![todo(1, 2, 30)])).await;
    assert_eq!((answer.outcomes, ids(&answer.server_changes)), (vec![], vec![id(1)]));
}

#[tokio::test]
async fn a_todo_that_equals_what_the_device_sent_is_not_sent_back() {
    let mine = todo(1, 2, 40);
    let answer = exchange(&[1], vec![applied(mine.clone(), true)], all(vec![todo(2, 1, 30), mine])).await;
    assert_eq!(ids(&answer.server_changes), [id(2)]);
}

#[tokio::test]
async fn an_unchanged_todo_is_sent_back_only_to_a_device_that_is_not_current() {
    for client_is_current in [true, false] {
        let held = Outcome::Unchanged { todo: Some(todo(1, 2, 30).into()), client_is_current };
        let answer = exchange(&[1], vec![held], all(vec![todo(1, 2, 30)])).await;
        assert_eq!(answer.server_changes.is_empty(), client_is_current);
    }
}

#[tokio::test]
async fn a_merged_todo_is_sent_back() {
    let merged = todo(1, 3, 40);
    let answer = exchange(&[1], vec![applied(merged.clone(), false)], all(vec![merged])).await;
    assert_eq!(ids(&answer.server_changes), [id(1)]);
}

#[tokio::test]
async fn a_todo_changed_again_between_write_and_read_is_sent_back() {
    let answer = exchange(&[1], vec![applied(todo(1, 2, 40), true)], all(vec![todo(1, 3, 41)])).await;
    assert_eq!(answer.server_changes[0].version(), 3);
}

#[tokio::test]
async fn a_todo_sent_twice_is_left_out_only_if_the_device_was_current_both_times() {
    let (first, second) = (todo(1, 2, 40), todo(1, 3, 41));
    for (known, sent_back) in [([true, true], 0), ([false, true], 1), ([true, false], 1)] {
        let outcomes = vec![applied(first.clone(), known[0]), applied(second.clone(), known[1])];
        let answer = exchange(&[1, 1], outcomes, all(vec![second.clone()])).await;
        assert_eq!(answer.server_changes.len(), sent_back, "{known:?}");
    }
}

#[tokio::test]
async fn a_todo_in_conflict_is_sent_back_even_if_another_change_of_it_was_accepted() {
    let (current, mine) = (todo(1, 2, 40), todo(1, 3, 41));
    let (refused, accepted) = (conflict(current), applied(mine.clone(), true));
    for outcomes in [vec![refused.clone(), accepted.clone()], vec![accepted, refused]] {
        let answer = exchange(&[1, 1], outcomes, all(vec![mine.clone()])).await;
        assert_eq!(ids(&answer.server_changes), [id(1)]);
    }
}

#[tokio::test]
async fn each_change_keeps_its_outcome_in_order() {
    let outcomes = vec![
        Outcome::Rejected(Rejection::TitleRequired),
        Outcome::Unchanged { todo: None, client_is_current: true },
        conflict(todo(3, 2, 30)),
    ];
    let answer = exchange(&[1, 2, 3], outcomes.clone(), all(vec![])).await;
    assert_eq!(answer.outcomes, outcomes);
}

/// A device creates a todo and loses the answer; another device deletes the todo. The first device
/// sends the creation again from the beginning, and has to learn of the deletion.
#[tokio::test]
async fn a_device_that_sends_a_todo_from_the_beginning_learns_that_it_was_deleted() {
    let (sent, other, live) = (deleted(1, 2, 30), deleted(2, 2, 31), todo(3, 1, 32));
    let found = all(vec![sent.clone(), other, live.clone()]);
    let outcome = Outcome::Unchanged { todo: Some(Arc::new(sent.clone())), client_is_current: false };
    let mut store = MockTodoStore::new();
    store.expect_commit().once().return_once(|_, _, _| Ok(Commit::Done(vec![outcome].into())));
    store
        .expect_changes()
        .once()
        .withf(|_, since, include_deleted, _| (*since, *include_deleted) == (None, true))
        .return_once(|_, _, _, _| Ok(Some(found)));
    let request = SyncRequest { cursor: Cursor::at(None), ..request(&[1]) };
    let outcome = service(store).sync(USER, request).await.expect("the store answers");
    let SyncOutcome::Done(answer) = outcome else { panic!("{outcome:?}") };
    assert_eq!(answer.server_changes, [sent, live], "tombstones of todos that it did not send are left out");
    assert_eq!(answer.sync_timestamp, at(50).into());
}

#[tokio::test]
async fn a_device_that_has_everything_after_the_write_causes_no_read() {
    let decided = Decided { up_to_date: Some(position(50)), ..vec![applied(todo(1, 2, 50), true)].into() };
    let mut store = MockTodoStore::new();
    store.expect_commit().once().return_once(|_, _, _| Ok(Commit::Done(decided)));
    let outcome = service(store).sync(USER, request(&[1])).await.expect("the store answers");
    let SyncOutcome::Done(answer) = outcome else { panic!("{outcome:?}") };
    assert_eq!((answer.outcomes.len(), answer.server_changes.len(), answer.has_more), (1, 0, false));
    assert_eq!((answer.sync_timestamp, answer.digest), (at(50).into(), Some(DIGEST)));
}

#[tokio::test]
async fn a_user_deleted_between_write_and_read_does_not_exist() {
    let mut store = MockTodoStore::new();
    store.expect_commit().once().return_once(|_, _, _| Ok(Commit::Done(vec![].into())));
    store.expect_changes().once().return_once(|_, _, _, _| Ok(None));
    let outcome = service(store).sync(USER, request(&[1])).await.expect("the store answers");
    assert_eq!(outcome, SyncOutcome::NoSuchUser);
}

#[tokio::test]
async fn a_store_that_fails_fails_the_exchange() {
    let mut store = MockTodoStore::new();
    store.expect_commit().once().return_once(|_, _, _| Err(StoreError::Unavailable("gone".into())));
    assert!(service(store).sync(USER, request(&[1])).await.is_err());
}
