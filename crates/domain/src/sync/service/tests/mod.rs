//! The exchange, with a store that answers as the test says.

mod cursors;
mod outcomes;

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
        commit.return_once(|_, _, _| Ok(Commit::Done(outcomes.into())));
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
