use std::collections::HashSet;
use std::sync::Arc;

use mockall::Sequence;
use uuid::Uuid;

use super::*;
use crate::sync::cursor::StaleReason;
use crate::sync::history::Epochs;
use crate::time::MockClock;
use crate::todo::{
    Action, Base, Conflict, EventKind, Field, MockTodoStore, Rejection, StoredTodo, Upsert, UserRow, Versions,
};

const USER: UserId = UserId(Uuid::from_u128(7));
const DIGEST: Digest = Digest::from_i64(0x5eed);
const LIMITS: StorageLimits = StorageLimits { live: 500, bytes: 9000, tombstones: 70, sweep: 3 };

fn at(micros: i64) -> Stamp {
    Stamp::from_micros(micros).expect("a stamp")
}

/// The todo `id(n)` at `version`, last changed at `at(stamp)`.
fn todo(n: u128, version: i64, stamp: i64) -> Todo {
    stored(n, version, stamp, None)
}

fn deleted(n: u128, version: i64, stamp: i64) -> Todo {
    stored(n, version, stamp, Some(at(stamp)))
}

fn stored(n: u128, version: i64, stamp: i64, deleted_at: Option<Stamp>) -> Todo {
    let versions = Versions { version, title: version, description: 1, completed: 1, deleted: 1 };
    Todo::from_stored(StoredTodo {
        id: id(n),
        number: 1,
        title: Some("milk".to_owned()),
        description: None,
        completed_at: None,
        created_at: at(0),
        updated_at: at(stamp),
        deleted_at,
        client_id: None,
        versions,
        metadata: None,
        metadata_versions: None,
    })
    .expect("a valid row")
}

fn id(n: u128) -> TodoId {
    TodoId(Uuid::from_u128(n))
}

fn position(clock: i64) -> Position {
    let epochs = Epochs::new([(1, "now".to_owned())]).expect("an epoch");
    let row = UserRow { horizon: at(10), digest: DIGEST, ..UserRow::new(at(clock), 1) };
    row.position(Arc::new(epochs))
}

fn stale() -> StaleCursor {
    StaleCursor { reason: StaleReason::Forgotten, epoch: Epoch("now".into()), horizon: at(30) }
}

fn applied(todo: Todo, client_is_current: bool) -> Outcome {
    Outcome::Applied { todo: todo.into(), event: EventKind::Updated, client_is_current }
}

fn conflict(todo: Todo) -> Outcome {
    Outcome::Conflict(Conflict {
        current: todo.into(),
        base: Some(1),
        fields: vec![Field::Title],
        applied: None,
        strategy: Strategy::Manual,
        server_wins: false,
    })
}

/// A request that names the todos `ids`. The mocked store decides the outcomes.
fn request(ids: &[u128]) -> SyncRequest {
    let change = |n: &u128| Change {
        id: id(*n),
        base: Base::Version(1),
        action: Action::Upsert(Upsert::default()),
        client_id: None,
    };
    SyncRequest {
        cursor: Cursor::at(Some(at(20))),
        strategy: Strategy::Merge,
        changes: ids.iter().map(change).collect(),
        limit: 3,
        include_deleted: false,
    }
}

fn service(store: MockTodoStore) -> SyncService {
    let mut clock = MockClock::new();
    clock.expect_now().return_const(at(100));
    SyncService::new(Arc::new(store), Arc::new(clock), LIMITS)
}

/// The answer to a device that sends the todos `ids`, if the store decides `outcomes` and then
/// finds `changes`.
async fn exchange(ids: &[u128], outcomes: Vec<Outcome>, changes: Changes) -> SyncAnswer {
    let mut store = MockTodoStore::new();
    let mut order = Sequence::new();
    if !ids.is_empty() {
        let commit = store.expect_commit().once().in_sequence(&mut order);
        commit.return_once(|_, _, _| Ok(Commit::Done(outcomes)));
    }
    let named: HashSet<_> = ids.iter().collect();
    let looked_at = 3 + u32::try_from(named.len()).expect("a few");
    let read = store.expect_changes().once().in_sequence(&mut order);
    read.withf(move |user, since, include_deleted, limit| {
        (*user, *since, *include_deleted) == (USER, Some(at(20)), true) && (3..=looked_at).contains(limit)
    })
    .return_once(|_, _, _, _| Ok(Some(changes)));
    match service(store).sync(USER, request(ids)).await.expect("the store answers") {
        SyncOutcome::Done(answer) => answer,
        other => panic!("{other:?}"),
    }
}

fn all(todos: Vec<Todo>) -> Changes {
    Changes { todos, has_more: false, position: position(50) }
}

fn ids(todos: &[Todo]) -> Vec<TodoId> {
    todos.iter().map(Todo::id).collect()
}

#[tokio::test]
async fn the_changes_of_a_device_are_one_batch_on_its_cursor_under_the_quota() {
    let mut store = MockTodoStore::new();
    let expected = Batch {
        changes: request(&[1, 2]).changes,
        strategy: Strategy::Merge,
        all_or_nothing: false,
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
    store.expect_commit().once().return_once(|_, _, _| Ok(Commit::Done(vec![applied(todo(1, 2, 40), true)])));
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
        all_or_nothing: false,
        cursor: Some(Cursor::at(Some(at(20)))),
        limits: LIMITS,
    };
    // The other device of a race wrote more in between: the cursor is not ahead any more.
    for (committed, read_again, expected) in [
        (Commit::StaleCursor(stale()), None, SyncOutcome::StaleCursor(stale())),
        (Commit::NoSuchUser, None, SyncOutcome::NoSuchUser),
        (Commit::Done(vec![]), Some(None), SyncOutcome::NoSuchUser),
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

/// A device creates a todo and loses the answer; another device deletes the todo. The first device
/// sends the creation again from the beginning, and has to learn of the deletion.
#[tokio::test]
async fn a_device_that_sends_a_todo_from_the_beginning_learns_that_it_was_deleted() {
    let (sent, other, live) = (deleted(1, 2, 30), deleted(2, 2, 31), todo(3, 1, 32));
    let found = all(vec![sent.clone(), other, live.clone()]);
    let outcome = Outcome::Unchanged { todo: Some(Arc::new(sent.clone())), client_is_current: false };
    let mut store = MockTodoStore::new();
    store.expect_commit().once().return_once(|_, _, _| Ok(Commit::Done(vec![outcome])));
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
async fn a_user_deleted_between_write_and_read_does_not_exist() {
    let mut store = MockTodoStore::new();
    store.expect_commit().once().return_once(|_, _, _| Ok(Commit::Done(vec![])));
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
