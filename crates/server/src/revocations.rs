//! Keeps this instance's list of revocations fresh, so that what another instance ended ends here within two seconds.

use std::sync::Arc;
use std::time::Duration;

use domain::session::{Revocations, SessionStore};
use domain::{Clock, Stamp, StoreError};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// How often the store is asked.
const PERIOD: Duration = Duration::from_secs(1);
/// How far back each reading begins before the last one: a revocation carries the time of the instance that made it, whose clock
/// may be behind, and becomes visible when its transaction commits.
const OVERLAP: Duration = Duration::from_mins(1);

/// Reads revocations into the list.
pub struct Poll {
    store: Arc<dyn SessionStore>,
    list: Arc<Revocations>,
    clock: Arc<dyn Clock>,
    /// When the last reading that succeeded began.
    read_at: Option<Stamp>,
}

impl Poll {
    /// Fills `list` from all that `store` keeps.
    pub async fn begin(
        store: Arc<dyn SessionStore>,
        list: Arc<Revocations>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let mut poll = Self { store, list, clock, read_at: None };
        poll.read().await?;
        Ok(poll)
    }

    async fn read(&mut self) -> Result<(), StoreError> {
        let reading = self.clock.reading();
        let now = reading.now;
        // A clock that was set back begins anew from where it is.
        let since = self.read_at.map(|last| last.min(now).minus(OVERLAP));
        let news = self.store.revocations(since, now).await?;
        self.list.refresh(&news, reading);
        self.read_at = Some(now);
        Ok(())
    }

    /// Reads again each second, for ever. An outage is logged when it begins and when it ends.
    pub async fn run(mut self) {
        let mut ticks = interval_at(Instant::now() + PERIOD, PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            ticks.tick().await;
            let outcome = self.read().await;
            match &outcome {
                Ok(()) if failing => tracing::info!("revocations can be read again"),
                Err(error) if !failing => tracing::error!(%error, "revocations can't be read"),
                Ok(()) | Err(_) => {}
            }
            failing = outcome.is_err();
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::account::AccountStore as _;
    use domain::session::{EndReason, RevocationState, Revoked};
    use domain::{SessionId, UserId};
    use domain_testkit::build::{at, ending, new_session, new_user};
    use domain_testkit::{FixedClock, MemoryStore, RecordingBus};
    use uuid::Uuid;

    use super::*;

    const START: u64 = 1_000_000;

    struct Instance {
        poll: Poll,
        clock: Arc<FixedClock>,
        list: Arc<Revocations>,
    }

    async fn instance_on(store: &Arc<MemoryStore>) -> Instance {
        let clock = Arc::new(FixedClock::at(at(START)));
        let list = Arc::new(Revocations::new(vec![]));
        let poll = Poll::begin(store.clone(), list.clone(), clock.clone()).await.expect("a first reading");
        Instance { poll, clock, list }
    }

    impl Instance {
        fn state(&self, session: SessionId) -> RevocationState {
            self.list.state(UserId(Uuid::nil()), Some(session), self.clock.reading())
        }
    }

    /// Opens a session and ends it at `ended`.
    async fn ended_session(store: &MemoryStore, ended: u64) -> SessionId {
        let session = new_session(at(START * 2));
        let (user, id) = (new_user(), session.id);
        let owner = user.id;
        store.register(user, Some(session), at(START)).await.expect("the store answers");
        let revocation =
            store.end(owner, id, ending(EndReason::Logout, at(ended))).await.expect("the store answers");
        assert_eq!(revocation.expect("it was live").what, Revoked::Session(id));
        id
    }

    #[tokio::test]
    async fn what_another_instance_ended_is_known_from_the_start_or_after_the_next_reading() {
        let store = Arc::new(MemoryStore::new(Arc::new(RecordingBus::new())));
        let before = ended_session(&store, START).await;
        let mut instance = instance_on(&store).await;
        assert_eq!(instance.state(before), RevocationState::Revoked);
        // By a clock that is most of a minute behind.
        let after = ended_session(&store, START - 59).await;
        assert_eq!(instance.state(after), RevocationState::Good);
        instance.poll.read().await.expect("read");
        assert_eq!(instance.state(after), RevocationState::Revoked);
    }

    #[tokio::test]
    async fn while_the_store_is_away_the_list_ages_and_the_next_reading_takes_up_where_the_last_ended() {
        let store = Arc::new(MemoryStore::new(Arc::new(RecordingBus::new())));
        let mut instance = instance_on(&store).await;
        let during = ended_session(&store, START + 1).await;
        store.set_available(false);
        instance.clock.advance(Duration::from_mins(5));
        assert!(instance.poll.read().await.is_err());
        assert_eq!(instance.state(SessionId(Uuid::nil())), RevocationState::Unknown);
        store.set_available(true);
        instance.poll.read().await.expect("read");
        assert_eq!(instance.state(SessionId(Uuid::nil())), RevocationState::Good);
        assert_eq!(instance.state(during), RevocationState::Revoked);
    }
}
