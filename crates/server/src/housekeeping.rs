//! Deletes expired rows: tokens, sessions, revocations, old emails and tombstones.
//!
//! It deletes small batches with pauses in between, so that requests are not delayed. Several
//! instances may run it at the same time.

use std::time::Duration;

use domain::StoreError;
use domain::housekeeping::HousekeepingService;
use metrics::counter;

use crate::stop::Stop;

/// The maximum number of rows of one kind that one transaction deletes.
const BATCH: u32 = 500;
/// The pause between two batches.
const PAUSE: Duration = Duration::from_millis(50);

/// The housekeeper of one instance.
#[derive(Clone)]
pub struct Housekeeper {
    pub service: HousekeepingService,
    /// The pause between two runs.
    pub period: Duration,
}

impl Housekeeper {
    /// Deletes expired rows at once and then once per period, until the server stops. A failure is
    /// logged; the next run deletes the rows.
    pub async fn run(self, mut stop: Stop) {
        while !stop.is_requested() {
            match self.delete_expired(&mut stop).await {
                Ok(0) => {}
                Ok(rows) => tracing::info!(rows, "deleted expired rows"),
                Err(error) => tracing::warn!(%error, "can't delete expired rows"),
            }
            stop.sleep(self.period).await;
        }
    }

    /// Deletes until no expired row is left. Returns the number of deleted rows.
    async fn delete_expired(&self, stop: &mut Stop) -> Result<u64, StoreError> {
        let mut total = 0;
        while !stop.is_requested() {
            let rows = self.service.delete_expired(BATCH).await?;
            counter!("housekeeping_rows_removed_total").increment(rows);
            total += rows;
            if rows == 0 {
                break;
            }
            stop.sleep(PAUSE).await;
        }
        Ok(total)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::account::AccountStore as _;
    use domain::housekeeping::Retention;
    use domain::session::SessionStore as _;
    use domain::todo::TodoStore as _;
    use domain_testkit::build::{at, batch, create, delete, new_session, new_user, todo_id};
    use domain_testkit::{ManualClock, MemoryStore, RecordingBus};

    use super::*;
    use crate::stop::ShutdownHandle;

    const DAY: u64 = 24 * 3600;

    #[tokio::test]
    async fn expired_rows_are_deleted_and_others_are_kept() {
        let store = Arc::new(MemoryStore::new(Arc::new(RecordingBus::new())));
        let (user, session) = (new_user(), new_session(at(7 * DAY)));
        let (id, hash) = (user.id, session.hash);
        store.register(user, Some(session), at(0)).await.expect("the store answers");
        let todo = todo_id();
        store.commit(id, batch([create(todo, "milk")]), at(1)).await.expect("the store answers");
        store.commit(id, batch([delete(todo)]), at(2)).await.expect("the store answers");

        let clock = Arc::new(ManualClock::at(at(0)));
        let retention = Retention {
            tombstones: Duration::from_secs(90 * DAY),
            tombstone_texts: Duration::from_secs(30 * DAY),
        };
        let service = HousekeepingService::new(store.clone(), store.clone(), clock.clone(), retention);
        let housekeeper = Housekeeper { service, period: Duration::from_secs(1) };
        let shutdown = ShutdownHandle::new();
        let mut stop = shutdown.subscribe();
        let mut deleted_on = async |day: u64| {
            clock.set(at(day * DAY + 10));
            housekeeper.delete_expired(&mut stop).await.expect("the store answers")
        };
        assert_eq!(deleted_on(8).await, 0, "its device learns that the login has expired");
        assert!(store.find(&hash).await.expect("the store answers").is_some());
        assert!(deleted_on(14).await > 0);
        assert!(store.find(&hash).await.expect("the store answers").is_none());
        let is_shrunk = async || {
            let todo = store.get(id, todo).await.expect("the store answers").expect("it is kept");
            todo.is_shrunk()
        };
        assert_eq!((deleted_on(29).await, is_shrunk().await), (0, false));
        assert_eq!((deleted_on(31).await, is_shrunk().await), (1, true));
        assert_eq!(deleted_on(89).await, 0);
        assert!(store.get(id, todo).await.expect("the store answers").is_some());
        assert_eq!(deleted_on(90).await, 1);
        assert!(store.get(id, todo).await.expect("the store answers").is_none());
    }
}
