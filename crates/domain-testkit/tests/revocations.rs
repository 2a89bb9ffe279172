//! How an instance learns of revocations by other instances.

#![expect(clippy::expect_used, reason = "helpers of tests report a failure by panicking")]

use std::sync::Arc;
use std::time::Duration;

use domain::account::AccountStore as _;
use domain::session::{
    EndReason, RevocationReader, RevocationState, Revocations, Revoked, SessionStore as _,
};
use domain::{Clock as _, SessionId, UserId};
use domain_testkit::build::{at, ending, new_session, new_user};
use domain_testkit::{ManualClock, MemoryStore, RecordingBus};
use uuid::Uuid;

const START: u64 = 1_000_000;

struct Instance {
    reader: RevocationReader,
    clock: Arc<ManualClock>,
    list: Arc<Revocations>,
}

async fn instance_on(store: &Arc<MemoryStore>) -> Instance {
    let clock = Arc::new(ManualClock::at(at(START)));
    let list = Arc::new(Revocations::new(vec![]));
    let mut reader = RevocationReader::new(store.clone(), list.clone(), clock.clone());
    reader.read().await.expect("the store answers");
    Instance { reader, clock, list }
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
    assert_eq!(revocation.expect("the session was live").what, Revoked::Session(id));
    id
}

#[tokio::test]
async fn a_session_that_another_instance_ended_is_known_after_the_next_read() {
    let store = Arc::new(MemoryStore::new(Arc::new(RecordingBus::new())));
    let before = ended_session(&store, START).await;
    let mut instance = instance_on(&store).await;
    assert_eq!(instance.state(before), RevocationState::Revoked);
    // The clock of the other instance is ten minutes slow.
    let after = ended_session(&store, START - 600).await;
    assert_eq!(instance.state(after), RevocationState::Good);
    instance.reader.read().await.expect("the store answers");
    assert_eq!(instance.state(after), RevocationState::Revoked);
}

#[tokio::test]
async fn during_an_outage_the_list_ages_and_the_next_read_continues_where_the_last_one_ended() {
    let store = Arc::new(MemoryStore::new(Arc::new(RecordingBus::new())));
    let mut instance = instance_on(&store).await;
    let during = ended_session(&store, START + 1).await;
    store.set_available(false);
    instance.clock.advance(Duration::from_mins(5));
    assert!(instance.reader.read().await.is_err());
    assert_eq!(instance.state(SessionId(Uuid::nil())), RevocationState::Unknown);
    store.set_available(true);
    instance.reader.read().await.expect("the store answers");
    assert_eq!(instance.state(SessionId(Uuid::nil())), RevocationState::Good);
    assert_eq!(instance.state(during), RevocationState::Revoked);
}
