//! What a user can leave behind in a store, under the default limits.

use std::sync::Arc;
use std::time::Duration;

use domain::account::AccountStore;
use domain::housekeeping::{HousekeepingService, Retention};
use domain::sync::{Cursor, SyncOutcome, SyncRequest, SyncService};
use domain::todo::{Base, Change, Edit, Outcome, StorageLimits, Strategy, TodoStore, Upsert};
use domain::{TodoId, UserId};
use domain_testkit::build::{T0, at, description, new_user, title, todo_id, upsert};
use domain_testkit::{ManualClock, MemoryStore, Operator, RecordingBus};

const DAY: u64 = 24 * 3600;

fn creation(id: TodoId) -> Change {
    let description = Some(Some(description(&"litres of milk ".repeat(10))));
    let edit = Edit { title: Some(title("milk")), description, ..Edit::default() };
    upsert(id, Base::Unknown, Upsert { edit, ..Upsert::default() })
}

fn deletion(id: TodoId) -> Change {
    upsert(id, Base::Version(1), Upsert { deleted: Some(true), ..Upsert::default() })
}

async fn stored(store: &MemoryStore, user: UserId) -> (u32, u64) {
    let row = &store.user_rows().await[&user];
    (row.live + row.tombstones, row.stored_bytes)
}

/// Forty requests that each create and delete 500 todos.
#[tokio::test]
async fn creating_and_deleting_leaves_few_rows_and_after_a_week_no_text() {
    let store = Arc::new(MemoryStore::new(Arc::new(RecordingBus::new())));
    let new = new_user();
    let user = new.id;
    store.register(new, None, T0).await.expect("registers");
    let clock = Arc::new(ManualClock::at(T0));
    let service = SyncService::new(store.clone(), clock.clone(), StorageLimits::default());
    for _ in 0..40 {
        let ids: Vec<_> = (0..500).map(|_| todo_id()).collect();
        let request = SyncRequest {
            cursor: Cursor::default(),
            strategy: Strategy::Manual,
            changes: ids.iter().copied().map(creation).chain(ids.iter().copied().map(deletion)).collect(),
            limit: 1000,
            include_deleted: false,
        };
        let outcome = service.sync(user, request).await.expect("an answer");
        let SyncOutcome::Done(answer) = outcome else { panic!("{outcome:?}") };
        assert!(answer.outcomes.iter().all(Outcome::succeeded));
        assert!(answer.server_changes.is_empty(), "a device at the beginning has nothing to delete");
        let (rows, _) = stored(&store, user).await;
        assert!(rows <= 10_000, "{rows}");
    }
    let (rows, bytes) = stored(&store, user).await;
    assert!(rows > 9_000 && bytes > 1_000_000, "{rows} rows with {bytes} bytes");

    let retention = Retention {
        tombstones: Duration::from_secs(90 * DAY),
        tombstone_texts: Duration::from_secs(7 * DAY),
    };
    let housekeeping = HousekeepingService::new(store.clone(), store.clone(), clock.clone(), retention);
    for (day, expected) in [(6, (rows, bytes)), (8, (rows, 0)), (91, (0, 0))] {
        clock.set(at(day * DAY));
        while housekeeping.delete_expired(1000).await.expect("an answer") > 0 {}
        assert_eq!(stored(&store, user).await, expected, "on day {day}");
    }
    let position = store.position(user).await.expect("an answer").expect("the user exists");
    assert_eq!(position.horizon, position.clock, "every tombstone is gone");
}
