//! Removes what is of no more use: expired tokens and sessions, revocations that are over, old mails and tombstones.
//!
//! It goes in small batches with pauses, so that requests come in between; several instances may do it at once.

use std::sync::Arc;
use std::time::Duration;

use domain::session::SessionStore;
use domain::todo::TodoStore;
use domain::{Clock, StoreError};
use metrics::counter;

use crate::stop::Stop;

/// The most rows of a kind that one transaction removes.
const BATCH: u32 = 500;
/// How long others have the store to themselves between two batches.
const PAUSE: Duration = Duration::from_millis(50);

/// The housekeeper of one instance.
pub struct Housekeeper {
    /// Where sessions, tokens, revocations and mails are kept.
    pub sessions: Arc<dyn SessionStore>,
    /// Where tombstones are kept.
    pub todos: Arc<dyn TodoStore>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// How long a tombstone is kept.
    pub tombstone_age: Duration,
    /// The longest life of an access token: a session can be ended for that long after its own end.
    pub longest_access: Duration,
    /// How long from one tidying to the next.
    pub period: Duration,
}

impl Housekeeper {
    /// Tidies at once and then again and again until the server stops. A failure is logged, and mended by the next time.
    pub async fn run(self, mut stop: Stop) {
        while !stop.is_requested() {
            match self.tidy(&mut stop).await {
                Ok(0) => {}
                Ok(rows) => tracing::info!(rows, "removed what was of no more use"),
                Err(error) => tracing::warn!(%error, "can't remove what is of no more use"),
            }
            stop.sleep(self.period).await;
        }
    }

    /// How many rows went.
    async fn tidy(&self, stop: &mut Stop) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let over = now.minus(self.longest_access);
        let old = now.minus(self.tombstone_age);
        let mut total = 0;
        while !stop.is_requested() {
            let swept = self.sessions.sweep(over, BATCH).await?;
            let tombstones = self.todos.sweep_tombstones(old, BATCH).await?;
            counter!("housekeeping_rows_removed_total").increment(swept + tombstones);
            total += swept + tombstones;
            if swept + tombstones == 0 {
                break;
            }
            stop.sleep(PAUSE).await;
        }
        Ok(total)
    }
}

#[cfg(test)]
mod tests {
    use domain::account::AccountStore as _;
    use domain::session::SessionStore as _;
    use domain_testkit::build::{at, batch, create, delete, new_session, new_user, todo_id};
    use domain_testkit::{FixedClock, MemoryStore, RecordingBus};

    use super::*;
    use crate::stop::Stopper;

    const DAY: u64 = 24 * 3600;

    #[tokio::test]
    async fn what_is_past_its_age_goes_and_what_is_not_stays() {
        let store = Arc::new(MemoryStore::new(Arc::new(RecordingBus::new())));
        let (user, session) = (new_user(), new_session(at(7 * DAY)));
        let (id, hash) = (user.id, session.hash);
        store.register(user, Some(session), at(0)).await.expect("the store answers");
        let todo = todo_id();
        store.commit(id, batch([create(todo, "milk")]), at(1)).await.expect("the store answers");
        store.commit(id, batch([delete(todo)]), at(2)).await.expect("the store answers");

        let clock = Arc::new(FixedClock::at(at(0)));
        let housekeeper = Housekeeper {
            sessions: store.clone(),
            todos: store.clone(),
            clock: clock.clone(),
            tombstone_age: Duration::from_secs(90 * DAY),
            longest_access: Duration::from_secs(7 * DAY),
            period: Duration::from_secs(1),
        };
        let stopper = Stopper::new();
        let mut stop = stopper.subscribe();
        let mut removed_on = async |day: u64| {
            clock.set(at(day * DAY + 10));
            housekeeper.tidy(&mut stop).await.expect("the store answers")
        };
        assert_eq!(removed_on(8).await, 0, "its access tokens may still live");
        assert!(store.find(&hash).await.expect("the store answers").is_some());
        assert!(removed_on(14).await > 0);
        assert!(store.find(&hash).await.expect("the store answers").is_none());
        assert_eq!(removed_on(89).await, 0);
        assert!(store.get(id, todo).await.expect("the store answers").is_some());
        assert_eq!(removed_on(90).await, 1);
        assert!(store.get(id, todo).await.expect("the store answers").is_none());
    }
}
